/**
 * The entry of the viewer in a bundle: a page that contains the records and requests nothing.
 *
 * The collector writes the page (`collector/src/export/bundle.rs`): a manifest as JSON, and each file as gzip in base64.
 */
import init from "../../../src/web/index";
import { showMessage, showViewer } from "../show";
import { Viewer } from "../state";
import { EmbeddedSource } from "./embedded";
import { Evidence, type Manifest } from "./evidence";

const root = document.getElementById("app");

async function begin(into: HTMLElement): Promise<void> {
  try {
    const manifest = JSON.parse(textOf("manifest")) as Manifest;
    const names = ["events.ndjson", "network.har", "coverage.json", "tabtape.wasm"];
    const contents = await Promise.all(names.map(unpacked));
    const files = new Map(names.map((name, i) => [name, contents[i] as Uint8Array<ArrayBuffer>]));
    const encoder = new TextEncoder();
    files.set("viewer.js", encoder.encode(ownScript()));
    files.set("viewer.css", encoder.encode(document.querySelector("style")?.textContent ?? ""));
    await init(files.get("tabtape.wasm"));
    const text = (name: string) => new TextDecoder().decode(files.get(name));
    const source = new EmbeddedSource(text("events.ndjson"), JSON.parse(text("coverage.json")));
    showViewer(into, new Viewer(source), <Evidence manifest={manifest} files={files} />);
  } catch (error) {
    showMessage(into, { title: "This bundle cannot be read", text: `${(error as Error).message}.` });
  }
}

function ownScript(): string {
  return [...document.scripts].find(({ type }) => type === "")?.textContent ?? "";
}

function textOf(id: string): string {
  return document.getElementById(id)?.textContent ?? "";
}

async function unpacked(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(textOf(id)), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

if (root !== null) void begin(root);
