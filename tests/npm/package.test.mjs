/** The package as it would be published: packed, installed in an empty project, and used in each place it is for. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { collectorFile, findCollector } from "../../scripts/lib/collector.mjs";
import { root } from "../../scripts/lib/paths.mjs";
import { serve } from "../../scripts/lib/port.mjs";
import { capture, npm } from "../../scripts/lib/run.mjs";
import { pack } from "../../scripts/packages.mjs";
import { launch } from "../e2e/fixtures/browser.mjs";
import { EXPECTED, installedProject, succeed } from "./project.mjs";

const installed = await installedProject();
after(() => installed.remove());

test("the package holds every file it exports, and nothing that is not for its users", () => {
  const { exports, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const named = [...Object.values(exports).flatMap(leaves), ...Object.values(bin)].map((path) =>
    path.replace("./", ""),
  );
  assert.deepEqual(
    named.filter((path) => !installed.packed.includes(path)),
    [],
  );
  const allowed =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/\w+\.md|skills\/tabtape\/SKILL\.md|scripts\/(bin|init_extension)\.mjs|dist\/npm\/.+\.(js|d\.ts|wasm)|dist\/npm\/cjs\/package\.json)$/;
  assert.deepEqual(
    installed.packed.filter((path) => !allowed.test(path)),
    [],
  );
});

test("packing fails while a preconfiguration is next to the package's files", async () => {
  const copy = join(installed.folder, "copy");
  mkdirSync(join(copy, "scripts"), { recursive: true });
  for (const path of ["package.json", "README.md", "scripts/lib", "scripts/pack.mjs", "dist/npm"]) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  writeFileSync(join(copy, "dist", "npm", "tabtape.json"), "{}");
  const [command, args] = npm(["pack", "--dry-run"]);
  const { status, stderr } = await capture(command, args, { cwd: copy });
  assert.notEqual(status, 0);
  assert.match(stderr, /tabtape\.json/);
});

test("Node imports it by name", async () => {
  assert.deepEqual(
    JSON.parse(await succeed(process.execPath, ["node.mjs"], { cwd: installed.project })),
    EXPECTED,
  );
});

test("a script that requires it gets the same, from disk or inlined", async () => {
  for (const entry of ["tabtape", "tabtape/inline"]) {
    const script = `import("./exercise.mjs").then(({ exercise }) => exercise(require("${entry}"))).then((found) => console.log(JSON.stringify(found)))`;
    const args = ["--input-type=commonjs", "--eval", script];
    const printed = await succeed(process.execPath, args, { cwd: installed.project });
    assert.deepEqual(JSON.parse(printed), EXPECTED, entry);
  }
});

test("every entry exports the same names", async () => {
  const script = `
    const { createRequire } = require("node:module");
    const npm = "./node_modules/tabtape/dist/npm/";
    const names = (module) => Object.keys(module).filter((name) => !name.startsWith("__")).sort();
    (async () => {
      const found = {};
      for (const file of ["index.js", "node.js", "inline.js"]) found[file] = names(await import(npm + file));
      for (const file of ["cjs/node.js", "cjs/inline.js"]) found[file] = names(require(npm + file));
      console.log(JSON.stringify(found));
    })();`;
  const args = ["--input-type=commonjs", "--eval", script];
  const found = JSON.parse(await succeed(process.execPath, args, { cwd: installed.project }));
  const { "index.js": expected, ...others } = found;
  assert.ok(expected.includes("openLogReader"), expected.join(", "));
  for (const [file, names] of Object.entries(others)) assert.deepEqual(names, expected, file);
});

test("tabtape/core does the same without the recorder, in a much smaller wasm", async () => {
  const script = `
    import * as core from "tabtape/core";
    import { exercise } from "./exercise.mjs";
    console.log(JSON.stringify({ names: Object.keys(core), found: await exercise(core) }));`;
  const args = ["--input-type=module", "--eval", script];
  const { names, found } = JSON.parse(await succeed(process.execPath, args, { cwd: installed.project }));
  assert.deepEqual(found, EXPECTED);
  assert.ok(names.includes("openCategoryLogs") && !names.includes("openRecorder"), names.join(", "));
  const gzipped = (/** @type {string} */ name) =>
    gzipSync(readFileSync(join(installed.project, "node_modules", "tabtape", "dist", "npm", name))).length;
  const [core, whole] = [gzipped("tabtape_core.wasm"), gzipped("tabtape.wasm")];
  assert.ok(core < 0.65 * whole, `${core} and ${whole} bytes`);
});

