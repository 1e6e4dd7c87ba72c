/** Addresses as a document resolves them, without running code of the page. */
import { beginsWith, getterOf, read } from "./natives.ts";
import { withoutFragment } from "./request_events.ts";

const NativeURL = URL;
const href = getterOf(URL.prototype, "href");
const baseUri = getterOf(Node.prototype, "baseURI");
const here = document;

/**
 * Returns the absolute address, without its fragment, that `input` leads to: null if its scheme is no network's, empty
 * if reading it would run code of the page.
 */
export function resolved(input: unknown): string | null {
  let url: unknown = input;
  if (typeof input === "object" && input !== null) url = read(href, input);
  if (typeof url !== "string") return "";
  try {
    url = read(href, new NativeURL(url, read(baseUri, here) as string));
  } catch {
    return null;
  }
  return typeof url === "string" && beginsWith(url, "http") ? withoutFragment(url) : null;
}
