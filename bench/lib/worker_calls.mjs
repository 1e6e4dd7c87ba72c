/** Counts what the extension's worker asks of the browser. */
import { evaluatorIn } from "../../scripts/lib/cdp.mjs";

/** In the worker. */
const COUNTING = `(() => {
  const calls = (globalThis.benchCalls = {});
  const count = (object, name) => {
    const original = object[name];
    calls[name] = 0;
    object[name] = function (...args) {
      calls[name]++;
      return Reflect.apply(original, this, args);
    };
  };
  count(IDBDatabase.prototype, "transaction");
  count(IDBObjectStore.prototype, "put");
  count(IDBObjectStore.prototype, "get");
  count(globalThis, "fetch");
  count(SubtleCrypto.prototype, "encrypt");
})()`;

/** @param {any} recorder @returns {Promise<(expression: string) => Promise<any>>} Evaluates in the worker. */
export async function countCalls(recorder) {
  const worker = await recorder.worker();
  const evaluate = await evaluatorIn(recorder.browser.cdp, worker.targetId);
  await evaluate(COUNTING);
  return evaluate;
}

/** @param {(expression: string) => Promise<any>} evaluate @returns {Promise<Record<string, number>>} */
export const callsOf = (evaluate) => evaluate("({ ...globalThis.benchCalls })");
