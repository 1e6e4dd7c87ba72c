import { type Durability, isStrict } from "./durability.ts";
import { TabtapeError, wrapped } from "./errors.ts";
import { type Glue, instance } from "./wasm.ts";

type WasmLogs = Glue["WasmLogs"]["prototype"];

export interface CategoryLogsOptions {
  /** IndexedDB database; `tabtape` when absent. */
  databaseName?: string;
  /** The session to resume, or to begin under this id; a new one when absent. */
  sessionId?: string;
  /** When a commit counts as done; `relaxed` when absent. */
  durability?: Durability;
}

/**
 * The category logs of one session in IndexedDB. Opening them makes this the session's owner: whoever owned
 * it before is superseded at its next commit.
 */
export class CategoryLogs {
  readonly #wasm: WasmLogs;

  /** @internal */
  constructor(wasm: WasmLogs) {
    this.#wasm = wasm;
  }

  get sessionId(): string {
    return this.#wasm.sessionId;
  }

  /** The last seq in the logs when they were opened; the session continues after it. */
  get latestSeq(): number {
    return this.#wasm.latestSeq;
  }

  /**
   * Asks the browser not to clear this origin's logs by itself, and tells whether it promises. A person may be asked;
   * workers cannot ask, and are told what was promised before.
   */
  async persist(): Promise<boolean> {
    try {
      return await this.#wasm.persist();
    } catch (error) {
      throw wrapped(error);
    }
  }

  /** Closes the connection; a commit opens it again. */
  close(): void {
    this.#wasm.close();
  }

  /** @internal The wasm half, if these are the logs of `sessionId`. */
  of(sessionId: string | undefined): WasmLogs {
    if (sessionId !== undefined && sessionId !== this.sessionId) {
      throw new TabtapeError(
        "invalid_session_id",
        `sessionId: expected ${this.sessionId}, whose logs these are, got ${sessionId}`,
      );
    }
    return this.#wasm;
  }
}

/** Opens the logs of one session. */
export async function openCategoryLogs(options: CategoryLogsOptions = {}): Promise<CategoryLogs> {
  const { WasmLogs } = instance().glue;
  const strict = isStrict(options.durability);
  try {
    return new CategoryLogs(
      await WasmLogs.open(options.databaseName ?? "tabtape", options.sessionId, strict),
    );
  } catch (error) {
    throw wrapped(error);
  }
}
