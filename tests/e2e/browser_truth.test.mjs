/** Events equal Chromium's own report of the same: formats, stacks, sizes, caches, places. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

/** Bytes of bodies that the server got, by query. @type {Map<string, number>} */
const received = new Map();
const PIXEL = Buffer.from("R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==", "base64");
/** Statuses that the server gave for its picture. @type {number[]} */
const statuses = [];
const rig = await sharedRig({
  args: ["--silent-debugger-extension-api"],
  pages: {
    "/page": scripted(""),
    "/picture": '<!doctype html><title>picture</title><img src="/pixel.gif">',
    "/asking.js": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/javascript" })
        .end('// The request is made in the second line.\nfetch("/data?asked");'),
    "/data": (_, response) => response.writeHead(200).end("data"),
    "/form": async (request, response) => {
      let bytes = 0;
      for await (const chunk of request) bytes += chunk.length;
      received.set(new URL(request.url ?? "", "http://localhost").search, bytes);
      response.writeHead(200).end();
    },
    "/pixel.gif": (request, response) => {
      const isKnown = request.headers["if-none-match"] === '"pixel"';
      statuses.push(isKnown ? 304 : 200);
      const headers = { etag: '"pixel"', "cache-control": "no-cache", "content-type": "image/gif" };
      response.writeHead(isKnown ? 304 : 200, headers).end(isKnown ? undefined : PIXEL);
    },
  },
});

test("%d, %i and %f print what the console of Chromium prints", async () => {
  const page = await rig.open("/page?formats");
  const session = await rig.context.newCDPSession(page);
  /** @type {string[]} */
  const printed = [];
  session.on("Runtime.consoleAPICalled", ({ args }) => {
    if (!`${args[0]?.value}`.includes("%d")) return;
    printed.push(
      args
        .slice(1)
        .map((arg) => `${arg.unserializableValue ?? arg.value}`)
        .join(" "),
    );
  });
  await session.send("Runtime.enable");
  await page.evaluate(() => {
    const values = [10n, 2n ** 70n, [5, 6], [], ["7x"], [[8]], [null], "0x1F", "12px", " 8", "", "1e3"];
    const more = [Infinity, -Infinity, NaN, 1e21, 42.9, -0.5, -0, true, null, undefined, {}, Symbol("9")];
    for (const value of [...values, ...more]) console.log("%d %i %f", value, value, value);
    console.log("the last one");
  });
  await rig.event("console.log", "the last one");
  const lines = await rig.collector.events("type:console.log");
  const recorded = lines
    .map(({ data }) => /** @type {any} */ (data).text)
    .filter((text) => text !== "the last one");
  assert.equal(printed.length, 24);
  assert.deepEqual(recorded, printed);
  await page.close();
});

test("a line has its stack under Error.stackTraceLimit = 0, which stays 0", async () => {
  const page = await rig.open("/page?limit");
  const limit = await page.evaluate(() => {
    Error.stackTraceLimit = 0;
    console.error("without stacks");
    return Object.getOwnPropertyDescriptor(Error, "stackTraceLimit");
  });
  assert.deepEqual(limit, { value: 0, writable: true, enumerable: true, configurable: true });
  assert.match((await rig.event("console.error", "without stacks")).data.stack, /^ {4}at /);
  await page.close();
});

test("the bytes of a form with a file are those that the server gets, or are left open", async () => {
  const page = await rig.open("/page?form");
  await page.evaluate(async () => {
    const form = new FormData();
    form.append("name", "väl");
    form.append("file", new File(["content of a file"], "file.txt"));
    await fetch("/form?multipart", { method: "POST", body: form });
  });
  const { data } = await rig.event("network.request", "/form?multipart");
  assert.ok(data.body_bytes === null || data.body_bytes === received.get("?multipart"), `${data.body_bytes}`);
  await page.close();
});

for (const run of ["standard", "deep"])
  test(`${run}: a picture that is revalidated is a 200 from the cache`, async () => {
    const page = await rig.open(`/picture?${run}`);
    const { source } = await rig.event("page.settled", `/picture?${run}`);
    if (run === "deep")
      await rig.command({ command: "debug", tab_id: Number(source.metadata.tab_id), on: true });
    const before = statuses.length;
    await page.reload();
    await rig.poll("the server to be asked again", async () => statuses.length > before);
    assert.equal(statuses.at(-1), 304);
    await page.evaluate(() => fetch("/data?after-picture"));
    await rig.event("network.response", "/data?after-picture");
    const events = await rig.until(
      `type:network.response url:*/pixel.gif tab:${source.metadata.tab_id}`,
      (found) => found.length === 2,
    );
    const { status, from_cache: fromCache } = /** @type {any} */ (events[1]).data;
    assert.deepEqual([status, fromCache], [200, true]);
    await page.close();
  });

test("an initiator has the address and the line that made the request", async () => {
  const page = await rig.open("/page?initiator");
  const { source } = await rig.event("page.settled", "/page?initiator");
  await rig.command({ command: "debug", tab_id: Number(source.metadata.tab_id), on: true });
  await page.addScriptTag({ url: "/asking.js" });
  const { data } = await rig.event("network.request", "/data?asked");
  assert.deepEqual(data.initiator, { type: "script", url: `${rig.site.origin}/asking.js`, line: 2 });
  await page.close();
});
