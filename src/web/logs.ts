import type { Durability } from "./durability.ts";
import { checked, checkInternal, INTERNAL } from "./kinds.ts";
import { openedLogs, SIGNATURES, type WasmLogs } from "./signatures.ts";
import { attemptAsync, instance } from "./wasm.ts";

export interface CategoryLogsOptions {
  /** IndexedDB database; `tabtape` when absent. */
  databaseName?: string;
  /** The session to resume, or to begin under this id; a new one when absent. */
  sessionId?: string;
  /** When a commit counts as done; `relaxed` when absent. */
  durability?: Durability;
}

/**
 * The category logs of one session in IndexedDB. Opening them makes this the session's owner: the one that owned
 * it before is superseded at its next commit.
 */
export class CategoryLogs {
  readonly #instance: WasmLogs["instance"];
  readonly #wasm: WasmLogs["wasm"];

  /** @internal */
  constructor(key: typeof INTERNAL, half: WasmLogs) {
    checkInternal(key, "CategoryLogs", "openCategoryLogs");
    this.#instance = half.instance;
    this.#wasm = half.wasm;
    openedLogs.set(this, half);
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
   * workers cannot ask, and get the earlier answer.
   */
  async persist(): Promise<boolean> {
    return attemptAsync(this.#instance, () => this.#wasm.persist());
  }

  /** Closes the connection; a commit opens it again. */
  close(): void {
    this.#wasm.close();
  }
}

/** Opens the logs of one session. */
export async function openCategoryLogs(options?: CategoryLogsOptions): Promise<CategoryLogs> {
  const [read] = checked(SIGNATURES.openCategoryLogs, options);
  const { databaseName = "tabtape", sessionId, durability } = read;
  const home = instance();
  return attemptAsync(home, async () => {
    const wasm = await home.glue.WasmLogs.open(databaseName, sessionId, durability === "strict");
    return new CategoryLogs(INTERNAL, { instance: home, wasm });
  });
}
