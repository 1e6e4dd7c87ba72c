/**
 * A stack trace: each frame with its place, neighbouring frames of libraries folded into one line. Frames are shown with their places
 * in the sources, as recorded with the session or by a map that a person has opened; the "Raw" button shows the text
 * as it was recorded. A frame whose source is known opens in an editor.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Envelope } from "../../../src/web/types";
import { useViewer } from "../state";
import type { OriginalPlaces } from "../stores/original_places";
import { Icon } from "../ui/icon";
import { Marked } from "../ui/marked";
import { editorLink, type SourcePlace } from "./editor";
import { EditorDialog } from "./editor_dialog";
import { type Frame, fileOf, parseStack } from "./frames";
import { CopyButton, Part, Toggle } from "./parts";

/** The recorder looks places up while the event is already shown: times of the further looks, in milliseconds. */
const READ_AGAIN_MS = [500, 2_000, 5_000];
/** Events older than this have their places, if they ever get them. */
const RECENT_MICROS = 60e6;

export function Stack(props: { title?: string; text: string; envelope: Envelope }) {
  const { title = "Stack", text, envelope } = props;
  const viewer = useViewer();
  const raw = useSignal(false);
  const asked = useSignal<SourcePlace | null>(null);
  const site = siteOf(envelope.event.url);
  void viewer.sourceMaps.version.value;
  void viewer.originalPlaces.version.value;
  useEffect(() => {
    const read = () => void viewer.originalPlaces.read(envelope.capture_session_id).catch(() => {});
    read();
    if (Date.now() * 1000 - envelope.event.ts > RECENT_MICROS) return;
    const timers = READ_AGAIN_MS.map((ms) => setTimeout(read, ms));
    return () => timers.forEach(clearTimeout);
  }, [viewer, envelope]);
  const frames = parseStack(text).map((frame, i, built) => {
    const original = recorded(viewer.originalPlaces, envelope, frame, built[i + 1]);
    return original ?? viewer.sourceMaps.original(frame);
  });
  const isOwn = (frame: Frame): boolean => !frame.library;
  const groups = frames.some(isOwn) ? folded(frames) : [frames];
  const row = (frame: Frame) => (
    <FrameRow
      key={frames.indexOf(frame)}
      frame={frame}
      words={viewer.view.words.value}
      isOpen={frame === shownCode}
      site={site}
      ask={(place) => (asked.value = place)}
    />
  );
  const shownCode = frames.find(({ code, library }) => code !== undefined && !library);
  return (
    <Part
      title={title}
      aside={
        <>
          <MapButton />
          <Toggle on={raw} label="Raw" />
          <CopyButton text={() => text} label="Copy" say="Stack copied" />
        </>
      }
    >
      {raw.value || frames.length === 0 ? (
        <pre class="mono block">
          <Marked text={text} words={viewer.view.words.value} />
        </pre>
      ) : (
        <ol class="stack">
          {groups.map((group) =>
            group.length === 1 || groups.length === 1 ? (
              group.map(row)
            ) : (
              <li key={`libraries ${frames.indexOf(group[0] as Frame)}`} class="stack-libraries">
                <details>
                  <summary>{group.length} frames of libraries</summary>
                  <ol>{group.map(row)}</ol>
                </details>
              </li>
            ),
          )}
        </ol>
      )}
      {asked.value !== null && (
        <EditorDialog site={site} place={asked.value} onClose={() => (asked.value = null)} />
      )}
    </Part>
  );
}

/** Returns the frames in order: each of the page's own by itself, neighbours of libraries together. */
function folded(frames: Frame[]): Frame[][] {
  const groups: Frame[][] = [];
  for (const frame of frames) {
    const last = groups.at(-1);
    if (frame.library && last?.[0]?.library === true) last.push(frame);
    else groups.push([frame]);
  }
  return groups;
}

/**
 * Returns the frame at its place in the sources, if that was recorded. A map has the name of what is called at a place,
 * so the function of a frame has the name that the map gives the place of its caller.
 */
