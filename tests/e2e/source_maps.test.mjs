/** Stacks of built code lead to the sources, also after the server of the sources is gone. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { dist } from "../../scripts/lib/paths.mjs";
import { exe } from "../../scripts/lib/platform.mjs";
import { violations } from "../viewer/axe.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const SOURCE = `type Cart = { items: string[] };
export function priceOf(cart: Cart | null): number {
  // The cart may be missing.
  return (cart as Cart).items.length * 3;
}
setTimeout(() => console.error("refused", new Error("of the cart")), 1);
setTimeout(() => priceOf(null), 2);
`;

/** Errors as React reports them in development. */
const REACT = `// React leaves the property, without a value.
(Error as { prepareStackTrace?: unknown }).prepareStackTrace = undefined;
function Cart(): never {
  throw new TypeError("the cart broke");
}
function boundary(error: unknown): void {
  console.error("%o\\n\\n%s\\n", error, "The above error occurred in the <Cart> component.\\n\\n    at Cart (cart.js:1:1)");
}
function hydrate(): void {
  reportError(new Error("Hydration failed because the server rendered text didn't match the client."));
}
async function load(): Promise<void> {
  await null;
  throw new RangeError("no handler for it");
}
setTimeout(() => {
  try {
    Cart();
  } catch (error) {
    boundary(error);
  }
  hydrate();
  void load();
});
`;

const MODULE = "webpack-internal:///(app-pages-browser)/./src/cart.ts";

/** Paths that were requested, each with the cookie it came with. @type {string[]} */
const requested = [];

const inline = await built({ sourcemap: "inline" });
const outside = await built({ sourcemap: "external" });
const map = JSON.parse(outside.map);
const indexed = { version: 3, sections: [{ offset: { line: 0, column: 0 }, map }] };
const withoutText = { ...map, sourcesContent: undefined };
/** @type {Record<string, import("./fixtures/pages.mjs").Handler>} */
const pages = {};
/** @param {string} name @param {string} script @param {[string, string][]} maps @param {Record<string, string>} [headers] */
const serve = (name, script, maps, headers = {}) => {
  pages[`/${name}`] = (_, response) =>
    response
      .writeHead(200, { "content-type": "text/html", "set-cookie": "visitor=1" })
      .end(`<!doctype html><title>${name}</title><script src="/built/(shop)/${name}.js"></script>`);
  pages[`/built/(shop)/${name}.js`] = (request, response) => {
    requested.push(`${name}.js ${request.headers.cookie ?? ""}`);
    response.writeHead(200, { "content-type": "text/javascript", ...headers }).end(script);
  };
  for (const [path, text] of maps)
    pages[path] = (request, response) => {
      requested.push(`${path} ${request.headers.cookie ?? ""}`);
      response.writeHead(200, { "content-type": "application/json" }).end(text);
    };
};
const withComment = (/** @type {string} */ url) => `${outside.script}\n//# sourceMappingURL=${url}\n`;
serve("inline", inline.script, []);
serve("react", (await built({ sourcemap: "inline" }, REACT)).script, []);
serve("outside", withComment("outside.js.map"), [["/built/(shop)/outside.js.map", outside.map]]);
serve("indexed", withComment("indexed.js.map"), [["/built/(shop)/indexed.js.map", JSON.stringify(indexed)]]);
serve("header", outside.script, [["/built/(shop)/of-header.json", outside.map]], {
  sourcemap: "of-header.json",
});
serve("textless", withComment("textless.js.map"), [
  ["/built/(shop)/textless.js.map", JSON.stringify(withoutText)],
]);
serve("broken", withComment("broken.js.map"), [["/built/(shop)/broken.js.map", "not a map"]]);
// The server has built anew since the page ran the script.
serve("changed", withComment("changed.js.map"), [["/built/(shop)/changed.js.map", outside.map]]);
let isFirst = true;
const before = /** @type {import("./fixtures/pages.mjs").Handler} */ (pages["/built/(shop)/changed.js"]);
pages["/built/(shop)/changed.js"] = (request, response) => {
  if (isFirst) {
    isFirst = false;
    before(request, response);
  } else response.end("// nothing is left\n//# sourceMappingURL=changed.js.map");
};
// A server may send without an end.
serve("endless", withComment("endless.js.map"), []);
/** Bytes that were sent when its connection was closed. */
let sentOfEndless = 0;
pages["/built/(shop)/endless.js.map"] = (_, response) => {
  const part = `"${"x".repeat(1 << 20)}",`;
  let bytes = 0;
  const send = () => {
    do bytes += part.length;
    while (!response.destroyed && response.write(part));
  };
  response.on("drain", send).on("close", () => (sentOfEndless = bytes));
  send();
};
// As webpack's devtool `eval-source-map` writes a bundle: each module is a string, and the module's name is in stacks.
const data = `data:application/json;charset=utf-8;base64,${Buffer.from(outside.map).toString("base64")}`;
const comments = `//# sourceURL=[module]\n//# sourceMappingURL=${data}\n//# sourceURL=${MODULE}\n`;
const evaluated = JSON.stringify(`${outside.script}\n${comments}\n`);
serve("evaluated", `(() => { /* "eval(" */ eval(${evaluated}); })();`, []);
const rig = await sharedRig({ pages });

