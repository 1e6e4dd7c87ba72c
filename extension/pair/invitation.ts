/**
 * An invitation to pair: `http://127.0.0.1:28273/pair#code=…`, opened in the browser by the person.
 *
 * The address must be a loopback address. The name localhost is refused, because it may resolve to two of them. The
 * short code is a digest of code and address, and the terminal shows the same one.
 */
const ADDRESS = /^(http:\/\/(?:127\.0\.0\.1|\[::1\])(?::\d{1,5})?)\/pair#code=([A-Za-z0-9_-]{8,128})$/;
/** Base32 without letters that look alike, as `tabtape pair` writes it. */
const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

export interface Invitation {
  url: string;
  code: string;
}

export function readInvitation(address: string): Invitation | null {
  const match = ADDRESS.exec(address);
  return match === null ? null : { url: match[1] as string, code: match[2] as string };
}

export async function shortCode({ url, code }: Invitation): Promise<string> {
  const text = `tabtape pair ${code} ${url.slice("http://".length)}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const letters = Array.from(digest.subarray(0, 6), (byte) => LETTERS[byte % 32]).join("");
  return `${letters.slice(0, 3)}-${letters.slice(3)}`;
}
