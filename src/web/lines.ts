import { checked } from "./kinds.ts";
import { SIGNATURES } from "./signatures.ts";
import { attempt, type Glue, type Instance, instance } from "./wasm.ts";

type WasmLines = Glue["WasmLines"]["prototype"];

const encoder = new TextEncoder();

/** Stored lines in memory, as an export has them: envelopes and gaps, one per line. */
export class Lines {
  readonly #instance: Instance;
  readonly #wasm: WasmLines;

  /** Takes NDJSON. */
  constructor(text: string) {
    const [lines] = checked(SIGNATURES["new Lines"], text);
    this.#instance = instance();
    this.#wasm = attempt(this.#instance, () => new this.#instance.glue.WasmLines(encoder.encode(lines)));
  }

  /** Returns the indexes of the lines that a selector wants: events that match, and gaps of a wanted category. */
  select(selector: string): number[] {
    const row = checked(SIGNATURES["Lines.select"], selector);
    return [...attempt(this.#instance, () => this.#wasm.select(...row))];
  }

  /** Returns the network events as an HTTP archive (HAR 1.2), of one request if `requestId` is given. */
  har(requestId?: string): string {
    const row = checked(SIGNATURES["Lines.har"], requestId);
    return attempt(this.#instance, () => this.#wasm.har(...row));
  }
}
