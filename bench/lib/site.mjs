/** Sites that rows serve to the browser. */
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

/** Serves on a free port of this machine. @param {import("node:http").RequestListener} answer */
export async function serve(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Figures that the browser sends to a site. */
export class Reports {
  /** @type {(figures: any) => void} */
  #resolve = () => {};

  /** Returns the next report. @returns {Promise<any>} */
  next() {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Takes a report, and answers it. @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
  async take(request, response) {
    const figures = await json(request);
    response.end();
    this.#resolve(figures);
  }
}
