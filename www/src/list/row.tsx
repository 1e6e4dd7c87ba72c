/** One row: an event or a gap. */
import type { Header } from "../data/columns";
import { asObject, isGap, type LineRecord } from "../data/record";
import { dotStyle, longName, shortName, type TabNames } from "../data/tabs";
import { clock, count } from "../data/time";
import type { FoldKind } from "../folds";
import type { OriginalPlace } from "../stores/original_places";
import { categoryClass } from "../ui/category";
import { Marked } from "../ui/marked";
import { scriptPlaceOf, shortPlace } from "./place";
import { gapReason } from "./reasons";
import { StyledText } from "./styled_text";
import { summaryOf } from "./summary";

export interface RowProps {
  header: Header;
  index: number;
  /** Place in the scroller. */
  y: number;
  selected: boolean;
  /** Undefined until its line has been read. */
  record: LineRecord | undefined;
  words: string[];
  type: string;
  category: string;
  /** The name of the record's tab, if it is known. */
  tab: ReturnType<TabNames["find"]>;
  fold: FoldKind;
  /** Whether the fold is open. */
  isOpen: boolean;
  /** The number of records that the row represents. */
  size: number;
  /** The place in the source of a console line, if it was recorded. */
  original: OriginalPlace | undefined;
}

const INDENT_PX = 14;
const SEVERITY_CLASS = ["s-debug", "s-info", "s-warn", "s-error"];
const SEVERITY_LABEL = ["debug ", "", "warning ", "error "];

export function Row(props: RowProps) {
  const { header, record, words, type } = props;
  const summary = record === undefined || isGap(record) ? undefined : summaryOf(record.event);
  const dot = type.indexOf(".");
  const time = clock(header.ts);
  const indent = (summary?.indent ?? 0) + (props.fold === "member" ? 1 : 0);
  return (
    <div {...attributesOf(props, `${SEVERITY_CLASS[header.severity]}`)}>
      <span class="row-time">
        {time.slice(0, 8)}
        <span>{time.slice(8)}</span>
      </span>
      <span class="row-type">
        <span class="sr">{SEVERITY_LABEL[header.severity]}</span>
        <span class="row-category">{dot < 0 ? "" : type.slice(0, dot)}</span>
        <span class="row-name">{dot < 0 ? type : type.slice(dot + 1)}</span>
      </span>
      <span class="row-text" style={indent > 0 ? { paddingLeft: `${indent * INDENT_PX}px` } : undefined}>
        <FoldMark {...props} />
        {summary?.lead ? <span class="row-lead">{summary.lead}</span> : null}
        {summary?.status === undefined ? null : <Status status={summary.status} />}
        {summary === undefined ? null : summary.styled === undefined ? (
          <Marked text={summary.text} words={words} />
        ) : (
          <StyledText parts={summary.styled} words={words} />
        )}
      </span>
      <Aside {...props} text={summary?.aside} />
      <span class="row-tab" title={header.tab < 0 ? undefined : longName(props.tab, header.tab)}>
        {header.tab < 0 ? null : (
          <>
            <span class="tab-dot" style={dotStyle(props.tab)} aria-hidden="true" />
            {shortName(props.tab, header.tab)}
          </>
        )}
      </span>
    </div>
  );
}

function attributesOf({ header, index, y, selected, category }: RowProps, kind: string) {
  return {
    id: `row-${header.at}`,
    class: `row ${kind} ${categoryClass(category)}${selected ? " selected" : ""}`,
    style: { transform: `translateY(${y}px)` },
    role: "option" as const,
    tabIndex: -1,
    "aria-selected": selected,
    "data-row": index,
  };
}

/** The right edge: what a line counts or measures, else the place that wrote it. */
function Aside({ record, original, text }: RowProps & { text: string | undefined }) {
  const event = record === undefined || isGap(record) ? undefined : record.event;
  const built = event === undefined ? null : scriptPlaceOf(event);
  const isMeasured = text !== undefined && asObject(event?.data).location === undefined;
  if (built === null || isMeasured) return <span class="row-aside">{text}</span>;
  const { line, column } = original ?? built;
  const file = original?.source ?? built.url;
  return (
    <span class="row-aside row-place" title={`${file}:${line}:${column}`}>
      <bdi>{shortPlace(file, line)}</bdi>
    </span>
  );
}

/** The mark that opens or closes a fold, with the number of records in it. */
function FoldMark({ fold, isOpen, size }: RowProps) {
  if (fold === "none" || fold === "member") return null;
  const hidden = fold === "group" ? size - 1 : size;
  return (
    <span class={`row-fold${isOpen ? " open" : ""}${fold === "request" ? " quiet" : ""}`} data-fold>
      {fold === "group" && (isOpen || hidden === 0)
        ? null
        : fold === "group"
          ? `${count(hidden)} inside`
          : fold === "run"
            ? `×${count(size)}`
            : null}
      <span class="sr">{isOpen ? ", open " : ", folded "}</span>
    </span>
  );
}

export function Status({ status }: { status: number }) {
  return <span class={`status status-${Math.floor(status / 100)}`}>{status}</span>;
}

export function GapRow(props: RowProps) {
  const { header, record, category } = props;
  const reason = record !== undefined && isGap(record) ? record.gap.reason : "";
  return (
    <div {...attributesOf(props, "gap")}>
      <span class="gap-line" aria-hidden="true" />
      <span class="gap-text">
        <b>{count(header.gap)}</b> {category} {header.gap === 1 ? "record is" : "records are"} missing
        {reason === "" ? "" : `: ${gapReason(reason)}`}
      </span>
      <span class="gap-line" aria-hidden="true" />
    </div>
  );
}
