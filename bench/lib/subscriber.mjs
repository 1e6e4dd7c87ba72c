/** A subscriber of a collector's stream: how late each event is, and what was seen. */
export class Subscriber {
  #stop = new AbortController();
  /** @type {number[]} Milliseconds. */
  #latencies = [];
  /** @type {Set<string>} */
  #messages = new Set();
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {Promise<void>} */
  #reading = Promise.resolve();

  /** Begins with what is published from now on. @param {import("../../scripts/lib/collector.mjs").Running} collector @param {string} selector */
  static async open({ url, token }, selector) {
    const subscriber = new Subscriber();
    const stream = await fetch(`${url}/v1/stream?after=latest&q=${encodeURIComponent(selector)}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: subscriber.#stop.signal,
    });
    if (!stream.ok || stream.body === null) throw new Error(`stream: ${stream.status}`);
    subscriber.#reading = subscriber.#read(stream.body).catch(() => {});
    return subscriber;
  }

  /** Returns the list that from now on gets how late each event is, in milliseconds after the page's own time. */
  collect() {
    this.#latencies = [];
    return this.#latencies;
  }

  /** Whether a console call with this text has come, or comes within a second. @param {string} text */
  async sees(text) {
    const late = Date.now() + 1_000;
    while (!this.#messages.has(text) && Date.now() < late) {
      await new Promise((resolve) => {
        this.#waiting.push(() => resolve(undefined));
        setTimeout(resolve, late - Date.now());
      });
    }
    return this.#messages.has(text);
  }

  async close() {
    this.#stop.abort();
    await this.#reading;
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async #read(body) {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      const now = Date.now();
      for (const line of lines) {
        if (!line.startsWith("data: {")) continue;
        const { event } = JSON.parse(line.slice("data: ".length));
        if (event === undefined) continue;
        this.#latencies.push(now - event.ts / 1_000);
        if (event.data?.text?.startsWith("end ")) this.#messages.add(event.data.text);
      }
      for (const resume of this.#waiting.splice(0)) resume();
    }
  }
}
