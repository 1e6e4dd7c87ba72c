/** Serves the demo page of `npm start` on a free port of 127.0.0.1, with an API that answers, fails and dawdles. */
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { root } from "./paths.mjs";
import { serve } from "./port.mjs";

const FOLDER = join(root, "tests", "fixtures", "demo");
const SLOW_MS = 1800;

/** @type {Record<string, string>} */
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };

const WARES = [
  { name: "Tea", cents: 420 },
  { name: "Bread", cents: 310 },
  { name: "Pears", cents: 180 },
  { name: "Honey", cents: 690 },
  { name: "Candles", cents: 250 },
  { name: "Soap", cents: 340 },
];

export async function serveDemo() {
  let orders = 0;
  return serve(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    request.resume();
    const json = (/** @type {number} */ status, /** @type {unknown} */ body) => {
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(body));
    };
    switch (pathname) {
      case "/api/wares":
        return json(200, WARES);
      case "/api/stock":
        return json(200, { left: 12, asOf: new Date().toISOString() });
      case "/api/slow":
        return setTimeout(() => json(200, []), SLOW_MS);
      case "/api/orders":
        return ++orders % 2 === 1 ? json(402, { error: "payment declined" }) : json(201, { order: orders });
    }
    const file = join(FOLDER, normalize(pathname === "/" ? "/index.html" : pathname));
    const type = TYPES[extname(file)];
    const bytes = type && file.startsWith(FOLDER) ? await readFile(file).catch(() => null) : null;
    if (!bytes) return json(404, { error: `there is no ${pathname}` });
    response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" });
    response.end(bytes);
  });
}
