/** What the worker itself asks of the paired collector: delivering is the core's. */
import type { CollectorTarget } from "../../src/web/types.ts";

/**
 * Asks the collector that is paired, once whoever listens at its address has proved to be it: a token goes to nobody
 * who has merely taken the port.
 */
export async function askCollector<T>(
  collector: CollectorTarget,
  method: "POST" | "DELETE",
  path: string,
  body?: object,
): Promise<T> {
  await prove(collector);
  return ask<T>(method, `${collector.url}${path}`, body, { authorization: `Bearer ${collector.token}` });
}

/** Asks without a token. */
export async function ask<T>(
  method: "POST" | "DELETE",
  url: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json().catch(() => ({}))) as T & { detail?: string; title?: string };
  if (!response.ok) throw new Error(answer.detail ?? answer.title ?? `${url} answered ${response.status}`);
  return answer;
}

/** Throws unless whoever listens knows the pairing's secret: HMAC(secret, nonce ‖ host:port). */
async function prove({ url, secret, pairing }: CollectorTarget): Promise<void> {
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const sent = { nonce: hex(nonce), ...(pairing === undefined ? {} : { pairing }) };
  const { hmac } = await ask<{ hmac: string }>("POST", `${url}/v1/hello`, sent);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", unhex(secret), algorithm, false, ["verify"]);
  const host = new TextEncoder().encode(new URL(url).host);
  const isProved = await crypto.subtle.verify("HMAC", key, unhex(hmac), concat(nonce, host));
  if (!isProved) throw new Error(`something else than the paired collector answers at ${url}`);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function unhex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
