/**
 * Rows: what recorders add to the load of pages of five applications: the time until each shows its content, and for
 * how long its thread is blocked until then and a second after (each task's time beyond 50 ms, as Lighthouse counts it).
 */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "../../scripts/lib/port.mjs";
import { APPLICATIONS, OPENAPI } from "../lib/applications.mjs";
import { PEERS, recorderScripts, recorderTag } from "../lib/recorders.mjs";
import { RECORDING_PARTS, recording } from "../lib/recording.mjs";
import { Reports } from "../lib/reports.mjs";
import { compared, row } from "../lib/row.mjs";
import { within } from "../lib/within.mjs";

const CONTENDERS = ["bare", "ours", ...PEERS];
const PACKAGES = fileURLToPath(new URL("../node_modules/", import.meta.url));
const LOAD_LIMIT_MS = 60_000;
const TYPES = {
  ".css": "text/css",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".ttf": "font/ttf",
};

export const name = "applications";
export const parts = RECORDING_PARTS;
export const isLong = true;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const [recorded, bare] = await Promise.all([serveApplications(), serveApplications()]);
  try {
    return await recording([recorded.host], async (recorder) => {
      const made = [];
      for (const application of Object.keys(APPLICATIONS)) {
        const loads = Object.fromEntries(CONTENDERS.map((who) => [who, []]));
        // The first load of each fills the cache of compiled code.
        for (let turn = 0; turn <= (quick ? 1 : 7); turn++)
          for (const who of CONTENDERS) {
            const figures = await load(recorder, who === "ours" ? recorded : bare, application, who);
            if (turn > 0) loads[who].push(figures);
          }
        made.push(...rowsOf(application, loads));
      }
      return made;
    });
  } finally {
    recorded.close();
    bare.close();
  }
}

/** One load in a tab of its own, from the navigation until a second after the content shows. */
async function load(recorder, site, application, who) {
  const shown = site.reports.next();
  const tab = await recorder.open(
    `${site.origin}/load?application=${encodeURIComponent(application)}&who=${who}`,
  );
  try {
    return await within(shown, LOAD_LIMIT_MS, `${application} did not show with ${who}`);
  } finally {
    await recorder.browser.cdp.send("Target.closeTarget", { targetId: tab });
  }
}

function rowsOf(application, loads) {
  const titles = { shown: "until it shows", blocked: "thread blocked" };
  return Object.entries(titles).map(([figure, title]) => {
    const { ours, bare, fields } = compared(loads, figure, PEERS);
    return row({
      ...fields,
      name: `${application}, ${title}`,
      unit: "ms",
      notes: `floor: no recorder [${bare.low}–${bare.high}]; ${ours.runs} loads each, in turn`,
    });
  });
}

/** Serves the applications, each with a recorder before it or none. */
async function serveApplications() {
  const reports = new Reports();
  const scripts = await recorderScripts();
  const site = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://a");
    response.setHeader("content-type", TYPES[extname(pathname)] ?? "text/html");
    if (pathname === "/load") {
      response.end(page(searchParams.get("application") ?? "", searchParams.get("who") ?? ""));
    } else if (pathname === "/openapi.json") {
      response.end(OPENAPI);
    } else if (pathname in scripts) {
      response.end(scripts[pathname]);
    } else if (pathname === "/shown") {
      void reports.take(request, response);
    } else if (pathname.startsWith("/sink/")) {
      response.setHeader("content-type", "application/json").end("{}");
    } else {
      try {
        response.end(readFileSync(`${PACKAGES}${pathname.slice(1).replaceAll("..", "")}`));
      } catch {
        response.writeHead(404).end();
      }
    }
  });
  return { ...site, reports };
}

/** @param {string} application @param {string} who */
function page(application, who) {
  const { head, body, isShown } = APPLICATIONS[application];
  return `<!doctype html><meta charset="utf-8"><script>(${watch})(() => ${isShown})</script>${recorderTag(who)}${head}${body}`;
}

/** In the page, before all else. */
function watch(isShown) {
  let blocked = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) blocked += duration - 50;
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    if (!isShown()) return requestAnimationFrame(look);
    const shown = performance.now();
    setTimeout(() => fetch("/shown", { method: "POST", body: JSON.stringify({ shown, blocked }) }), 1_000);
  };
  requestAnimationFrame(look);
}
