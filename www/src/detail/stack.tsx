/**
 * A stack trace: each frame with its place, third-party code in a quieter colour. Source maps are applied
 * for display only; the "Raw" button shows the text as it was recorded.
 */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useViewer } from "../state";
import { Marked } from "../ui/marked";
import { type Frame, parseStack } from "./frames";
import { CopyButton, Part } from "./parts";

export function Stack({ text }: { text: string }) {
  const viewer = useViewer();
  const raw = useSignal(false);
  void viewer.sourceMaps.version.value;
  const frames = parseStack(text).map((frame) => viewer.sourceMaps.original(frame));
  return (
    <Part
      title="Stack"
      aside={
        <>
          <MapButton />
          <button
            type="button"
            class="button small"
            aria-pressed={raw.value}
            onClick={() => {
              raw.value = !raw.value;
            }}
          >
            Raw
          </button>
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
          {frames.map((frame, i) => (
            <FrameRow key={i} frame={frame} words={viewer.view.words.value} />
          ))}
        </ol>
      )}
    </Part>
  );
}

function FrameRow({ frame, words }: { frame: Frame; words: string[] }) {
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
        {/^https?:/.test(frame.url) ? (
          <a href={frame.url} target="_blank" rel="noopener noreferrer nofollow">
            {place}
          </a>
        ) : (
          place
        )}
      </span>
    </li>
  );
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
