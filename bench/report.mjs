/** The docs page of a run: its table, and a plot of each cost that grows with something. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parse, View } from "vega";
import { compile } from "vega-lite";
import { say, Tell } from "../scripts/lib/say.mjs";
import { MISSED } from "./missed.mjs";

const PAGE = new URL("../docs/numbers.md", import.meta.url);
const PLOTS = new URL("../docs/plots/", import.meta.url);
/** With more points than that, an axis is one of time. */
const MOST_STEPS = 12;
/** Readable on the backgrounds of GitHub's two themes. */
const THEMES = {
  light: {
    text: "#1f2328",
    grid: "#d1d9e0",
    series: ["#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989"],
  },
  dark: { text: "#e6edf3", grid: "#3d444d", series: ["#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#f778ba"] },
};

/** @param {string} file What `--json` wrote. */
export async function report(file) {
  const { machine, date, rows } = JSON.parse(readFileSync(file, "utf8"));
  const missed = explained(rows.filter(({ met }) => met === false));
  rmSync(PLOTS, { recursive: true, force: true });
  mkdirSync(PLOTS);
  const pictures = [];
  for (const [title, points] of plotsOf(rows)) {
    const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    for (const [theme, colors] of Object.entries(THEMES))
      writeFileSync(new URL(`${name}.${theme}.svg`, PLOTS), await svg(title, points, colors));
    pictures.push(`<picture>
  <source media="(prefers-color-scheme: dark)" srcset="plots/${name}.dark.svg">
  <img alt="${title}" src="plots/${name}.light.svg">
</picture>`);
  }
  writeFileSync(PAGE, page({ machine, date, rows, missed, pictures }));
  say(`wrote docs/numbers.md and ${pictures.length} plots`);
}

/** The points of each plot. @param {any[]} rows @returns {Map<string, { x: string, y: string, at: number, value: number, series: string }[]>} */
function plotsOf(rows) {
  const plots = new Map();
  for (const { plot } of rows) {
    if (!plot) continue;
    const points = plots.get(plot.of) ?? [];
    const [[x, at]] = Object.entries(plot.x);
    const [[y, series]] = Object.entries(plot.y);
    for (const [name, value] of Object.entries(series))
      for (const [n, one] of [at].flat().entries())
        points.push({ x, y, at: one, value: [value].flat()[n], series: name });
    plots.set(plot.of, points);
  }
  return plots;
}

async function svg(title, points, { text, grid, series }) {
  const steps = [...new Set(points.map(({ at }) => at))];
  const areFew = steps.length <= MOST_STEPS;
  const isWide = areFew && Math.max(...steps) >= 20 * Math.min(...steps);
  const { spec } = compile({
    title: { text: title, color: text, anchor: "start" },
    width: 480,
    height: 240,
    background: "transparent",
    data: { values: points },
    mark: { type: "line", point: areFew },
    encoding: {
      x: {
        field: "at",
        type: "quantitative",
        title: points[0].x,
        scale: { type: isWide ? "log" : "linear" },
        axis: isWide ? { values: steps } : {},
      },
      y: { field: "value", type: "quantitative", title: points[0].y, scale: { zero: true } },
      color: { field: "series", type: "nominal", title: null, scale: { range: series } },
    },
    config: {
      view: { stroke: null },
      axis: { labelColor: text, titleColor: text, gridColor: grid, domainColor: grid, tickColor: grid },
      legend: { labelColor: text },
    },
  });
  return `${await new View(parse(spec), { renderer: "none" }).toSVG()}\n`;
}

/** Each missed row with why; rows of one cause are one entry. @param {any[]} rows @returns {string[]} */
function explained(rows) {
  const causes = new Map();
  for (const { name } of rows) {
    const [, why] = MISSED.find(([pattern]) => pattern.test(name)) ?? [];
    if (!why) throw new Tell(`bench/missed.mjs does not say why this row misses its goal: ${name}`);
    causes.set(why, [...(causes.get(why) ?? []), name]);
  }
  return [...causes].map(([why, names]) => `- **${names.join("; ")}**: ${why}`);
}

function page({ machine, date, rows, missed, pictures }) {
  const cell = (value) => String(value ?? "").replaceAll("|", "\\|");
  const line = (row) => {
    const spread = row.spread ? ` (${row.spread.join("–")})` : "";
    const floor =
      row.floor === null ? "" : `${row.floor}${row.ratio_to_floor ? `, ${row.ratio_to_floor}×` : ""}`;
    const others = Object.entries(row.peers).map(([name, value]) => `${name} ${value}`);
    const met = row.met === null ? "" : row.met ? "met" : "**missed**";
    return `| ${[row.name, `${row.ours} ${row.unit}${spread}`, floor, others.join(", "), row.goal, met].map(cell).join(" | ")} |`;
  };
  const notes = rows.filter(({ notes }) => notes).map(({ name, notes }) => `- ${name}: ${notes}`);
  return `# Numbers

Measured by \`npm run bench\` on ${date}: ${machine}. Medians, with the least and the most in parentheses. The floor is
the same work with the least that it needs, or without Tabtape; the ratio is ours to it. This page and its plots are made
from the run by \`npm run bench -- --report FILE\`.

| what | ours | floor | others, or parts | goal | |
|---|---|---|---|---|---|
${rows.map(line).join("\n")}

## Missed, and why

${missed.join("\n")}

## How cost grows

${pictures.join("\n\n")}

## How each was measured

${notes.join("\n")}
`;
}
