/**
 * JSON as a tree that opens where one looks. Long strings and lists are cut and can be shown whole.
 *
 * Nothing in it is ever markup, and an address in it is text.
 */
import { useSignal } from "@preact/signals";
import { previewText } from "../data/preview";
import { count } from "../data/time";
import { Marked } from "../ui/marked";
import "./json.css";

const MOST_ITEMS = 100;
const MOST_CHARS = 600;
const OPEN_DEPTH = 2;

interface NodeProps {
  name?: string | undefined;
  value: unknown;
  depth: number;
  words: string[];
  /** Open to this depth at first. */
  openDepth?: number;
}

export function JsonTree({
  value,
  words = [],
  openDepth = OPEN_DEPTH,
}: {
  value: unknown;
  words?: string[];
  openDepth?: number;
}) {
  return (
    <div class="json">
      <JsonNode value={value} depth={0} words={words} openDepth={openDepth} />
    </div>
  );
}

function JsonNode({ name, value, depth, words, openDepth = OPEN_DEPTH }: NodeProps) {
  if (typeof value !== "object" || value === null) {
    return (
      <div class="json-line">
        <Key name={name} words={words} />
        <Leaf value={value} words={words} />
      </div>
    );
  }
  return <Branch name={name} value={value} depth={depth} words={words} openDepth={openDepth} />;
}

function Branch({ name, value, depth, words, openDepth = OPEN_DEPTH }: NodeProps & { value: object }) {
  const list = Array.isArray(value);
  const entries: [string, unknown][] = list ? value.map((v, i) => [String(i), v]) : Object.entries(value);
  const open = useSignal(depth < openDepth && entries.length <= MOST_ITEMS);
  const all = useSignal(false);
  const brackets = list ? "[]" : "{}";
  if (entries.length === 0) {
    return (
      <div class="json-line">
        <Key name={name} words={words} />
        <span class="json-punct">{brackets}</span>
      </div>
    );
  }
  const shown = all.value ? entries : entries.slice(0, MOST_ITEMS);
  return (
    <div class="json-branch">
      <button
        type="button"
        class="json-line json-toggle"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <Key name={name} words={words} />
        <span class="json-punct">{brackets.charAt(0)}</span>
        {open.value ? null : (
          <>
            <span class="json-brief">{brief(value, entries)}</span>
            <span class="json-punct">{brackets.charAt(1)}</span>
          </>
        )}
        {list || open.value ? null : null}
      </button>
      {open.value && (
        <>
          <div class="json-inside">
            {shown.map(([key, inner]) => (
              <JsonNode
                key={key}
                name={key}
                value={inner}
                depth={depth + 1}
                words={words}
                openDepth={openDepth}
              />
            ))}
            {shown.length < entries.length && (
              <button
                type="button"
                class="json-more"
                onClick={() => {
                  all.value = true;
                }}
              >
                {count(entries.length - shown.length)} more
              </button>
            )}
          </div>
          <div class="json-line json-punct">{brackets.charAt(1)}</div>
        </>
      )}
    </div>
  );
}

function Key({ name, words }: { name: string | undefined; words: string[] }) {
  if (name === undefined) return null;
  return (
    <>
      <span class="json-key">
        <Marked text={name} words={words} />
      </span>
      <span class="json-punct">: </span>
    </>
  );
}

function Leaf({ value, words }: { value: unknown; words: string[] }) {
  const all = useSignal(false);
  if (typeof value !== "string")
    return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
  const cut = !all.value && value.length > MOST_CHARS;
  return (
    <span class="json-string">
      "<Marked text={cut ? value.slice(0, MOST_CHARS) : value} words={words} />
      {cut ? "" : '"'}
      {cut && (
        <button
          type="button"
          class="json-more"
          onClick={() => {
            all.value = true;
          }}
        >
          … {count(value.length - MOST_CHARS)} more characters
        </button>
      )}
    </span>
  );
}

function brief(value: object, entries: [string, unknown][]): string {
  const preview = previewText(value);
  if (preview !== null) return preview;
  const text = entries
    .slice(0, 4)
    .map(([key, inner]) => {
      const short =
        typeof inner === "object" && inner !== null
          ? Array.isArray(inner)
            ? "[…]"
            : "{…}"
          : JSON.stringify(inner);
      return Array.isArray(value) ? short : `${key}: ${short}`;
    })
    .join(", ");
  const more = entries.length > 4 ? ", …" : "";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text + more;
}
