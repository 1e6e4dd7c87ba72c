/** Figures that the browser sends to a site of a row. */
import { json } from "node:stream/consumers";

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
