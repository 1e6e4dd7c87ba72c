/** The size of a request's body as webRequest gives it, and the beginning of its text where it is text. */
import { beginning } from "../budget.ts";

type Given = chrome.webRequest.OnBeforeRequestDetails["requestBody"];

export interface Body {
  bytes: number | null;
  /** Null if it is not wanted, is no text, or is too long to look at. */
  text: string | null;
  /** Characters of the whole text. */
  length: number;
}

export const NO_BODY: Body = { bytes: null, text: null, length: 0 };
const MAX_DECODED_BYTES = 1 << 20;

/** At most `maxBytes` of the text are kept; with 0, it is not decoded at all. */
export function bodyOf(body: Given | null, maxBytes: number): Body {
  if (body?.formData) {
    const text = new URLSearchParams(
      Object.entries(body.formData).flatMap(([name, values]) =>
        values.map((value): [string, string] => [name, `${value}`]),
      ),
    ).toString();
    return { bytes: text.length, ...kept(text, maxBytes) };
  }
  if (!body?.raw) return NO_BODY;
  const bytes = body.raw.reduce((sum, part) => sum + (part.bytes?.byteLength ?? 0), 0);
  const isWanted = maxBytes > 0 && bytes <= MAX_DECODED_BYTES;
  return { bytes, ...kept(isWanted ? decode(body.raw) : null, maxBytes) };
}

function kept(text: string | null, maxBytes: number): Pick<Body, "text" | "length"> {
  if (text === null || maxBytes === 0) return { text: null, length: 0 };
  return { text: beginning(text, maxBytes), length: text.length };
}

function decode(parts: chrome.webRequest.UploadData[]): string | null {
  try {
    return parts
      .map(({ bytes }) => {
        if (bytes === undefined) throw new Error("a file");
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      })
      .join("");
  } catch {
    // Not text.
    return null;
  }
}