function recorded(
  places: OriginalPlaces,
  envelope: Envelope,
  frame: Frame,
  caller: Frame | undefined,
): Frame | null {
  const session = envelope.capture_session_id;
  const documentId = envelope.event.source.metadata?.document_id ?? "";
  const find = ({ url, line, column }: Frame) => places.find({ session, documentId, url, line, column });
  const original = find(frame);
  if (original === undefined) return null;
  return {
    name: (caller && find(caller)?.name) ?? frame.name,
    url: frame.url,
    line: original.line,
    column: original.column,
    source: original.source,
    place: `${original.source}:${original.line}:${original.column}`,
    library: /node_modules\//.test(original.source),
    builtPlace: frame.place,
    ...(original.code.length === 0 ? {} : { code: { lines: original.code, from: original.codeFrom } }),
  };
}

function FrameRow(props: {
  frame: Frame;
  words: string[];
  isOpen: boolean;
  site: string;
  ask: (place: SourcePlace) => void;
}) {
  const { frame, words, isOpen, site, ask } = props;
  const place = <Marked text={frame.place} words={words} />;
  return (
    <li class={frame.library ? "stack-library" : undefined}>
      <span class="stack-name">
        <Marked text={frame.name} words={words} />
      </span>
      <span
        class="stack-place"
        title={frame.builtPlace === undefined ? frame.url : `${frame.builtPlace} in ${frame.url}`}
      >
        <bdi>
          {/^https?:/.test(frame.url) ? (
            <a href={frame.url} target="_blank" rel="noopener noreferrer nofollow">
              {place}
            </a>
          ) : (
            place
          )}
        </bdi>
      </span>
      {frame.source !== undefined && (
        <EditorButton place={{ ...frame, source: frame.source }} site={site} ask={ask} />
      )}
      {frame.code !== undefined && (
        <details class="stack-code" open={isOpen}>
          <summary>Code</summary>
          <pre class="mono">
            {frame.code.lines.map((line, i) => {
              const number = (frame.code?.from ?? 1) + i;
              return (
                <span key={number} class={number === frame.line ? "stack-code-line at" : "stack-code-line"}>
                  <span class="stack-code-number">{number}</span>
                  {line}
                  {"\n"}
                </span>
              );
            })}
          </pre>
        </details>
      )}
    </li>
  );
}

/** Opens a place in the editor; with the Alt key, or before the project's folder is known, it asks for both. */
function EditorButton(props: { place: SourcePlace; site: string; ask: (place: SourcePlace) => void }) {
  const { place, site, ask } = props;
  const settings = useViewer().editor.settings.value;
  const link = editorLink(settings, site, place);
  const shared = {
    class: "button icon-only small stack-open",
    title: `Open in ${settings.editor}. With the Alt key: choose the editor and the project's folder.`,
    "aria-label": `Open ${fileOf(place.source)}, line ${place.line}, in ${settings.editor}`,
    children: <Icon name="edit" />,
  };
  if (link === null) return <button type="button" {...shared} onClick={() => ask(place)} />;
  const choose = (event: MouseEvent) => {
    if (!event.altKey) return;
    event.preventDefault();
    ask(place);
  };
  return <a href={link} {...shared} onClick={choose} />;
}

/** Returns the host and port of a page. */
function siteOf(url: string | undefined): string {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : "this page";
}

/** Opens source maps from this computer. */
function MapButton() {
  const viewer = useViewer();
  const input = useRef<HTMLInputElement>(null);
  const take = async (files: FileList | null) => {
    for (const file of files ?? []) {
      try {
        viewer.sourceMaps.add(file.name, await file.text());
        viewer.notices.say(`${file.name} applied to the stacks of its script`);
      } catch (error) {
        viewer.notices.sayError(error);
      }
    }
  };
  return (
    <>
      <input
        ref={input}
        class="sr"
        type="file"
        accept=".map,application/json"
        multiple
        tabIndex={-1}
        aria-label="Source maps"
        onChange={(event) => void take(event.currentTarget.files)}
      />
      <button
        type="button"
        class="button small"
        title="Read this stack by source maps from your computer"
        onClick={() => input.current?.click()}
      >
        Source map
      </button>
    </>
  );
}
