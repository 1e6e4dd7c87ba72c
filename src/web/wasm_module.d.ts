/** The build of `tabtape/inline` replaces this import by the wasm in base64. */
declare module "*/tabtape.wasm" {
  const base64: string;
  export default base64;
}
