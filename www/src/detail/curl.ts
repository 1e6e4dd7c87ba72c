/**
 * A request as a curl command for a POSIX shell.
 *
 * Captured text is hostile: every value is one single-quoted word, in which a shell expands nothing; a
 * quote in it is closed, escaped and opened again.
 */
/** A request to copy, as curl, fetch or otherwise. */
export interface CopiedRequest {
  method: string;
  url: string;
  headers: [name: string, value: string][];
  body?: string;
}

/** Headers that the client sets itself, or that mean nothing outside of their connection. */
export const LEFT_OUT = new Set(["host", "content-length", "connection", "accept-encoding"]);

export function curlCommand({ method, url, headers, body }: CopiedRequest): string {
  const parts = [`curl --url ${word(url)}`];
  if (method !== "GET") parts.push(`--request ${word(method)}`);
  for (const [name, value] of headers) {
    if (name.startsWith(":") || LEFT_OUT.has(name.toLowerCase())) continue;
    parts.push(`--header ${word(`${name}: ${value}`)}`);
  }
  if (body !== undefined && body !== "") parts.push(`--data-raw ${word(body)}`);
  return parts.join(" \\\n  ");
}

/**
 * One shell word. Control characters, which a terminal would act on when pasted, become spaces, and so do marks
 * that show text in another order than it has.
 */
export function word(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const clean = text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, " ");
  return `'${clean.replaceAll("'", `'\\''`)}'`;
}
