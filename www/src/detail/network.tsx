/** A request: its line, the time of its phases, its headers and bodies, and a command that repeats it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Envelope } from "../../../src/web/types";
import { asNumber, asObject, asString, eventsIn } from "../data/record";
import type { DataSource } from "../data/source";
import { clock, count, duration } from "../data/time";
import { Status } from "../list/row";
import { useViewer } from "../state";
import { Marked } from "../ui/marked";
import { type CopiedRequest, curlCommand } from "./curl";
import { exchangeOf, type Headers, type Phase, type ServerTiming } from "./exchange";
import { fetchCall } from "./fetch";
import { JsonTree } from "./json";
import { Address, addressIn, CopyButton, errorIn, Facts, FilterBy, Part, Toggle } from "./parts";
import { Stack } from "./stack";

/** Seqs that are read on both sides of a record to find the others of its request. */
const SEQS_AROUND = 2_000;

export function NetworkDetail(props: { envelope: Envelope; words: string[] }) {
  const isSocket = props.envelope.event.type.startsWith("network.websocket_");
  return isSocket ? <SocketDetail {...props} /> : <ExchangeDetail {...props} />;
}

/** A WebSocket's start, its end, or one of its frames. */
function SocketDetail({ envelope, words }: { envelope: Envelope; words: string[] }) {
  const { event } = envelope;
  const frames = useRelated(envelope).filter(({ event: { type } }) => type in DIRECTIONS);
  const data = asObject(event.data);
  const opcode = asNumber(data.opcode);
  const status = asNumber(data.status);
  return (
    <>
      <Part title="WebSocket">
        <Facts
          facts={[
            ["Address", addressIn(event.url)],
            ["Status", status === undefined ? undefined : <Status status={status} />],
            ["Error", errorIn(data.error)],
            ["Kind", opcode === undefined ? undefined : (OPCODES[opcode] ?? `opcode ${opcode}`)],
            ["Length", asNumber(data.length)?.toLocaleString("en-US")],
          ]}
        />
      </Part>
      <Body title="Payload" text={asString(data.payload)} headers={[]} words={words} />
      {frames.length === 0 ? null : <Conversation frames={frames} seq={envelope.seq} />}
    </>
  );
}

const OPCODES: Record<number, string> = { 1: "text", 2: "binary" };
const DIRECTIONS: Record<string, { arrow: string; label: string }> = {
  "network.websocket_sent": { arrow: "↑", label: "sent" },
  "network.websocket_received": { arrow: "↓", label: "received" },
};
const MOST_FRAMES = 500;