/** @param {import("esbuild").BuildOptions} options */
async function built(options, contents = SOURCE) {
  const { outputFiles } = await build({
    stdin: { contents, sourcefile: "src/(shop)/[id]/a @cart.ts", loader: "ts" },
    outfile: "/built/app.js",
    bundle: true,
    minify: true,
    write: false,
    ...options,
  });
  const text = (/** @type {RegExp} */ name) => outputFiles?.find(({ path }) => name.test(path))?.text ?? "";
  return { script: text(/\.js$/), map: text(/\.map$/) };
}

/** Waits for a place of one page's stacks. @param {string} path @param {(place: any) => boolean} [isSought] */
async function placeOf(path, isSought = () => true) {
  const placesIn = (/** @type {import("../../src/web/types.ts").Event[]} */ events) =>
    events
      .filter(({ url }) => url === `${rig.site.origin}${path}`)
      .flatMap(({ data }) => /** @type {{ places: any[] }} */ (data).places);
  const events = await rig.until("type:system.original_places", (all) => placesIn(all).some(isSought));
  return placesIn(events).find(isSought);
}

/** @param {string} tool @param {object} args */
async function ask(tool, args) {
  const { content } = await rig.collector.mcp("tools/call", { name: tool, arguments: args });
  return content[0].text;
}

for (const name of ["inline", "outside", "indexed", "header", "evaluated"]) {
  test(`a stack leads to its source by a map that is ${name}`, async () => {
    const page = await rig.open(`/${name}`);
    const [exception] = (
      await rig.until("type:console.exception", (all) => all.some(({ url }) => url?.endsWith(`/${name}`)))
    ).filter(({ url }) => url?.endsWith(`/${name}`));
    const stack = /** @type {any} */ (exception)?.data.error.stack;
    const [, line, column] = /** @type {RegExpExecArray} */ (/:(\d+):(\d+)/.exec(stack));
    const found = await placeOf(
      `/${name}`,
      (place) => place.line === Number(line) && place.column === Number(column),
    );
    assert.deepEqual(
      { ...found?.original, source: undefined, name: undefined },
      {
        source: undefined,
        name: undefined,
        line: 4,
        column: 25,
        code: SOURCE.split("\n").slice(1, 6),
        code_from: 2,
      },
      stack,
    );
    assert.match(found.original.source, /src\/\(shop\)\/\[id\]\/a @cart\.ts$/);
    assert.equal(found.script, name === "evaluated" ? MODULE : `${rig.site.origin}/built/(shop)/${name}.js`);

    const list = await ask("search", { q: `type:console.exception url:*/${name}` });
    assert.match(list, /at a @cart\.ts:4:25/);
    const described = await ask("event", { event: /^s\d+:\d+/m.exec(list)?.[0] });
    assert.match(described, /stack \(own frames first\) ⟦at [^⟧]*src\/\(shop\)\/\[id\]\/a @cart\.ts:4:25/);
    await page.close();
  });
}

test("React's errors lead to their source in the viewer, on the command line, in a report and for agents", async () => {
  const page = await rig.open("/react");
  const places = { "the cart broke": 4, "Hydration failed": 10, "no handler": 14 };
  for (const line of Object.values(places)) await placeOf("/react", ({ original }) => original.line === line);
  const run = async (/** @type {string[]} */ ...command) => {
    const args = [...command, "--data-dir", rig.collector.dataDir, "url:*/react"];
    return (await promisify(execFile)(dist("bin", exe("tabtape")), args)).stdout;
  };
  const diagnosis = await run("diagnose");
  const report = await run("export", "--format", "markdown");
  const viewer = await rig.context.newPage();
  await viewer.setViewportSize({ width: 1280, height: 800 });
  await viewer.goto(await rig.collector.link());
  await viewer.locator(".row").first().waitFor();
  const records = /** @type {import("../../src/web/types.ts").Envelope[]} */ (
    await rig.collector.records("category:console url:*/react")
  );
  for (const [text, line] of Object.entries(places)) {
    const place = `src/\\(shop\\)/\\[id\\]/a @cart\\.ts:${line}:`;
    assert.match(diagnosis, new RegExp(`${text}[^⟧]* at a @cart\\.ts:${line}:`));
    assert.match(report, new RegExp(`\\nat [^\\n]*${place}`));
    const record = records.find(({ event }) => JSON.stringify(event.data).includes(text));
    assert.ok(record);
    const { capture_session_id: session, seq } = record;
    const listed = await ask("search", { q: `category:console url:*/react "${text}"` });
    const described = await ask("event", { event: /^s\d+:\d+/m.exec(listed)?.[0] });
    assert.match(described, new RegExp(`stack \\(own frames first\\) ⟦at [^⏎⟧]*${place}`));
    await viewer.goto(`${rig.collector.url}/?session=${session}&seq=${seq}`);
    await viewer
      .locator(".stack-place")
      .first()
      .filter({ hasText: new RegExp(place) })
      .waitFor();
  }
  await viewer.close();
  await page.close();
});

