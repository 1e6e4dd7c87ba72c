/** OpenTelemetry's own Python classes read the traces and metrics that are sent, also when the collector is killed. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { setUpPython, WITHOUT_PYTHON } from "../../scripts/setup/python.mjs";
import { startCollector } from "./fixtures/collector.mjs";

const DOCUMENTS = 20;
const SESSION = "0193b3a0-7c1e-7000-8000-000000000001";
const FIRST_TS = 1_764_000_000_000_000;

test("the spans of a document are read as they were sent, each with one content", {
  skip: Boolean(process.env[WITHOUT_PYTHON]),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tabtape-otlp-"));
  const python = /** @type {string} */ (await setUpPython());
  const script = fileURLToPath(new URL("fixtures/otlp_reader.py", import.meta.url));
  const reader = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(reader, "exit");
  /** @type {import("./fixtures/collector.mjs").Collector | null} */
  let collector = null;
  try {
    const received = new Received(createInterface({ input: reader.stdout }));
    const endpoint = await received.address;
    const args = ["--otlp-endpoint", endpoint, "--otlp-traces", "--otlp-metrics"];
    collector = await startCollector(join(folder, "data"), "127.0.0.1:0", args);
    const lines = linesOf(1);
    await collector.deliver(SESSION, lines);
    await received.until(() => received.spans.length > 0);
    await collector.stop("SIGKILL");
    reader.stdin.write("answer\n");
    collector = await startCollector(join(folder, "data"), "127.0.0.1:0", args);
    const more = linesOf(DOCUMENTS + 1, lines.length);
    await collector.deliver(SESSION, more, lines.length + 1, lines.length + more.length);

    await received.until(() => received.byId().size === 3 * 2 * DOCUMENTS);
    const spans = received.byId();
    for (let number = 1; number <= 2 * DOCUMENTS; number++) {
      const post = spans.get(hex(number + 1, 16));
      assert.equal(post.traceId, hex(number, 32), "the page's own trace");
      assert.deepEqual([post.kind, post.status.code], ["SPAN_KIND_CLIENT", "STATUS_CODE_ERROR"]);
      const click = spans.get(post.parentSpanId);
      assert.deepEqual([click.name, click.traceId], ["input.click", post.traceId]);
      assert.deepEqual(
        click.events.map((/** @type {any} */ event) => event.name),
        ["exception"],
      );
    }
    for (const metric of ["http.client.request.duration", "browser.web_vital.lcp", "tabtape.errors"])
      await received.until(() => received.total(metric) === 2 * DOCUMENTS);
    await received.until(() => received.gauges("tabtape_recorder_commit_lag_ms").includes(4.5));
  } finally {
    await collector?.stop();
    reader.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

/** The requests that the reader has printed. */
class Received {
  /** @type {any[]} */
  spans = [];
  /** @type {any[]} */
  metrics = [];
  /** @type {() => void} */
  #changed = () => {};

  /** @param {import("node:readline").Interface} lines */
  constructor(lines) {
    /** @type {Promise<string>} */
    this.address = once(lines, "line").then(([line]) => {
      lines.on("line", (request) => this.#take(request));
      return line;
    });
  }

  /** @param {string} line */
  #take(line) {
    const [path, request] = JSON.parse(line);
    const scopes = (/** @type {any[]} */ resources, /** @type {string} */ scope) =>
      (resources ?? []).flatMap((resource) => resource[scope]);
    if (path === "/v1/traces")
      this.spans.push(
        ...scopes(request.resourceSpans, "scopeSpans").flatMap(({ spans }) => spans.map(named)),
      );
    if (path === "/v1/metrics")
      this.metrics.push(...scopes(request.resourceMetrics, "scopeMetrics").flatMap(({ metrics }) => metrics));
    this.#changed();
  }

  /** @param {() => boolean} isThere */
  async until(isThere) {
    while (!isThere()) {
      await new Promise((resolve) => {
        this.#changed = () => resolve(null);
      });
    }
  }

  /** The spans by their ids. One that was sent twice has one content. */
  byId() {
    const spans = new Map();
    for (const span of this.spans) {
      const before = spans.get(span.spanId);
      if (before) assert.deepEqual(span, before);
      spans.set(span.spanId, span);
    }
    return spans;
  }

  /** @param {string} name */
  #points(name) {
    const points = this.metrics
      .filter((metric) => metric.name === name)
      .flatMap((metric) => (metric.histogram ?? metric.sum ?? metric.gauge).dataPoints);
    // A batch that was not answered is sent again.
    return [...new Map(points.map((point) => [JSON.stringify(point), point])).values()];
  }

  /** @param {string} name */
  total(name) {
    return this.#points(name).reduce((sum, { count, asInt }) => sum + Number(count ?? asInt), 0);
  }

  /** @param {string} name */
  gauges(name) {
    return this.#points(name).map(({ asDouble }) => asDouble);
  }
}

/** Ids in hex; in protobuf's JSON they are base64. @param {any} span */
function named(span) {
  const id = (/** @type {string | undefined} */ base64) =>
    Buffer.from(base64 ?? "", "base64").toString("hex");
  return { ...span, traceId: id(span.traceId), spanId: id(span.spanId), parentSpanId: id(span.parentSpanId) };
}

/** @param {number} number @param {number} digits */
const hex = (number, digits) => number.toString(16).padStart(digits, "0");

/** Documents that end, each with a click, its request and its error. @param {number} first @param {number} [seqsBefore] */
function linesOf(first, seqsBefore = 0) {
  /** @type {string[]} */
  const lines = [];
  const add = (
    /** @type {string} */ type,
    /** @type {string} */ url,
    /** @type {object} */ metadata,
    /** @type {object} */ data,
  ) => {
    const seq = seqsBefore + lines.length + 1;
    const [prefix] = type.split(".");
    const category = prefix === "input" ? "interaction" : prefix;
    const source = { kind: "extension", metadata };
    const event = { ts: FIRST_TS + seq * 1_000, type, category, detail_level: "standard", source, url, data };
    lines.push(JSON.stringify({ capture_session_id: SESSION, seq, event }));
  };
  for (let number = first; number < first + DOCUMENTS; number++) {
    const navigation = { tab_id: `${number}`, frame_id: "0", navigation_id: `n${number}` };
    const document = { ...navigation, document_id: `D${number}` };
    const page = `https://shop.test/${number}`;
    const api = "https://api.test/cart";
    const request = { ...document, request_id: `r${number}` };
    const headers = [["traceparent", `00-${hex(number, 32)}-${hex(number + 1, 16)}-01`]];
    add("page.navigation_started", page, navigation, {});
    add("page.navigation_committed", page, document, { transition: "link" });
    add("page.lcp", page, document, { value_ms: 1_200 });
    add("network.request", api, request, { method: "POST", headers });
    add("network.response", api, request, { method: "POST", status: 503, duration_ms: 4 });
    add("network.call", api, { ...request, cause_id: `i${number}` }, {});
    add("input.click", page, { ...document, interaction_id: `i${number}` }, { selector: "#buy" });
    const error = { $: "TypeError", message: "x" };
    add("console.exception", page, { ...document, cause_id: `i${number}` }, { text: "x", error });
    add("tab.removed", "", { tab_id: `${number}` }, {});
  }
  add("system.health", "", {}, { commit_lag_ms: 4.5 });
  return lines;
}
