/** The size of a request's body as webRequest gives it, and its text where it is text. */

type Body = chrome.webRequest.OnBeforeRequestDetails["requestBody"];

export function bodyOf(body: Body | null): { bytes: number | null; text: string | null } {
  if (body?.formData) {
    const text = new URLSearchParams(
      Object.entries(body.formData).flatMap(([name, values]) =>
        values.map((value): [string, string] => [name, `${value}`]),
      ),
    ).toString();
    return { bytes: text.length, text };
  }
  if (!body?.raw) return { bytes: null, text: null };
  let bytes = 0;
  let text: string | null = "";
  for (const part of body.raw) {
    if (part.bytes === undefined) text = null;
    else {
      bytes += part.bytes.byteLength;
      if (text !== null) text = decode(part.bytes, text);
    }
  }
  return { bytes, text };
}

const MAX_BODY_TEXT = 1 << 20;

function decode(bytes: ArrayBuffer, before: string): string | null {
  if (before.length + bytes.byteLength > MAX_BODY_TEXT) return null;
  try {
    return before + new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Not text.
    return null;
  }
}
