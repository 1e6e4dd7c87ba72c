/** A stack trace: the page's own frames first in sight, each with its place; the raw text is kept. */
import { useSignal } from "@preact/signals";
import { parseStack } from "./frames";
import { CopyButton, Part } from "./parts";

export function Stack({ text }: { text: string }) {
  const raw = useSignal(false);
  const frames = parseStack(text);
  return (
    <Part
      title="Stack"
      aside={
        <>
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
        <pre class="mono block">{text}</pre>
      ) : (
        <ol class="stack">
          {frames.map((frame, i) => (
            <li key={`${i}${frame.place}`} class={frame.library ? "stack-library" : undefined}>
              <span class="stack-name">{frame.name}</span>
              <span class="stack-place" title={frame.url}>
                {/^https?:/.test(frame.url) ? (
                  <a href={frame.url} target="_blank" rel="noopener noreferrer nofollow">
                    {frame.place}
                  </a>
                ) : (
                  frame.place
                )}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Part>
  );
}
