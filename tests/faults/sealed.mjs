/** Sealed requests and answers, as `src/sealed.rs` describes them, for a proxy that has the secret. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

const NONCE_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** @param {string} secret @param {Buffer} nonce @param {string} label */
function keyOf(secret, nonce, label) {
  return createHmac("sha256", Buffer.from(secret, "hex")).update(nonce).update(label).digest();
}

/** @param {Buffer} key @param {Buffer} iv @param {string} host @param {Buffer} cipher */
function open(key, iv, host, cipher) {
  const decipher = createDecipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(host));
  decipher.setAuthTag(cipher.subarray(cipher.length - TAG_BYTES));
  const plain = Buffer.concat([
    decipher.update(cipher.subarray(0, cipher.length - TAG_BYTES)),
    decipher.final(),
  ]);
  const end = plain.indexOf("\n");
  return { head: JSON.parse(plain.subarray(0, end).toString()), body: plain.subarray(end + 1) };
}

/** @param {Buffer} key @param {Buffer} iv @param {string} host @param {object} head @param {Buffer} body */
function seal(key, iv, host, head, body) {
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(host));
  const plain = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** One sealed request. */
export class Sealed {
  #secret;
  #nonce;
  /** @type {string} */
  path;
  /** @type {Buffer} */
  body;
  #head;

  /** @param {string} secret @param {string} host As it was dialled. @param {Buffer} sealed */
  constructor(secret, host, sealed) {
    this.#secret = secret;
    this.#nonce = sealed.subarray(0, NONCE_BYTES);
    const key = keyOf(secret, this.#nonce, "tabtape sealed request 1");
    const { head, body } = open(key, Buffer.alloc(IV_BYTES), host, sealed.subarray(NONCE_BYTES));
    this.#head = head;
    this.path = head.path;
    this.body = body;
  }

  /** The same request for another address. @param {string} host */
  for(host) {
    const key = keyOf(this.#secret, this.#nonce, "tabtape sealed request 1");
    return Buffer.concat([this.#nonce, seal(key, Buffer.alloc(IV_BYTES), host, this.#head, this.body)]);
  }

  /** @param {string} host @param {Buffer} sealed @returns {{ status: number, retryAfter: string | undefined, text: string }} */
  openAnswer(host, sealed) {
    const key = keyOf(this.#secret, this.#nonce, "tabtape sealed response 1");
    const { head, body } = open(key, sealed.subarray(0, IV_BYTES), host, sealed.subarray(IV_BYTES));
    return { status: head.status, retryAfter: head.retry_after, text: body.toString() };
  }

  /** @param {string} host @param {number} status @param {string | undefined} retryAfter @param {string} text */
  sealAnswer(host, status, retryAfter, text) {
    const key = keyOf(this.#secret, this.#nonce, "tabtape sealed response 1");
    const iv = randomBytes(IV_BYTES);
    const head = { status, ...(retryAfter === undefined ? {} : { retry_after: retryAfter }) };
    return Buffer.concat([iv, seal(key, iv, host, head, Buffer.from(text))]);
  }
}
