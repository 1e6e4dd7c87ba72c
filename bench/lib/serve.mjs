/** The collector as it is released, served on a folder, and what to say to it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCollector } from "../../scripts/lib/collector.mjs";
import { exe } from "../../scripts/lib/platform.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { cargoTargetDir } from "../../scripts/lib/toolchain.mjs";

/** Builds the collector as `npm start` runs it, and the floor in the same way; where they are. */
export async function buildCollector() {
  const targets = ["--package", "tabtape-collector", "--bin", "tabtape", "--example", "insert_loop"];
  await run("Build the collector and its floor", "cargo", ["build", "--profile", "collector", ...targets]);
  const built = join(await cargoTargetDir(), "collector");
  return { tabtape: join(built, exe("tabtape")), insertLoop: join(built, "examples", exe("insert_loop")) };
}

/**
 * Lends a collector on `folder`, or on a new one that is removed after.
 * @template T
 * @param {{ program: string, folder?: string }} options
 * @param {(collector: Served) => Promise<T>} body
 */
export async function serving({ program, folder }, body) {
  const data = folder ?? mkdtempSync(join(tmpdir(), "tabtape-bench-"));
  const collector = await startCollector({
    program,
    folder: data,
    log: join(data, "collector.log"),
    listen: "127.0.0.1:0",
    // Retention must not remove what a row has stored before it is measured again.
    more: ["--retention-age", "3650d", "--retention-bytes", "1000GB"],
  });
  try {
    return await body(new Served(collector.running));
  } finally {
    await collector.stop();
    if (!folder) rmSync(data, { recursive: true, force: true });
  }
}

/** A collector that runs. */
export class Served {
  /** @param {import("../../scripts/lib/collector.mjs").Running} running */
  constructor(running) {
    this.running = running;
    this.port = Number(new URL(running.url).port);
  }

  /** A connection that is kept; requests on it follow one another. */
  connection() {
    return new Agent({ keepAlive: true, maxSockets: 1 });
  }

  /**
   * @param {Agent} agent @param {{ method?: string, path: string, body?: Buffer, type?: string }} what
   * @returns {Promise<{ status: number, text: string }>}
   */
  ask(agent, { method = "GET", path, body, type = "application/x-ndjson" }) {
    return new Promise((resolve, reject) => {
      const token = method === "POST" ? this.running.pairing.token : this.running.token;
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body ? { "content-type": type, "content-length": body.length } : {}),
      };
      const asked = request(
        { agent, host: "127.0.0.1", port: this.port, method, path, headers },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (part) => {
            text += part;
          });
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
          answer.on("error", reject);
        },
      );
      asked.on("error", reject);
      asked.end(body);
    });
  }

  /** @param {Agent} agent @param {{ path: string, body: Buffer }} batch */
  async deliver(agent, { path, body }) {
    const { status, text } = await this.ask(agent, { method: "POST", path, body });
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  }

  /** Memory that is resident now, in MiB: its own, and pages of files that are mapped, such as its program. */
  resident() {
    const status = readFileSync(`/proc/${this.running.pid}/status`, "utf8");
    const mib = (/** @type {string} */ name) =>
      Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024);
    return { own_mib: mib("RssAnon"), mapped_mib: mib("RssFile") };
  }
}
