/** The details of the selected record. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Envelope } from "../../../src/web/types";
import { asObject, type GapRecord, isGap, type LineRecord } from "../data/record";
import { SEVERITIES, severityOf } from "../data/severity";
import { count, dateTime } from "../data/time";
import { gapReason } from "../list/reasons";
import { useViewer } from "../state";
import { categoryClass } from "../ui/category";
import { IconButton } from "../ui/icon_button";
import { ConsoleDetail } from "./console";
import { useDetail, withDetail } from "./detail";
import "./detail.css";
import { InteractionDetail } from "./interaction";
import { JsonTree } from "./json";
import { Led } from "./led";
import { NetworkDetail } from "./network";
import { PageDetail } from "./page";
import { Address, CopyButton, Facts, FilterBy, Mono, Part } from "./parts";

type Tab = "overview" | "json" | "led";

export function Pane({ move }: { move: (by: number) => void }) {
  const viewer = useViewer();
  const tab = useSignal<Tab>("overview");
  const selected = viewer.selection.selected.value;
  void viewer.view.linesVersion.value;
  void viewer.view.feed.value?.version.value;
  const { record } = viewer.selection;
  const detail = useDetail(record);

  useEffect(() => {
    if (record === undefined) void viewer.selection.readSelected();
  }, [selected, record === undefined]);

  const close = () => (viewer.selection.detailOpen.value = false);
  return (
    <aside class="pane" aria-label="Details">
      <header class="pane-head">
        <PaneTitle record={record} />
        <span class="pane-tools">
          <IconButton icon="prev" title="Previous (k)" label="Previous record" onClick={() => move(-1)} />
          <IconButton icon="next" title="Next (j)" label="Next record" onClick={() => move(1)} />
          <IconButton icon="close" title="Close (esc)" label="Close details" onClick={close} />
        </span>
      </header>
      <div class="tabs" role="tablist" aria-label="Details">
        <TabButton of="overview" tab={tab} label="Overview" />
        <TabButton of="led" tab={tab} label="Before this" />
        <TabButton of="json" tab={tab} label="JSON" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <div class="pane-body" role="tabpanel" id="pane-body" aria-labelledby={`tab-${tab.value}`} tabIndex={0}>
        {record === undefined ? (
          <p class="dim pane-wait">Reading…</p>
        ) : tab.value === "json" ? (
          <Json record={record} detail={detail} />
        ) : tab.value === "led" ? (
          <Led record={record} />
        ) : isGap(record) ? (
          <GapDetail record={record} />
        ) : (
          <EventDetail envelope={withDetail(record, detail)} />
        )}
      </div>
    </aside>
  );
}

function TabButton({ of, tab, label }: { of: Tab; tab: { value: Tab }; label: string }) {
  const chosen = tab.value === of;
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${of}`}
      aria-selected={chosen}
      aria-controls="pane-body"
      onClick={() => (tab.value = of)}
    >
      {label}
    </button>
  );
}

function PaneTitle({ record }: { record: LineRecord | undefined }) {
  if (record === undefined) return <h2>…</h2>;
  if (isGap(record)) return <h2 class="pane-title s-warn">Gap</h2>;
  const { event } = record;
  const severity = SEVERITIES[severityOf(event)] ?? "info";
  return (
    <h2 class={`pane-title s-${severity} ${categoryClass(event.category)}`}>
      <span class="pane-dot" aria-hidden="true" />
      {event.type}
      {severity === "info" ? null : <span class="severity">{severity}</span>}
    </h2>
  );
}

function EventDetail({ envelope }: { envelope: Envelope }) {
  const viewer = useViewer();
  const { event, seq } = envelope;
  const words = viewer.view.words.value;
  const { tab_id, frame_id, ...metadata } = event.source.metadata ?? {};
  return (
    <>
      <ByCategory envelope={envelope} words={words} />
      <Part title="Record">
        <Facts
          facts={[
            ["Time", <Mono key="t">{dateTime(event.ts)}</Mono>],
            ["Seq", <Mono key="s">{count(seq)}</Mono>],
            [
              "Tab",
              tab_id === undefined ? undefined : (
                <FilterBy key="f" term={`tab:${tab_id}`}>
                  {tab_id}
                  {frame_id === undefined || frame_id === "0" ? "" : ` · frame ${frame_id}`}
                </FilterBy>
              ),
            ],
            event.category === "network" || event.category === "page" || event.url === undefined
              ? null
              : ["Page", <Address key="a" url={event.url} />],
            [
              "Type",
              <FilterBy key="y" term={`type:${event.type}`}>
                {event.type}
              </FilterBy>,
            ],
            [
              "Source",
              `${event.source.kind}${event.source.event === undefined ? "" : ` · ${event.source.event}`}`,
            ],
            ["Detail level", event.detail_level],
            [
              "Truncated",
              event.truncated === true ? "content was shortened to fit the limit of a record" : undefined,
            ],
            ...Object.entries(metadata).map(([name, value]): [string, string] => [
              name.replaceAll("_", " "),
              value,
            ]),
          ]}
        />
      </Part>
    </>
  );
}

function ByCategory({ envelope, words }: { envelope: Envelope; words: string[] }) {
  const { event } = envelope;
  switch (event.category) {
    case "console":
      return <ConsoleDetail envelope={envelope} words={words} />;
    case "network":
      return <NetworkDetail envelope={envelope} words={words} />;
    case "interaction":
      return <InteractionDetail event={event} words={words} />;
    case "page":
      return <PageDetail envelope={envelope} words={words} />;
    default:
      return Object.keys(asObject(event.data)).length === 0 && !Array.isArray(event.data) ? null : (
        <Part title="Data">
          <JsonTree value={event.data} words={words} />
        </Part>
      );
  }
}

function GapDetail({ record }: { record: GapRecord }) {
  const { first_seq, last_seq, category, reason } = record.gap;
  const size = last_seq - first_seq + 1;
  return (
    <Part title="Missing records">
      <p class="prose">
        {count(size)} {category} {size === 1 ? "record is" : "records are"} missing here: {gapReason(reason)}.
        Every missing record is counted, so nothing else is missing around this gap.
      </p>
      <Facts
        facts={[
          [
            "Seqs",
            <Mono key="s">
              {first_seq === last_seq ? count(first_seq) : `${count(first_seq)} – ${count(last_seq)}`}
            </Mono>,
          ],
          ["Category", category],
          ["Reason", reason],
        ]}
      />
    </Part>
  );
}

function Json({ record, detail }: { record: LineRecord; detail: LineRecord | null }) {
  return (
    <>
      <Stored title="As stored" record={record} />
      {detail === null ? null : <Stored title="Its detail, as stored" record={detail} />}
    </>
  );
}

function Stored({ title, record }: { title: string; record: LineRecord }) {
  const viewer = useViewer();
  return (
    <Part
      title={title}
      aside={<CopyButton text={() => JSON.stringify(record, null, 2)} label="Copy" say="JSON copied" />}
    >
      <JsonTree value={record} words={viewer.view.words.value} openDepth={4} />
    </Part>
  );
}
