/** The error that every function of this package throws. */
export class TabtapeError extends Error {
  override readonly name = "TabtapeError";
  /** The kind of error, for programs: `invalid_event`, `cursor_ahead`, `closed`, `no_indexeddb`, … */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    if (typeof code !== "string") throw refused("invalid_argument", "code", "a string", code);
    if (typeof message !== "string") throw refused("invalid_argument", "message", "a string", message);
    super(message, readOptions(options));
    this.code = code;
  }
}

/** Reads the options of an error once, because they may be a proxy that throws. */
function readOptions(options: unknown): ErrorOptions | undefined {
  if (options === undefined) return undefined;
  try {
    if (typeof options === "object" && options !== null) {
      return "cause" in options ? { cause: options.cause } : {};
    }
  } catch {
    // Refused below.
  }
  throw refused("invalid_argument", "options", "an object like { cause }", options);
}

/** @internal The error for an argument that is not what `expected` says. */
export function refused(code: string, name: string, expected: string, value: unknown): TabtapeError {
  return new TabtapeError(code, `${name}: expected ${expected}, got ${describe(value)}`);
}

/** An error quotes no more of a value. */
const MAX_QUOTED_CHARS = 60;

/** @internal A value as errors quote it. Never throws, because a value may be a proxy that does. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shortened(value));
  if (typeof value === "bigint") return shortened(`${value}n`);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return shortened(String(value));
  try {
    if (value instanceof Error) return shortened(String(value));
    if (Array.isArray(value)) return `an array of ${value.length}`;
    const name = shortened(String(value.constructor?.name ?? "Object"));
    if (ArrayBuffer.isView(value)) return `a value of class ${name} with ${value.byteLength} bytes`;
    return name === "Object" ? "an object" : `a value of class ${name}`;
  } catch {
    return "an object that cannot be read";
  }
}

function shortened(text: string): string {
  return text.length > MAX_QUOTED_CHARS ? `${text.slice(0, MAX_QUOTED_CHARS)}…` : text;
}

/** @internal A {@link TabtapeError} of whatever wasm threw; anything else as it is. */
export function wrapped(error: unknown): unknown {
  if (isTabtapeError(error)) return error;
  try {
    if (error instanceof Error && "code" in error && typeof error.code === "string") {
      return new TabtapeError(error.code, error.message);
    }
  } catch {
    // A caller's callback threw a proxy.
  }
  return error;
}

/** @internal Whether `error` is one of ours already. */
export function isTabtapeError(error: unknown): error is TabtapeError {
  try {
    return error instanceof TabtapeError;
  } catch {
    return false;
  }
}