test("rules of redaction are added and silenced, in every entry", async () => {
  for (const entry of ["tabtape", "tabtape/core", "tabtape/inline"]) {
    const script = `
      import * as tabtape from "${entry}";
      await tabtape.default();
      const event = { type: "app.saved", category: "app", source: { kind: "extension" } };
      const data = { acmeRef: "Zq7hunter42", password: "hunter2", n: 1 };
      const names = [{ id: "acme", names: ["acme-ref"] }];
      const published = (options, then) => {
        const session = new tabtape.CaptureSession(options);
        then?.(session);
        session.publish({ ...event, data });
        return session.reader().tryRead().envelope.event.data;
      };
      const shown = (data) => Object.values(data).map((value) => String(value).replace(/[0-9a-f]{8}/, "#")).join(" ");
      const outcome = (body) => { try { return shown(body()); } catch (error) { return error.code + ": " + error.message; } };
      const redactionKey = new Uint8Array(32).fill(7);
      const trial = tabtape.tryRedaction("acme ref: Zq7hunter42", { names });
      console.log(JSON.stringify({
        absent: outcome(() => published({})),
        builtIn: outcome(() => published({ redactionKey })),
        added: outcome(() => published({ redactionKey, redaction: { names } })),
        silenced: outcome(() => published({ redaction: { names, disable: ["password"] } })),
        later: outcome(() => published({ redactionKey }, (session) => session.setRedaction({ names }))),
        without: outcome(() => published({}, (session) => session.setRedaction({ names }))),
        wrong: outcome(() => published({ redaction: { disable: ["pasword"] } })).slice(0, 83),
        text: outcome(() => published({ redaction: "names" })),
        trial: trial.replaced.map(({ rule, secret }) => [rule, secret]),
        email: tabtape.redactionRules().find(({ id }) => id === "email"),
      }));`;
    const args = ["--input-type=module", "--eval", script];
    assert.deepEqual(
      JSON.parse(await succeed(process.execPath, args, { cwd: installed.project })),
      {
        absent: "Zq7hunter42 hunter2 1",
        builtIn: "Zq7hunter42 [redacted:#] 1",
        added: "[redacted:#] [redacted:#] 1",
        silenced: "[redacted:#] hunter2 1",
        later: "[redacted:#] [redacted:#] 1",
        without:
          "invalid_redaction: expected a session with a redactionKey or redaction rules from the beginning; this one does not redact",
        wrong: 'invalid_redaction: redaction rules: disable[0]: no rule has the id "pasword"; there',
        text: 'invalid_redaction: redaction: expected an object like {"disable": ["email"]}, got "names"',
        trial: [["acme", "Zq7hunter42"]],
        email: {
          id: "email",
          enabled: false,
          enabled_by_default: false,
          names: [],
          shapes: ["e-mail address"],
        },
      },
      entry,
    );
  }
});

test("what needs IndexedDB says so in Node, and init says what is wrong with the wasm", async () => {
  const script = `
    import init, { init as again, openCategoryLogs, openLogReader, TabtapeError } from "tabtape";
    const outcome = (promise) => promise.then(() => "resolved", (error) => error instanceof TabtapeError ? error.code : String(error));
    const found = {
      garbage: await outcome(init(new Uint8Array([1, 2, 3]))),
      address: await outcome(init("http://127.0.0.1:1/tabtape.wasm")),
      answer: await outcome(init(new Response("", { status: 404 }))),
      other: await outcome(init(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])))),
      nothing: await outcome(init(null)),
    };
    await again();
    found.logs = await outcome(openCategoryLogs());
    found.reader = await outcome(openLogReader());
    console.log(JSON.stringify(found));`;
  const args = ["--input-type=module", "--eval", script];
  assert.deepEqual(JSON.parse(await succeed(process.execPath, args, { cwd: installed.project })), {
    garbage: "wasm_invalid",
    address: "wasm_unavailable",
    answer: "wasm_unavailable",
    other: "wasm_invalid",
    nothing: "resolved",
    logs: "no_indexeddb",
    reader: "no_indexeddb",
  });
});

test("a strict TypeScript project compiles against its types", async () => {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  for (const resolution of ["nodenext", "bundler"]) {
    const module = resolution === "nodenext" ? "nodenext" : "es2022";
    for (const lib of ["es2022", "es2022,dom"]) {
      const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", lib, "--types", ""];
      const files = lib === "es2022" ? ["types.ts"] : ["types.ts", "types_dom.ts"];
      await succeed(
        process.execPath,
        [tsc, ...options, "--module", module, "--moduleResolution", resolution, ...files],
        { cwd: installed.project },
      );
    }
  }
});

