/** First steps of a user of the package. The same lines run in Node, in a page and in a worker. */
export async function exercise(tabtape) {
  await tabtape.default();
  const session = new tabtape.CaptureSession({ ringCapacity: 8 });
  const event = {
    type: "app.ready",
    category: "app",
    source: { kind: "extension" },
    data: { text: "žluťoučký" },
  };
  const seq = session.publish(event);
  session.recordDrop("app", 2, "queue_full");
  const batch = session.publishBatch([event, { ...event, category: "Not a category" }]);

  const results = [];
  const reader = session.reader({ selector: "category:app" });
  await session.close();
  for await (const result of reader) results.push(result);

  let code = null;
  try {
    session.publish(event);
  } catch (error) {
    code = error instanceof Error ? error.code : `not an Error: ${error}`;
  }
  return {
    seq,
    refused: batch.refused.map(({ index, code }) => [index, code]),
    text: results[0]?.envelope?.event.data.text,
    kinds: results.map((result) => Object.keys(result)[0]),
    latestSeq: session.latestSeq,
    code,
  };
}
