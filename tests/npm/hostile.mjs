/** Values of every kind, for arguments. Runs in Node and in a page. */

const hostile = () => {
  throw new Error("hostile");
};

/** @type {ProxyHandler<any>} */
const THROWING = {
  apply: hostile,
  construct: hostile,
  defineProperty: hostile,
  deleteProperty: hostile,
  get: hostile,
  getOwnPropertyDescriptor: hostile,
  getPrototypeOf: hostile,
  has: hostile,
  isExtensible: hostile,
  ownKeys: hostile,
  preventExtensions: hostile,
  set: hostile,
  setPrototypeOf: hostile,
};

/** An object whose every property that a function of this package may read throws. */
function withThrowingGetters() {
  const names =
    "sessionId ringCapacity log redactionKey afterSeq selector databaseName durability resume start config " +
    "saveResume onStatus folder url secret metadata type category source data cause href arrayBuffer toJSON reason";
  return Object.defineProperties(
    {},
    Object.fromEntries(names.split(" ").map((name) => [name, { get: hostile, enumerable: true }])),
  );
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function detached() {
  const bytes = new Uint8Array(32);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function cyclic() {
  /** @type {any} */
  const value = {};
  value.self = value;
  return value;
}

function deep() {
  let value = /** @type {any} */ (0);
  for (let depth = 0; depth < 20_000; depth++) value = [value];
  return value;
}

/**
 * Each with its name, made anew for each call.
 * @returns {[name: string, make: () => any][]}
 */
export function hostileValues() {
  return [
    ...[undefined, null, true, false].map((value) => primitive(value)),
    ...[Number.NaN, Infinity, -Infinity, -1, -0, 0, 1, 1.5, 2 ** 32, 2 ** 53, 1e300].map((value) =>
      primitive(value),
    ),
    ...["", "3", " ", "NaN", "\0", "\ud800", "__proto__", "constructor"].map((value) => primitive(value)),
    ["a long string", () => "x".repeat(200_000)],
    ["a symbol", () => Symbol("hostile")],
    ["a bigint", () => 3n],
    ["a huge bigint", () => 3n ** 2_000n],
    ["a function", () => () => {}],
    ["a function that throws", () => hostile],
    ["a class", () => class Some {}],
    ["an empty array", () => []],
    ["an array of numbers", () => [1, 2]],
    ["a sparse array", () => new Array(4)],
    ["an empty object", () => ({})],
    ["an object of unknown keys", () => ({ unknown: 1 })],
    ["an object with a key __proto__", () => JSON.parse('{"__proto__": {"afterSeq": 1}}')],
    ["an object with a symbol key", () => ({ [Symbol("hostile")]: 1 })],
    ["an object without a prototype", () => Object.create(null)],
    ["an object that inherits options", () => Object.create({ afterSeq: 1, sessionId: "3" })],
    ["a date", () => new Date(0)],
    ["an invalid date", () => new Date(Number.NaN)],
    ["a map", () => new Map([["a", 1]])],
    ["a regular expression", () => /a/],
    ["a boxed string", () => new String("3")],
    ["a boxed number", () => new Number(3)],
    ["a promise", () => Promise.resolve(3)],
    ["an error", () => new Error("hostile")],
    ...[0, 31, 33].map((length) => named(`a Uint8Array of ${length}`, () => new Uint8Array(length))),
    ["a Uint8ClampedArray", () => new Uint8ClampedArray(32)],
    ["a Float64Array", () => new Float64Array(32)],
    ["an ArrayBuffer", () => new ArrayBuffer(32)],
    ["a DataView", () => new DataView(new ArrayBuffer(32))],
    ["a detached Uint8Array", detached],
    ["a detached ArrayBuffer", () => detached().buffer],
    ["something that calls itself a Uint8Array", () => ({ [Symbol.toStringTag]: "Uint8Array", length: 32 })],
    ["a proxy of an object", () => new Proxy({}, THROWING)],
    ["a proxy of an array", () => new Proxy([], THROWING)],
    ["a proxy of a function", () => new Proxy(() => {}, THROWING)],
    ["a revoked proxy", revoked],
    ["an object whose getters throw", withThrowingGetters],
    ["an object whose toJSON throws", () => ({ toJSON: hostile })],
    ["an object whose toJSON returns nothing", () => ({ toJSON: () => undefined })],
    ["an object whose valueOf throws", () => ({ valueOf: hostile, toString: hostile })],
    ["an array whose element throws", () => Object.defineProperty([1], 0, { get: hostile })],
    [
      "an object that throws a symbol",
      () => ({
        toJSON: () => {
          throw Symbol("hostile");
        },
      }),
    ],
    [
      "an object that throws a proxy",
      () => ({
        toJSON: () => {
          throw new Proxy({}, THROWING);
        },
      }),
    ],
    ["a cyclic object", cyclic],
    ["a deep array", deep],
  ];
}

/** @param {unknown} value @returns {[string, () => unknown]} */
const primitive = (value) =>
  named(
    Object.is(value, -0) ? "-0" : typeof value === "string" ? JSON.stringify(value) : String(value),
    () => value,
  );

/** @param {string} name @param {() => unknown} make @returns {[string, () => unknown]} */
const named = (name, make) => [name, make];

/** Numbers in [0, 1), always the same for a seed: mulberry32. @param {number} seed */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
