/** Publishes observations of the browser at the level of their category, if their site is recorded. */
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import { type FieldsByLevel, fieldsAtLevel, levelOf } from "./levels.ts";

export interface Observed {
  /** Unix milliseconds. */
  timeMs: number;
  category: string;
  type: string;
  /** The browser's event. */
  event: string;
  /** Asked when the recorder is open: a worker that starts has to read again what it knew. */
  metadata(): Record<string, string>;
  url?: string | undefined;
  /** The address whose site decides, if it is not `url`. Asked as `metadata` is. Without any, it belongs to no site. */
  site?: () => string | undefined;
  /** The address of the page around it. */
  around?: string | undefined;
  fields: FieldsByLevel;
}

export class Publisher {
  constructor(
    private readonly owner: RecorderOwner,
    private readonly scope: Scope,
  ) {}

  publish({ timeMs, category, type, event, metadata, url, site, around, fields }: Observed): void {
    this.owner.record(category, (recorder) => {
      const level = levelOf(recorder.config, category);
      if (level === null || !this.scope.isRecorded(recorder, site?.() ?? url, around)) return;
      recorder.publish({
        ts: Math.round(timeMs * 1_000),
        type,
        category,
        detail_level: level,
        source: { kind: "extension", event, metadata: metadata() },
        ...(url === undefined || url === "" ? {} : { url }),
        data: fieldsAtLevel(level, fields),
      });
    });
  }
}
