/**
 * `npm run packages`: the tarballs to publish, in `dist/packages`, from the result of `npm run build`.
 *
 * The collector is a native program, so that each platform has a package of its own, as esbuild's do. `tabtape` names
 * those whose tarballs are in the folder as optional dependencies: on these platforms `npx tabtape serve` needs no
 * Rust. For a release, the tarballs of the other platforms are put there before.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { collectorFile } from "./lib/collector.mjs";
import { dist, root } from "./lib/paths.mjs";
import { exe } from "./lib/platform.mjs";
import { npm, run } from "./lib/run.mjs";
import { fail, say, Tell } from "./lib/say.mjs";

/**
 * Writes the tarballs of the package and of this platform's collector. Returns their files.
 * @param {string} folder @returns {Promise<string[]>}
 */
export async function pack(folder) {
  const { version, license, engines } = readManifest(root);
  mkdirSync(folder, { recursive: true });
  const staging = join(folder, "staging");
  rmSync(staging, { recursive: true, force: true });
  try {
    if (!existsSync(collectorFile)) throw new Tell(`${collectorFile} is not built; run npm run build first`);
    const [os, cpu] = [process.platform, process.arch];
    const name = `@tabtape/collector-${os}-${cpu}`;
    const description = `The collector of tabtape for ${os}, ${cpu}.`;
    const collector = join(staging, "collector");
    mkdirSync(join(collector, "bin"), { recursive: true });
    copyFileSync(join(root, "LICENSE"), join(collector, "LICENSE"));
    writeFileSync(join(collector, "README.md"), `# ${name}\n\n${description} Install \`tabtape\` instead.\n`);
    const program = join(collector, "bin", exe("tabtape"));
    copyFileSync(collectorFile, program);
    chmodSync(program, 0o755);
    writeManifest(collector, {
      name,
      version,
      description,
      license,
      engines,
      os: [os],
      cpu: [cpu],
      files: ["bin"],
    });
    const ours = await packFolder(collector, folder, `Pack ${name}`);

    const whole = await packFolder(root, staging, "Pack tabtape");
    await run("Unpack it", "tar", ["-xzf", whole, "-C", staging]);
    const main = join(staging, "package");
    const {
      scripts: _scripts,
      devDependencies: _dev,
      allowScripts: _allowed,
      ...manifest
    } = readManifest(main);
    writeManifest(main, { ...manifest, optionalDependencies: collectorsIn(folder, version) });
    return [ours, await packFolder(main, folder, "Pack tabtape with its collectors")];
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** The packages of collectors whose tarballs are in a folder. @param {string} folder @param {string} version */
function collectorsIn(folder, version) {
  const ending = `-${version}.tgz`;
  const names = readdirSync(folder)
    .filter((file) => file.startsWith("tabtape-collector-") && file.endsWith(ending))
    .map((file) => file.slice("tabtape-".length, -ending.length));
  return Object.fromEntries(names.sort().map((name) => [`@tabtape/${name}`, version]));
}

/** @param {string} from @param {string} to @param {string} title */
async function packFolder(from, to, title) {
  const [command, args] = npm(["pack", "--json", "--pack-destination", to]);
  const { stdout } = await run(title, command, args, { cwd: from });
  const [{ filename }] = JSON.parse(stdout);
  // npm gives the name of a scoped package with a slash, and its file with a dash.
  return join(to, filename.replace(/^@/, "").replace("/", "-"));
}

/** @param {string} folder @returns {any} */
const readManifest = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** @param {string} folder @param {object} manifest */
const writeManifest = (folder, manifest) =>
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    for (const file of await pack(dist("packages"))) say(file);
  } catch (error) {
    fail(error);
  }
}
