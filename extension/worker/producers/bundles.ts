/**
 * The scripts of one document, to find the modules in them that webpack evaluates.
 *
 * A stack names such a module, `webpack-internal:///./src/cart.js`, and not the script that contains it.
 */
import { withTimeout } from "../with_timeout.ts";
import { type FetchText, MappedScript } from "./source_map.ts";

/** Scripts that are looked through: the newest. */
const MAX_SCRIPTS = 30;

export const EVALUATED_MODULE = "webpack-internal:///";

export class Bundles {
  #documentId = "";
  readonly #texts = new Map<string, Promise<string | null>>();

  constructor(private readonly fetchText: FetchText) {}

  /** Finds a module in the scripts of a document that `isOwn` accepts. */
  async module(
    { tab_id, document_id }: Record<string, string>,
    url: string,
    isOwn: (script: string) => boolean,
  ): Promise<MappedScript | null> {
    if (tab_id === undefined || document_id === undefined) return null;
    if (document_id !== this.#documentId) this.#texts.clear();
    this.#documentId = document_id;
    const scripts = (await scriptsOf(Number(tab_id), document_id)).filter(isOwn);
    // A hot update repeats the modules that it replaces.
    for (const script of scripts.slice(-MAX_SCRIPTS).reverse()) {
      const text = await this.#text(script);
      const found = text === null ? null : await MappedScript.ofModule(url, text);
      if (found !== null) return found;
    }
    return null;
  }

  #text(script: string): Promise<string | null> {
    const text =
      this.#texts.get(script) ??
      this.fetchText(script).then(
        (fetched) => fetched?.text ?? null,
        () => null,
      );
    this.#texts.set(script, text);
    return text;
  }
}

/** Returns the addresses of a document's scripts, the last one loaded last. */
async function scriptsOf(tabId: number, documentId: string): Promise<string[]> {
  const asked = chrome.scripting.executeScript({
    target: { tabId, documentIds: [documentId] },
    injectImmediately: true,
    // webpack removes the elements of the parts that it loads later.
    func: () => [
      ...[...document.scripts].map(({ src }) => src),
      ...(performance.getEntriesByType("resource") as PerformanceResourceTiming[])
        .filter(({ initiatorType }) => initiatorType === "script")
        .map(({ name }) => name),
    ],
  });
  try {
    const [answer] = await withTimeout(asked, "the scripts of a document");
    const scripts = answer?.result ?? [];
    return scripts.filter((script, i) => scripts.lastIndexOf(script) === i);
  } catch {
    // The document is gone.
    return [];
  }
}
