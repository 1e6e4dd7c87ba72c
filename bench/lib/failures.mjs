/**
 * Five recordings, each with one failure, made in a real browser: what an agent has to name, and what its answer must
 * hold for that.
 */
import { fileURLToPath } from "node:url";
import { serve } from "../../scripts/lib/port.mjs";
import { startCollector } from "../../tests/e2e/fixtures/collector.mjs";
import { startRig } from "../../tests/e2e/fixtures/rig.mjs";
import { bundled } from "./bundled.mjs";

const DAY_MICROS = 24 * 3600 * 1_000_000;

/**
 * @typedef {import("../../tests/e2e/fixtures/rig.mjs").Rig} Rig
 * @typedef {import("../../tests/e2e/fixtures/collector.mjs").Collector} Collector
 * @typedef {object} Failure
 * @property {string} name
 * @property {string[]} expected Parts of an answer that names the cause.
 * @property {(use: (collector: Collector) => Promise<void>) => Promise<void>} record Lends the collector that has the
 *   recording.
 */

/** @type {Failure[]} */
export const FAILURES = [
  {
    name: "CORS refusal",
    expected: ["button#load", "/prices", "CORS", "Failed to fetch", "prices.js:2"],
    record: async (use) => {
      const other = await serve((_, response) => response.writeHead(200).end("[]"));
      const script = `async function load() {
  const response = await fetch("${other.origin}/prices");
  document.title = String((await response.json()).length);
}
document.querySelector("#load").addEventListener("click", load);`;
      try {
        await withRig(
          { "/": page(`<button id="load">Load</button>`, "/prices.js"), "/prices.js": js(script) },
          use,
          async (rig) => {
            const shop = await rig.open("/");
            await shop.click("#load");
            await rig.event("console.rejection");
          },
        );
      } finally {
        other.close();
      }
    },
  },
  {
    name: "hydration mismatch",
    expected: ["Hydration failed", "<Cart", "+ 4", "- 3"],
    record: async (use) => {
      const app = await hydrated();
      const html = `<!doctype html><meta charset="utf-8"><title>Cart</title><div id="root"><p>3</p></div><script src="/app.js"></script>`;
      await withRig({ "/": html, "/app.js": js(app) }, use, async (rig) => {
        await rig.open("/");
        await rig.event("console.exception", "Hydration failed");
      });
    },
  },
  {
    name: "third-party script blocked",
    expected: ["script-src", "localhost", "/widget.js", "Widget is not defined", "app.js:2"],
    record: async (use) => {
      /** @type {import("../../tests/e2e/fixtures/pages.mjs").Handler} */
      const shop = (request, response) => {
        const { port } = /** @type {import("node:net").AddressInfo} */ (request.socket.address());
        response
          .writeHead(200, { "content-type": "text/html", "content-security-policy": "script-src 'self'" })
          .end(page("", `http://localhost:${port}/widget.js`) + page("", "/app.js"));
      };
      const app = `// The widget of another site.\nWidget.start("#chat");`;
      const pages = { "/": shop, "/app.js": js(app), "/widget.js": js("window.Widget = { start() {} };") };
      await withRig(pages, use, async (rig) => {
        await rig.open("/");
        await rig.event("page.csp_violation");
        await rig.event("console.exception");
      });
    },
  },
  {
    name: "yesterday, in a tab that is gone",
    expected: ["button#save", "draft is null", "editor.js:2", "24 h ago", "tab closed"],
    record: async (use) => {
      const script = `document.querySelector("#save").addEventListener("click", () => {
  throw new TypeError("draft is null");
});`;
      const pages = { "/": page(`<button id="save">Save</button>`, "/editor.js"), "/editor.js": js(script) };
      await withRig(
        pages,
        (collector) => aDayLater(collector, use),
        async (rig) => {
          const editor = await rig.open("/");
          await editor.click("#save");
          await rig.event("console.exception");
          await editor.close();
          await rig.event("tab.removed");
        },
      );
    },
  },
  {
    name: "nobody was watching",
    expected: ["No errors", "not watched since"],
    record: async (use) => {
      const pages = { "/": page("", "/app.js"), "/app.js": js(`throw new Error("nobody saw it");`) };
      await withRig(pages, use, async (rig) => {
        await rig.command({ command: "stop" });
        await rig.event("system.session_ended");
        await rig.open("/");
      });
    },
  },
];

/**
 * @param {NonNullable<import("../../tests/e2e/fixtures/rig.mjs").RigOptions["pages"]>} pages
 * @param {(collector: Collector) => Promise<void>} use @param {(rig: Rig) => Promise<unknown>} act
 */
async function withRig(pages, use, act) {
  const favicon = (/** @type {unknown} */ _, /** @type {import("node:http").ServerResponse} */ response) =>
    response.writeHead(204).end();
  const rig = await startRig({ pages: { ...pages, "/favicon.ico": favicon } });
  try {
    await act(rig);
    await use(rig.collector);
  } finally {
    await rig.close();
  }
}

/** @param {string} body @param {string} script */
const page = (body, script) =>
  `<!doctype html><meta charset="utf-8"><title>Shop</title>${body}<script src="${script}"></script>`;

/** @param {string} script @returns {import("../../tests/e2e/fixtures/pages.mjs").Handler} */
const js = (script) => (_, response) =>
  response.writeHead(200, { "content-type": "text/javascript" }).end(script);

/** React's own hydration, of a server's text that is another one. */
async function hydrated() {
  const contents = `import { createElement } from "react";
import { hydrateRoot } from "react-dom/client";
function Cart() { return createElement("p", null, "4"); }
hydrateRoot(document.querySelector("#root"), createElement(Cart));`;
  return bundled({
    stdin: { contents, resolveDir: fileURLToPath(new URL("..", import.meta.url)) },
    define: { "process.env.NODE_ENV": '"development"' },
    logLevel: "silent",
  });
}

/**
 * The recording as it is a day later: the same records in a new store, each time a day earlier.
 * @param {Collector} collector @param {(collector: Collector) => Promise<void>} use
 */
async function aDayLater(collector, use) {
  const records = await collector.records();
  const later = await startCollector(`${collector.dataDir}-later`);
  try {
    const first = records[0]?.capture_session_id ?? "";
    const lines = records
      .filter((record) => record.capture_session_id === first)
      .map((record) =>
        "event" in record ? { ...record, event: { ...record.event, ts: earlier(record.event.ts) } } : record,
      );
    await later.deliver(
      first,
      lines.map((line) => JSON.stringify(line)),
    );
    await use(later);
  } finally {
    await later.stop();
  }
}

/** @param {number | undefined} ts */
const earlier = (ts) => (ts ?? 0) - DAY_MICROS;
