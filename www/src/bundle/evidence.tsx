/** The files of a bundle with their hashes, which are checked when the page opens, and what it leaves out. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { asObject, asString, eventsIn } from "../data/record";
import { bytes, count } from "../data/time";
import { download } from "../ui/download";
import "./evidence.css";

interface EvidenceFile {
  name: string;
  bytes: number;
  sha256: string;
  /** The session and the seq of the event that contains it. */
  event?: [session: string, seq: number];
}

/** The collector's description of a bundle. */
export interface Manifest {
  tabtape: string;
  made_at: string;
  selector: string;
  session: string | null;
  first_at: string | null;
  last_at: string | null;
  events: number;
  gap_seqs: number;
  truncated: number;
  left_out: string[];
  files: EvidenceFile[];
}

type Contents = Map<string, Uint8Array<ArrayBuffer>>;

export function Evidence({ manifest, files }: { manifest: Manifest; files: Contents }) {
  const wrong = useSignal<string[] | null>(null);
  const contents = useSignal<Contents>(files);
  useEffect(() => {
    void (async () => {
      contents.value = withScreenshots(manifest, files);
      const checked = manifest.files.map(async ({ name, sha256 }) => {
        const content = contents.value.get(name);
        return content !== undefined && (await hashOf(content)) === sha256 ? [] : [name];
      });
      wrong.value = (await Promise.all(checked)).flat();
    })();
  }, []);
  return (
    <details class="evidence">
      <summary>
        {wrong.value === null
          ? "Checking hashes…"
          : wrong.value.length === 0
            ? `Bundle: ${manifest.files.length} files, hashes are right`
            : `Changed since the export: ${wrong.value.join(", ")}`}
      </summary>
      <p>
        Exported {manifest.made_at} by Tabtape {manifest.tabtape}: {count(manifest.events)} events from{" "}
        {manifest.first_at ?? "?"} to {manifest.last_at ?? "?"}
        {manifest.selector === "" ? "" : `, selected by ${manifest.selector}`}.
      </p>
      <p>Left out: {manifest.left_out.join("; ")}.</p>
      <ul>
        {manifest.files.map((file) => (
          <li key={file.name}>
            <button
              type="button"
              class="button small"
              onClick={() => save(file.name, contents.value.get(file.name))}
            >
              {file.name}
            </button>{" "}
            <span class="dim">{bytes(file.bytes)}</span> <code>{file.sha256}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Adds the screenshots, which are parts of events. */
function withScreenshots(manifest: Manifest, files: Contents): Contents {
  const wanted = new Map(
    manifest.files.flatMap(({ name, event }) => (event === undefined ? [] : [[event.join(" "), name]])),
  );
  const all = new Map(files);
  if (wanted.size === 0) return all;
  const lines = new TextDecoder().decode(files.get("events.ndjson")).split("\n");
  for (const { capture_session_id, seq, event } of eventsIn(lines)) {
    const name = wanted.get(`${capture_session_id} ${seq}`);
    if (name === undefined) continue;
    const image = asString(asObject(event.data).image) ?? "";
    const data = atob(image.slice(image.indexOf(",") + 1));
    all.set(
      name,
      Uint8Array.from(data, (character) => character.charCodeAt(0)),
    );
  }
  return all;
}

async function hashOf(content: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function save(name: string, content: Uint8Array<ArrayBuffer> | undefined): void {
  if (content !== undefined) download(new Blob([content]), name.replace("/", "-"));
}
