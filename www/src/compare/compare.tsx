/** Two sessions side by side, with their differences. The filter applies to both. */
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { isGap, parseLine } from "../data/record";
import type { SessionSummary } from "../data/source";
import { count, duration } from "../data/time";
import { sessionName } from "../sessions/picker";
import { useViewer } from "../state";
import { Icon } from "../ui/icon";
import "./compare.css";
import { add, Digest, median } from "./digest";

const PAGE_LINES = 10_000;
const MOST_ROWS = 40;
const CLEAR_CHANGE = 0.2;

export function Compare() {
  const viewer = useViewer();
  const left = useDigest(viewer.view.sessionId.value);
  const right = useDigest(viewer.compareWith.value);
  const sessionOf = (id: string | null) => viewer.sessions.list.value?.find((s) => s.id === id) ?? null;
  const close = () => (viewer.compareWith.value = null);
  const a = left.value;
  const b = right.value;
  return (
    <main class="compare" aria-label="Comparison of two sessions">
      <header class="compare-head">
        <Side session={sessionOf(viewer.view.sessionId.value)} digest={a} label="A" />
        <Side session={sessionOf(viewer.compareWith.value)} digest={b} label="B" />
        <button type="button" class="button" onClick={close}>
          <Icon name="close" />
          Close
        </button>
      </header>
      {typeof a === "string" || typeof b === "string" ? (
        <p class="compare-wait">{typeof a === "string" ? a : String(b)}</p>
      ) : (
        <div class="compare-body">
          <Failures a={a} b={b} />
          <Requests a={a} b={b} />
          <Vitals a={a} b={b} />
          <Types a={a} b={b} />
        </div>
      )}
    </main>
  );
}

/** Reads a session through the filter. The result is a text until it is complete. */
function useDigest(id: string | null): Signal<Digest | string> {
  const viewer = useViewer();
  const result = useSignal<Digest | string>("Reading…");
  const q = viewer.view.q.value;
  useEffect(() => {
    if (id === null) return;
    const abort = new AbortController();
    result.value = "Reading…";
    void (async () => {
      const digest = new Digest();
      let cursor: string | null = null;
      try {
        for (;;) {
          const page = await viewer.source.read({ session: id, q }, cursor, PAGE_LINES, abort.signal);
          for (const line of page.lines) {
            const record = parseLine(line);
            if (record === null) continue;
            if (isGap(record)) digest.missing += record.gap.last_seq - record.gap.first_seq + 1;
            else add(digest, record.capture_session_id, record.seq, record.event);
          }
          cursor = page.next ?? cursor;
          if (page.end) break;
          result.value = `Reading… ${count(digest.events)} events`;
        }
        result.value = digest;
      } catch (error) {
        if (!abort.signal.aborted) result.value = error instanceof Error ? error.message : String(error);
      }
    })();
    return () => abort.abort();
  }, [id, q]);
  return result;
}

function Side({
  session,
  digest,
  label,
}: {
  session: SessionSummary | null;
  digest: Digest | string;
  label: string;
}) {
  const viewer = useViewer();
  return (
    <div class="compare-side">
      <span class="compare-label">{label}</span>
      <div>
        <b>{session === null ? "No longer stored" : sessionName(viewer, session)}</b>{" "}
        <span class="dim">
          {session?.first_ts && session.last_ts ? duration(session.last_ts - session.first_ts) : ""}
        </span>
        <div class="dim">
          {typeof digest === "string"
            ? digest
            : `${count(digest.events)} events${digest.missing > 0 ? `, ${count(digest.missing)} missing` : ""}`}
        </div>
      </div>
    </div>
  );
}

interface Line {
  key: string;
  name: ComponentChildren;
  a: number | null;
  b: number | null;
  /** A larger number is worse: always, or only if the other side has none. */
  bad?: "always" | "alone";
}