/** The frames of a socket around the selected one, in the order in which they came. */
function Conversation({ frames, seq }: { frames: Envelope[]; seq: number }) {
  const viewer = useViewer();
  const shown = frames.slice(0, MOST_FRAMES);
  const more = frames.length - shown.length;
  return (
    <Part title="Messages" aside={<span class="dim">{count(frames.length)}</span>}>
      <ol class="led">
        {shown.map((frame) => {
          const { arrow = "", label = "" } = DIRECTIONS[frame.event.type] ?? {};
          const data = asObject(frame.event.data);
          return (
            <li key={frame.seq}>
              <button
                type="button"
                class={`led-row frame-row frame-${label}${frame.seq === seq ? " here" : ""}`}
                aria-current={frame.seq === seq ? "true" : undefined}
                onClick={() => viewer.selection.selectSeq(frame.capture_session_id, frame.seq)}
              >
                <span class="led-time">{clock(frame.event.ts).slice(0, 12)}</span>
                <span>
                  <span aria-hidden="true">{arrow}</span>
                  <span class="sr">{label}</span>
                </span>
                <span class="led-text">
                  {asString(data.payload) ?? `${count(asNumber(data.length) ?? 0)} characters`}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      {more > 0 ? <p class="dim">{count(more)} more are in the list of events.</p> : null}
    </Part>
  );
}

/** The parts of its time that the server reports. */
function ServerTimes({ metrics }: { metrics: ServerTiming[] }) {
  return (
    <Part title="Server timing">
      <Facts
        facts={metrics.map(({ name, description, ms }) => [
          name,
          [description, ms === undefined ? "" : duration(ms * 1000)]
            .filter((part) => part !== "")
            .join(" · ") || "reported",
        ])}
      />
    </Part>
  );
}

function ExchangeDetail({ envelope, words }: { envelope: Envelope; words: string[] }) {
  const viewer = useViewer();
  const related = useRelated(envelope);
  const x = exchangeOf(related, envelope);
  const calledFrom = asString(asObject(x.call?.event.data).stack) ?? "";
  const copied: CopiedRequest = {
    method: x.method,
    url: x.url,
    headers: x.requestHeaders,
    ...(x.requestBody === undefined ? {} : { body: x.requestBody }),
  };
  return (
    <>
      <Part
        title="Request"
        aside={
          x.url === "" ? undefined : (
            <>
              <CopyButton text={() => curlCommand(copied)} label="Copy as curl" say="curl command copied" />
              <CopyButton text={() => fetchCall(copied)} label="Copy as fetch" say="fetch call copied" />
              <CopyButton
                text={() => harEntry(viewer.source, envelope, related)}
                label="Copy as HAR"
                say="HAR entry copied"
              />
            </>
          )
        }
      >
        <div class="request-line">
          <b class="mono">{x.method}</b>
          {x.status === undefined ? null : (
            <FilterBy term={`status:${x.status}`}>
              <Status status={x.status} />
            </FilterBy>
          )}
          <Address url={x.url} />
        </div>
        {x.redirects.map((to) => (
          <p key={to} class="redirect">
            → <Address url={to} />
          </p>
        ))}
        <Facts facts={[["Error", errorIn(x.error)], ["Reason", x.reason ?? undefined], ...x.facts]} />
      </Part>
      {x.durationMs === undefined ? null : <Timing ms={x.durationMs} phases={x.phases} />}
      {x.call === undefined || calledFrom === "" ? null : <Stack text={calledFrom} envelope={x.call} />}
      {x.serverTiming.length === 0 ? null : <ServerTimes metrics={x.serverTiming} />}
      <div class="exchange">
        <div>
          <HeaderTable title="Response headers" headers={x.responseHeaders} words={words} />
          <Body
            title={x.binaryBody ? "Response body, base64" : "Response body"}
            text={x.responseBody}
            headers={x.responseHeaders}
            words={words}
          />
        </div>
        <div>
          <HeaderTable title="Request headers" headers={x.requestHeaders} words={words} />
          <Body title="Request body" text={x.requestBody} headers={x.requestHeaders} words={words} />
        </div>
      </div>
    </>
  );
}

/** Returns the HAR entry of a request; with redirects, the list of its entries. */
async function harEntry(source: DataSource, envelope: Envelope, related: Envelope[]): Promise<string> {
  const times = [envelope, ...related].map(({ event }) => event.ts);
  const query = {
    session: envelope.capture_session_id,
    q: `category:network since:${Math.min(...times)} until:${Math.max(...times)}`,
  };
  const text = await source.file(query, "har", envelope.event.source.metadata?.request_id ?? "");
  const { entries } = JSON.parse(text).log;
  return JSON.stringify(entries.length === 1 ? entries[0] : entries, null, 2);
}

/** The other records of the same request. */
function useRelated(envelope: Envelope): Envelope[] {
  const viewer = useViewer();
  const found = useSignal<Envelope[]>([]);
  const { capture_session_id: session, seq, event } = envelope;
  const { request_id, tab_id } = event.source.metadata ?? {};
  useEffect(() => {
    found.value = [];
    if (request_id === undefined) return;
    const abort = new AbortController();
    const q = `category:network${tab_id === undefined ? "" : ` tab:${tab_id}`}`;
    const from = Math.max(1, seq - SEQS_AROUND);
    const query = { session, q };
    viewer.source
      .read(query, viewer.source.cursorBefore(query, from), SEQS_AROUND * 2, abort.signal)
      .then((page) => {
        found.value = eventsIn(page.lines).filter(
          (one) => one.event.source.metadata?.request_id === request_id,
        );
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) viewer.notices.sayError(error);
      });
    return () => abort.abort();
  }, [session, seq]);
  return found.value;
}

function HeaderTable({ title, headers, words }: { title: string; headers: Headers; words: string[] }) {
  if (headers.length === 0) return null;
  const text = () => headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  return (
    <Part title={title} aside={<CopyButton text={text} label="Copy" say={`${title} copied`} />}>
      <Facts
        facts={headers.map(([name, value]) => [
          name.toLowerCase(),
          <Marked key={name} text={value} words={words} />,
        ])}
      />
    </Part>
  );
}

function Timing({ ms, phases }: { ms: number; phases: Phase[] }) {
  const whole = Math.max(ms, 0.001);
  let start = 0;
  return (
    <Part title="Timing" aside={<span class="mono">{duration(ms * 1000)}</span>}>
      <ol class="timing">
        {phases.map((phase) => {
          const left = (start / whole) * 100;
          start += phase.ms;
          return (
            <li key={phase.name} class="timing-row">
              <span>{phase.name}</span>
              <span class="timing-track">
                <span
                  class="timing-bar"
                  style={{ left: `${left}%`, width: `${Math.max((phase.ms / whole) * 100, 0.5)}%` }}
                />
              </span>
              <span class="mono">{duration(phase.ms * 1000)}</span>
            </li>
          );
        })}
      </ol>
    </Part>
  );
}

interface BodyProps {
  title: string;
  text: string | undefined;
  /** The headers that were sent with it. */
  headers: Headers;
  words: string[];
}

/** A body: JSON as a tree or indented, a form as its fields, other text as it is. */
function Body({ title, text, headers, words }: BodyProps) {
  const asText = useSignal(false);
  if (text === undefined || text === "") return null;
  const json = objectIn(text);
  const form = formIn(text, headers);
  const isParsed = (json !== null || form !== null) && !asText.value;
  return (
    <Part
      title={title}
      aside={
        <>
          {json === null && form === null ? null : <Toggle on={asText} label="Text" />}
          <CopyButton text={() => text} label="Copy" say={`${title} copied`} />
        </>
      }
    >
      {!isParsed ? (
        <pre class="mono block">
          <Marked text={json === null ? text : JSON.stringify(json, null, 2)} words={words} />
        </pre>
      ) : form !== null ? (
        <Facts
          facts={form.map(([name, value]) => [name, <Marked key={name} text={value} words={words} />])}
        />
      ) : (
        <JsonTree value={json} words={words} />
      )}
    </Part>
  );
}

/** Returns the fields of a form, or null for other bodies. */
function formIn(text: string, headers: Headers): [string, string][] | null {
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  return type.startsWith("application/x-www-form-urlencoded") ? [...new URLSearchParams(text)] : null;
}

/** Parses a text that is a JSON object or list; returns null for others. */
function objectIn(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