test("a long message leaves the frames of its error's stack", async () => {
  const page = await rig.open("/inline?long");
  await page.evaluate(() => {
    setTimeout(function checkout() {
      const message = `${"<p>\n    at first sight</p> ".repeat(200)}end`;
      console.log("%s has failed", "checkout", new RangeError(message));
      throw new RangeError(message);
    });
  });
  const exception = await rig.event("console.exception", "at first sight");
  const logged = await rig.event("console.log", "checkout has failed");
  const stacks = [exception.data.error.stack, logged.data.args.at(-1).stack];
  for (const stack of stacks) {
    assert.equal(typeof stack, "string");
    assert.match(stack, /^RangeError: <p>.{0,200}\n.*…\n {4}at checkout /s);
    assert.ok(stack.length < 1_000, `${stack.length}`);
  }
  await page.close();
});

test("what a source map cannot prove is left out", async () => {
  for (const name of ["textless", "broken", "changed", "endless"]) {
    const page = await rig.open(`/${name}`);
    await rig.until("type:console.exception", (all) => all.some(({ url }) => url?.endsWith(`/${name}`)));
    await page.close();
  }
  await rig.poll("the endless map to be given up", async () => sentOfEndless > 0);
  assert.ok(sentOfEndless > 25_000_000 && sentOfEndless < 100_000_000, `${sentOfEndless} bytes were sent`);
  // A later page's places are recorded: the earlier ones were looked up before.
  const last = await rig.open("/outside?again");
  await placeOf("/outside?again");
  const events = await rig.collector.events("type:system.original_places");
  const of = events.map(({ url }) => new URL(url ?? "").pathname);
  assert.deepEqual(
    ["/textless", "/broken", "/changed", "/endless"].filter((path) => of.includes(path)),
    [],
  );
  await last.close();
});

test("scripts are requested again without cookies, and none of it is recorded", async () => {
  const maps = requested.filter((request) => request.includes("/built/"));
  assert.ok(maps.length >= 4);
  assert.deepEqual(
    maps.filter((request) => request.includes("visitor")),
    [],
  );
  const network = await rig.collector.events("category:network");
  assert.ok(network.length > 10);
  assert.deepEqual(
    network.filter(({ data }) => /\.map$|of-header/.test(String(/** @type {any} */ (data).url))),
    [],
  );
});

test("nothing is requested once it is switched off", async () => {
  await rig.command({ command: "source_maps", mode: "off" });
  const before = requested.length;
  const page = await rig.open("/outside?off");
  await rig.until("type:console.exception", (all) => all.some(({ url }) => url?.endsWith("?off")));
  await page.close();
  await rig.flushed();
  assert.deepEqual(
    requested.slice(before).map((request) => request.split(" ")[0]),
    ["outside.js"],
  );
});

test("the viewer shows the place and its lines, also when the pages' server is gone", async () => {
  await rig.site.close();
  const [exception] = await rig.collector.records("type:console.exception");
  const { capture_session_id: session, seq } = /** @type {import("../../src/web/types.ts").Envelope} */ (
    exception
  );
  const viewer = await rig.context.newPage();
  await viewer.goto(await rig.collector.link(`?session=${session}&seq=${seq}`));
  await viewer
    .locator(".stack-place")
    .first()
    .filter({ hasText: "src/(shop)/[id]/a @cart.ts:4:25" })
    .waitFor();
  assert.equal(await viewer.locator(".stack-name").first().innerText(), "priceOf");
  await viewer.locator(".stack-code-line.at", { hasText: "(cart as Cart).items.length" }).first().waitFor();
  await viewer
    .locator('.row.selected .row-place[title$="src/(shop)/[id]/a @cart.ts:4:25"]', {
      hasText: "a @cart.ts:4",
    })
    .waitFor({ state: "attached" });
  const open = viewer.locator(".stack-open").first();
  await open.click();
  await viewer.getByRole("dialog", { name: "Open in an editor" }).waitFor();
  assert.deepEqual(await violations(viewer), []);
  await viewer.getByRole("textbox", { name: /^Folder of the project/ }).fill("/home/me/shop");
  await viewer.getByRole("button", { name: "Open line 4" }).click();
  await viewer
    .locator(
      'a.stack-open[href^="vscode://file/home/me/shop/"][href$="/src/(shop)/%5Bid%5D/a%20%40cart.ts:4:25"]',
    )
    .first()
    .waitFor();
  if (process.env.TABTAPE_SCREENSHOT) await viewer.screenshot({ path: process.env.TABTAPE_SCREENSHOT });
  await viewer.close();
});

test("over all sessions a row shows its place in the source before its stack is opened", async () => {
  const viewer = await rig.context.newPage();
  await viewer.goto(await rig.collector.link("?session=all&q=type:console.exception"));
  await viewer
    .locator('.row-place[title$="src/(shop)/[id]/a @cart.ts:4:25"]', { hasText: "a @cart.ts:4" })
    .first()
    .waitFor();
  await viewer.close();
});