test("its types never say any", () => {
  const declarations = installed.packed.filter((path) => path.endsWith(".d.ts"));
  assert.ok(declarations.length > 0);
  for (const path of declarations) {
    const text = readFileSync(join(installed.project, "node_modules", "tabtape", path), "utf8");
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    assert.doesNotMatch(code, /\bany\b/, path);
  }
});

test("a page and a module worker import it", async () => {
  const site = await serve(serveProject);
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(site.origin);
    const inPage = await page.evaluate(async () => {
      const [tabtape, { exercise }] = await Promise.all([
        import(`${location.origin}/node_modules/tabtape/dist/npm/index.js`),
        import(`${location.origin}/exercise.mjs`),
      ]);
      return exercise(tabtape);
    });
    assert.deepEqual(inPage, EXPECTED);
    const withCore = await page.evaluate(async () => {
      const { exercise } = await import(`${location.origin}/exercise.mjs`);
      const core = await import(`${location.origin}/node_modules/tabtape/dist/npm/core.js`);
      const found = await exercise(core);
      const session = new core.CaptureSession({ log: await core.openCategoryLogs() });
      const seq = session.publish({ type: "app.ready", category: "app", source: { kind: "extension" } });
      await session.committed(seq);
      return { found, committed: session.committedSeq, state: session.state };
    });
    assert.deepEqual(withCore, { found: EXPECTED, committed: 1, state: "logged" });
    const inWorker = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const worker = new Worker("/worker.js", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data.result ?? data.error);
          worker.onerror = (event) => resolve(event.message);
        }),
    );
    assert.deepEqual(inWorker, EXPECTED);
  } finally {
    await browser.close();
    await site.close();
  }
});

test("npx tabtape runs the collector it finds, and otherwise says how to install one", async () => {
  const bin = join(installed.project, "node_modules", "tabtape", "scripts", "bin.mjs");
  const nowhere = { HOME: installed.folder, USERPROFILE: installed.folder, PATH: "" };
  const found = await capture(process.execPath, [bin, "--version"], {
    env: { ...nowhere, TABTAPE_COLLECTOR: collectorFile },
  });
  assert.match(found.stdout, /^tabtape \d+\.\d+\.\d+/);
  const missing = await capture(process.execPath, [bin, "--version"], { env: nowhere });
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /not installed.*build:collector/s);
  const wrong = await capture(process.execPath, [bin], {
    env: { ...nowhere, TABTAPE_COLLECTOR: "/nonexistent" },
  });
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /TABTAPE_COLLECTOR names \/nonexistent/);
});

test("with the collector's package of this platform it is run without a clone, without Rust", async () => {
  const folder = join(installed.folder, "packages");
  const tarballs = await pack(folder);
  const project = join(installed.folder, "with collector");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "private": true }');
  const install = npm(["install", "--offline", "--no-audit", "--no-fund", ...tarballs]);
  await succeed(...install, { cwd: project });
  const { optionalDependencies, version } = JSON.parse(
    readFileSync(join(project, "node_modules", "tabtape", "package.json"), "utf8"),
  );
  const name = `@tabtape/collector-${process.platform}-${process.arch}`;
  assert.deepEqual(optionalDependencies, { [name]: version });
  const bin = join(project, "node_modules", "tabtape", "scripts", "bin.mjs");
  const env = { HOME: installed.folder, USERPROFILE: installed.folder, PATH: "" };
  const data = { ...env, TABTAPE_DATA_DIR: join(installed.folder, "data") };
  const serving = spawn(process.execPath, [bin, "serve", "--listen", "127.0.0.1:0"], {
    env: data,
    stdio: "ignore",
  });
  const ended = once(serving, "exit");
  try {
    let running = null;
    while (!running && serving.exitCode === null) {
      await sleep(50);
      running = await findCollector(data.TABTAPE_DATA_DIR);
    }
    assert.equal(running?.url.startsWith("http://127.0.0.1:"), true);
  } finally {
    serving.kill("SIGTERM");
    await ended;
  }
});

/** Every path in one value of `exports`. @param {unknown} value @returns {string[]} */
function leaves(value) {
  return typeof value === "string" ? [value] : Object.values(/** @type {object} */ (value)).flatMap(leaves);
}

/** @type {Record<string, string>} */
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
function serveProject(request, response) {
  const file = join(installed.project, new URL(request.url ?? "/", "http://localhost").pathname);
  const type = TYPES[extname(file)];
  if (!type || !existsSync(file)) {
    return void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  }
  response.writeHead(200, { "content-type": type }).end(readFileSync(file));
}
