/** The events that are published and stored, in the page and natively. */

/** Returns a console call of an application. @param {number} ts Unix microseconds. @param {unknown} data */
export function consoleCall(ts, data) {
  return {
    ts,
    type: "console.log",
    category: "console",
    source: {
      kind: "extension",
      event: "console.log",
      metadata: { tab_id: "7", frame_id: "0", document_id: "5B3E9A0C", window_id: "1" },
    },
    url: "https://app.example.com/settings/profile",
    data,
  };
}

/** An event whose `data` is about `bytes` long, as a console call of an application is. @param {number} bytes */
export function eventOf(bytes) {
  const text = "user opened the settings page and changed a preference; ";
  const args = [];
  for (let length = 0; length < bytes; length += text.length + 24) args.push({ step: args.length, text });
  return consoleCall(1764000000123456, bytes <= 5 ? "hello" : { args });
}