function Table({
  title,
  lines,
  show = count,
  none,
}: {
  title: string;
  lines: Line[];
  show?: (n: number) => string;
  none: string;
}) {
  const all = useSignal(false);
  const shown = all.value ? lines : lines.slice(0, MOST_ROWS);
  return (
    <section class="compare-part">
      <h2>{title}</h2>
      {lines.length === 0 ? (
        <p class="dim">{none}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
              <th scope="col">Change</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((line) => (
              <tr key={line.key}>
                <th scope="row">{line.name}</th>
                <td>{line.a === null ? "–" : show(line.a)}</td>
                <td>{line.b === null ? "–" : show(line.b)}</td>
                <Change line={line} show={show} />
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {shown.length < lines.length && (
        <button type="button" class="button small" onClick={() => (all.value = true)}>
          {count(lines.length - shown.length)} more
        </button>
      )}
    </section>
  );
}

function Change({ line: { a, b, bad }, show }: { line: Line; show: (n: number) => string }) {
  if (a === b) return <td class="dim">same</td>;
  const one = (a ?? 0) === 0 || (b ?? 0) === 0;
  // Counts depend on how long one recorded: only what one side lacks, or a clear change, means something.
  const clear = one || Math.abs((b ?? 0) - (a ?? 0)) > CLEAR_CHANGE * (a ?? 0);
  const kind =
    bad === undefined || !(bad === "always" ? clear : one) ? "" : (b ?? 0) > (a ?? 0) ? "worse" : "better";
  if (a === null || a === 0) return <td class={kind}>only in B</td>;
  if (b === null || b === 0) return <td class={kind}>only in A</td>;
  return <td class={kind}>{b > a ? `+${show(b - a)}` : `−${show(a - b)}`}</td>;
}

function Failures({ a, b }: { a: Digest; b: Digest }) {
  const viewer = useViewer();
  const lines = union(a.failures, b.failures).map((key): Line => {
    const one = a.failures.get(key);
    const other = b.failures.get(key);
    const shown = one ?? other;
    return {
      key,
      name: (
        <button
          type="button"
          class="compare-open mono"
          title="Open it"
          onClick={() => {
            if (shown === undefined) return;
            viewer.compareWith.value = null;
            viewer.openSession(shown.session);
            viewer.selection.selectSeq(shown.session, shown.seq);
          }}
        >
          {shown?.example ?? key}
        </button>
      ),
      a: one?.count ?? 0,
      b: other?.count ?? 0,
      bad: "alone",
    };
  });
  return <Table title="Failures" lines={byDifference(lines)} none="Neither session has an error." />;
}

function Requests({ a, b }: { a: Digest; b: Digest }) {
  const lines = linesOf(a.requests, b.requests, (one) => median(one?.times ?? []), "always");
  return (
    <Table
      title="Requests, median time"
      lines={byDifference(lines)}
      show={(ms) => duration(ms * 1000)}
      none="Neither session has a response."
    />
  );
}

function Vitals({ a, b }: { a: Digest; b: Digest }) {
  const lines = linesOf(a.vitals, b.vitals, (values) => median(values ?? []), "always");
  if (lines.length === 0) return null;
  return (
    <Table
      title="Vitals, median"
      lines={lines}
      show={(v) => (v < 10 ? v.toFixed(3) : duration(v * 1000))}
      none=""
    />
  );
}

function Types({ a, b }: { a: Digest; b: Digest }) {
  const lines = linesOf(a.types, b.types, (n) => n ?? 0);
  return (
    <Table
      title="Events by type"
      lines={byDifference(lines)}
      none="Neither session has an event that matches."
    />
  );
}

/** Returns a line for each key of the two sides, with the values that `of` gives them. */
function linesOf<T>(
  a: Map<string, T>,
  b: Map<string, T>,
  of: (value: T | undefined) => number | null,
  bad?: Line["bad"],
): Line[] {
  return union(a, b).map((key) => {
    const name = <span class="mono">{key}</span>;
    return { key, name, a: of(a.get(key)), b: of(b.get(key)), ...(bad === undefined ? {} : { bad }) };
  });
}

function union<T>(a: Map<string, T>, b: Map<string, T>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])];
}

/** Sorts lines that only one side has first, then by difference. */
function byDifference(lines: Line[]): Line[] {
  const onlyOne = (l: Line): number => (l.a === null || l.b === null || l.a === 0 || l.b === 0 ? 1 : 0);
  return lines.sort(
    (x, y) =>
      onlyOne(y) - onlyOne(x) || Math.abs((y.b ?? 0) - (y.a ?? 0)) - Math.abs((x.b ?? 0) - (x.a ?? 0)),
  );
}
