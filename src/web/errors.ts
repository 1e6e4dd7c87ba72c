/** The error that every function of this package throws. */
export class TabtapeError extends Error {
  override readonly name = "TabtapeError";
  /** The kind of error, for programs: `invalid_event`, `cursor_ahead`, `closed`, `no_indexeddb`, … */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A {@link TabtapeError} of whatever wasm threw; anything else as it is. */
export function wrapped(error: unknown): unknown {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return new TabtapeError(error.code, error.message);
  }
  return error;
}

/** Runs `body`, giving what wasm throws its class. */
export function throwing<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw wrapped(error);
  }
}
