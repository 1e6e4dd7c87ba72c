/**
 * A value as a tree. Long strings and lists are shortened, with a button that shows the rest.
 *
 * Nothing in a value becomes markup, and an address in it stays text.
 */
import { useSignal } from "@preact/signals";
import { lineOf, plain, preview, type Shown } from "../data/preview";
import { count } from "../data/time";
import { Marked } from "../ui/marked";
import "./json.css";

const MOST_ITEMS = 100;
const MOST_CHARS = 600;
const OPEN_DEPTH = 2;
const MOST_BRIEF = 100;

interface Style {
  words: string[];
  /** Open to this depth at first. */
  openDepth: number;
  show: (value: unknown) => Shown;
}

interface TreeProps {
  value: unknown;
  words?: string[];
  openDepth?: number;
}

/** JSON as it is. */
export function JsonTree({ openDepth = OPEN_DEPTH, ...tree }: TreeProps) {
  return <Tree {...tree} openDepth={openDepth} show={plain} />;
}

/** A value of the page, as a console would show it. */
export function ValueTree({ openDepth = 1, ...tree }: TreeProps) {
  return <Tree {...tree} openDepth={openDepth} show={preview} />;
}

function Tree({ value, words = [], ...style }: TreeProps & Omit<Style, "words">) {
  return (
    <div class="json">
      <Node value={value} depth={0} style={{ words, ...style }} />
    </div>
  );
}

interface NodeProps {
  name?: string;
  value: unknown;
  depth: number;
  style: Style;
}

function Node(node: NodeProps) {
  const { name, value, style } = node;
  const shown = style.show(value);
  if (shown.entries === undefined || shown.entries.length === 0) {
    return (
      <div class="json-line">
        <Key name={name} words={style.words} />
        {shown.entries === undefined ? (
          <Leaf shown={shown} words={style.words} />
        ) : (
          <span class="json-punct">
            {shown.list === true ? "" : shown.text} {shown.list === true ? "[]" : "{}"}
          </span>
        )}
      </div>
    );
  }
  return <Branch {...node} text={shown.text} entries={shown.entries} />;
}

type BranchProps = NodeProps & { text: string; entries: [name: string, value: unknown][] };

function Branch({ name, value, depth, style, text, entries }: BranchProps) {
  const open = useSignal(depth < style.openDepth && entries.length <= MOST_ITEMS);
  const all = useSignal(false);
  const listed = all.value ? entries : entries.slice(0, MOST_ITEMS);
  return (
    <div class="json-branch">
      <button
        type="button"
        class="json-line json-toggle"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        <Key name={name || undefined} words={style.words} />
        {open.value ? (
          <span class="json-punct">{text === "" ? `{${entries.length}}` : text}</span>
        ) : (
          <span class="json-brief">{brief(value)}</span>
        )}
      </button>
      {open.value && (
        <div class="json-inside">
          {listed.map(([key, inner], i) => (
            <Node key={i} name={key} value={inner} depth={depth + 1} style={style} />
          ))}
          {listed.length < entries.length && (
            <button type="button" class="json-more" onClick={() => (all.value = true)}>
              {count(entries.length - listed.length)} more
            </button>
          )}
        </div>
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

function Leaf({ shown, words }: { shown: Shown; words: string[] }) {
  const all = useSignal(false);
  const { text, kind } = shown;
  if (kind !== "string") return <span class={`json-${kind}`}>{text}</span>;
  const isShortened = !all.value && text.length > MOST_CHARS;
  return (
    <span class="json-string">
      "<Marked text={isShortened ? text.slice(0, MOST_CHARS) : text} words={words} />
      {isShortened ? "" : '"'}
      {isShortened && (
        <button type="button" class="json-more" onClick={() => (all.value = true)}>
          … {count(text.length - MOST_CHARS)} more characters
        </button>
      )}
    </span>
  );
}

function brief(value: unknown): string {
  const text = lineOf(value, 1);
  return text.length > MOST_BRIEF ? `${text.slice(0, MOST_BRIEF)}…` : text;
}
