/** The first argument of `console.table` as a table: one row per entry, one column per property. */
import { useSignal } from "@preact/signals";
import { lineOf, preview } from "../data/preview";
import { asArray } from "../data/record";
import { count } from "../data/time";
import { Marked } from "../ui/marked";
import { Part } from "./parts";
import "./table.css";

const MOST_ROWS = 100;
const MOST_COLUMNS = 20;
/** The column of entries without properties, named as in browsers' consoles. */
const VALUE = "Value";

export interface Row {
  index: string;
  cells: Map<string, unknown>;
}

export interface Table {
  columns: string[];
  rows: Row[];
}

/** Returns the table of a call's arguments, or null if the first one has no entries. */
export function tableOf([value, chosen]: unknown[]): Table | null {
  const { entries } = preview(value);
  if (entries === undefined) return null;
  const rows = entries.map(([index, entry]): Row => {
    const inner = preview(entry).entries;
    return { index, cells: new Map(inner ?? [[VALUE, entry]]) };
  });
  const found = new Set(rows.flatMap(({ cells }) => [...cells.keys()]));
  if (found.delete(VALUE)) found.add(VALUE);
  const wanted = asArray(chosen).filter((name) => typeof name === "string");
  const columns = wanted.length > 0 ? wanted : [...found];
  return { columns: columns.slice(0, MOST_COLUMNS), rows };
}

interface Order {
  /** Null for the index. */
  column: string | null;
  descending: boolean;
}

/** Returns the rows by one column: numbers by size, anything else by its text; rows without a value come last. */
function sorted(rows: Row[], { column, descending }: Order): Row[] {
  if (column === null) return descending ? [...rows].reverse() : rows;
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [a.cells.get(column), b.cells.get(column)];
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
    return (
      sign *
      (typeof x === "number" && typeof y === "number"
        ? x - y
        : textOf(x).localeCompare(textOf(y), undefined, { numeric: true }))
    );
  });
}

export function TablePart({ table, words }: { table: Table; words: string[] }) {
  const order = useSignal<Order>({ column: null, descending: false });
  const all = useSignal(false);
  const rows = sorted(table.rows, order.value);
  const shown = all.value ? rows : rows.slice(0, MOST_ROWS);
  const header = (name: string, column: string | null) => {
    const isChosen = order.value.column === column;
    const direction = order.value.descending ? "descending" : "ascending";
    return (
      <th key={name} scope="col" aria-sort={isChosen ? direction : "none"}>
        <button
          type="button"
          onClick={() => (order.value = { column, descending: isChosen && !order.value.descending })}
        >
          {name}
        </button>
      </th>
    );
  };
  return (
    <Part title="Table" aside={<span class="dim">{count(rows.length)} rows</span>}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section class="table-scroll" aria-label="Entries" tabIndex={0}>
        <table class="table mono">
          <thead>
            <tr>
              {header("(index)", null)}
              {table.columns.map((name) => header(name, name))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.index}>
                <th scope="row">{row.index}</th>
                {table.columns.map((name) => (
                  <td key={name}>
                    {row.cells.has(name) ? <Marked text={textOf(row.cells.get(name))} words={words} /> : null}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {shown.length < rows.length && (
        <button type="button" class="button small" onClick={() => (all.value = true)}>
          {count(rows.length - shown.length)} more rows
        </button>
      )}
    </Part>
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : lineOf(value, 1);
}
