/** Pages of applications that others ship: their tags, and an expression that is true once the content shows. */

const THINGS = 40;

/** The document that API references show. */
export const OPENAPI = JSON.stringify({
  openapi: "3.1.0",
  info: { title: "Things", version: "1" },
  paths: Object.fromEntries(
    Array.from({ length: THINGS }, (_, at) => [
      `/things/${at}`,
      {
        get: {
          tags: [`group ${at % 4}`],
          summary: `Thing ${at}`,
          responses: { 200: { description: "A thing" } },
        },
      },
    ]),
  ),
});

/** @type {Record<string, { head: string, body: string, isShown: string }>} */
export const APPLICATIONS = {
  "Swagger UI": {
    head: '<link rel="stylesheet" href="/swagger-ui-dist/swagger-ui.css">',
    body: `<div id="ui"></div><script src="/swagger-ui-dist/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: "/openapi.json", dom_id: "#ui" })</script>`,
    isShown: `document.querySelectorAll(".opblock").length >= ${THINGS}`,
  },
  Redoc: {
    head: "",
    body: '<redoc spec-url="/openapi.json"></redoc><script src="/redoc/bundles/redoc.standalone.js"></script>',
    isShown: 'document.body.innerText.includes("Thing 39")',
  },
  Scalar: {
    head: "",
    body: `<div id="ui"></div><script src="/@scalar/api-reference/dist/browser/standalone.js"></script>
<script>Scalar.createApiReference("#ui", { url: "/openapi.json" })</script>`,
    isShown: 'document.body.innerText.includes("Thing 0")',
  },
  "Monaco editor": {
    head: '<link rel="stylesheet" href="/monaco-editor/min/vs/editor/editor.main.css">',
    body: `<div id="ui" style="height: 600px"></div><script src="/monaco-editor/min/vs/loader.js"></script><script>
  require.config({ paths: { vs: "/monaco-editor/min/vs" } });
  require(["vs/editor/editor.main"], () => {
    const value = Array.from({ length: 500 }, (_, at) => "const value" + at + " = " + at + ";").join("\\n");
    monaco.editor.create(document.querySelector("#ui"), { value, language: "typescript" });
  });
</script>`,
    isShown: 'document.querySelectorAll(".view-line span.mtk1, .view-line span[class*=mtk]").length > 20',
  },
  TinyMCE: {
    head: "",
    body: `<textarea id="ui">Hello</textarea><script src="/tinymce/tinymce.min.js"></script>
<script>tinymce.init({ selector: "#ui", license_key: "gpl", plugins: "lists link table code image", promotion: false })</script>`,
    isShown: 'Boolean(window.tinymce?.get("ui")?.initialized)',
  },
};
