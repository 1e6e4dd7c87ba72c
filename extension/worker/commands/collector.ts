/**
 * Requests of the worker itself to the paired collector; the core delivers batches.
 *
 * Requests are sealed as those of the core are; `src/sealed.rs` has the format. No other process can read one, make one,
 * or give an answer to one, so nothing here is of use to a program that has taken the collector's port.
 */
import type { CollectorTarget } from "../../../src/web/types.ts";

const NONCE_BYTES = 32;
const IV_BYTES = 12;
/** The key of a request is never used again, so its initialisation vector is fixed. */
const REQUEST_IV = new Uint8Array(IV_BYTES);
const utf8 = new TextEncoder();

/** Sends a sealed request to the paired collector. Throws unless the collector itself answers that it was done. */
export async function askCollector<T>(
  collector: CollectorTarget,
  method: "POST" | "DELETE",
  path: string,
  body?: object,
): Promise<T> {
  const { url, secret, pairing } = collector;
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const type = body === undefined ? {} : { content_type: "application/json" };
  const head = JSON.stringify({ time_ms: Date.now(), method, path, ...type });
  const plain = utf8.encode(`${head}\n${body === undefined ? "" : JSON.stringify(body)}`);
  const algorithm = { name: "AES-GCM", additionalData: utf8.encode(new URL(url).host) };
  const requestKey = await keyOf(secret, nonce, "tabtape sealed request 1", "encrypt");
  const cipher = await crypto.subtle.encrypt({ ...algorithm, iv: REQUEST_IV }, requestKey, plain);

  const response = await fetch(`${url}/v1/sealed`, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      ...(pairing === undefined ? {} : { "tabtape-pairing": pairing }),
    },
    body: new Blob([nonce, cipher]),
    redirect: "error",
  });
  const sealed = await response.arrayBuffer();
  const responseKey = await keyOf(secret, nonce, "tabtape sealed response 1", "decrypt");
  const opened = await crypto.subtle
    .decrypt({ ...algorithm, iv: sealed.slice(0, IV_BYTES) }, responseKey, sealed.slice(IV_BYTES))
    .catch(() => {
      throw new Error(`something else than the paired collector answers at ${url}`);
    });
  const text = new TextDecoder().decode(opened);
  const end = text.indexOf("\n");
  const { status } = JSON.parse(text.slice(0, end)) as { status: number };
  return accepted<T>(status, text.slice(end + 1), url);
}

/** Posts without a secret. */
export async function post<T>(url: string, body: object): Promise<T> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return accepted<T>(response.status, await response.text(), url);
}

/** Throws what the collector says is wrong, unless it did what was asked. */
function accepted<T>(status: number, text: string, url: string): T {
  let answer: T & { detail?: string; title?: string };
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`${url} answered ${status}`);
  }
  if (status < 200 || status > 299)
    throw new Error(answer.detail ?? answer.title ?? `${url} answered ${status}`);
  return answer;
}

/** HMAC(secret, nonce ‖ label). */
async function keyOf(
  secret: string,
  nonce: Uint8Array<ArrayBuffer>,
  label: string,
  usage: "encrypt" | "decrypt",
): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const hmacKey = await crypto.subtle.importKey("raw", unhex(secret), algorithm, false, ["sign"]);
  const text = utf8.encode(label);
  const message = new Uint8Array(nonce.length + text.length);
  message.set(nonce);
  message.set(text, nonce.length);
  const key = await crypto.subtle.sign("HMAC", hmacKey, message);
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, [usage]);
}

function unhex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
