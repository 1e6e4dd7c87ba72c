// Compiled, never run: what a strict project sees of the types.
import init, {
  CaptureSession,
  type Envelope,
  type LoggedCoverage,
  openCategoryLogs,
  openLogReader,
  type ReadResult,
  type RecorderStatus,
  TabtapeError,
} from "tabtape";
import { type ExtensionRecorder, record } from "tabtape/extension";

export async function use(): Promise<Envelope[]> {
  await init();
  await init("https://example.org/tabtape.wasm");
  await init(new Uint8Array());
  const log = await openCategoryLogs();
  const session = new CaptureSession({ ringCapacity: 1024, ringMaxBytes: 32 << 20, log });
  const seq: number = session.publish({
    type: "app.ready",
    category: "app",
    source: { kind: "extension" },
    data: {},
  });
  await session.committed(seq);
  const envelopes: Envelope[] = [];
  for await (const result of session.reader({ afterSeq: 0, selector: "category:app" })) {
    const known: ReadResult = result;
    if ("envelope" in known) envelopes.push(known.envelope);
  }
  const state: "logged" | "volatile" | "closed" | "superseded" = session.state;
  // @ts-expect-error There is no such state.
  if (state === "lost") return [];
  // @ts-expect-error An unknown kind is refused where it is written.
  session.publish({ type: "app.ready", category: "app", source: { kind: "guess" } });
  // @ts-expect-error A reader's cursor is a number.
  session.reader({ afterSeq: "7" });
  const error = new TabtapeError("closed", "closed");
  const code: string = error.code;
  return code === "" ? [] : envelopes;
}

export async function watched(session: string): Promise<LoggedCoverage["unwatched"]> {
  return (await (await openLogReader()).coverage(session)).unwatched;
}

export function isDelivering({ collector, state }: RecorderStatus): boolean {
  // @ts-expect-error There is no such state of the collector.
  if (collector.state === "offline") return false;
  return state === "logged" && collector.state === "ok";
}

export async function useInExtension(): Promise<number | null> {
  const recorder: ExtensionRecorder = record({
    capture: { categories: { network: { detail_level: "verbose" } }, noise: ["source_maps"] },
    onState: (state, detail) => void [state === "error", detail?.length],
  });
  await recorder.ready;
  // @ts-expect-error There is no such level.
  await recorder.configure({ categories: { network: { detail_level: "loud" } } });
  return recorder.publish({ type: "app.saved", category: "app", source: { kind: "extension" } });
}
