/**
 * Forgetting a site: out of the logs here first, so that nothing of it is delivered any more, then out of the
 * paired collector's store. Both keep gaps of reason `deleted` in its place.
 */

import type { Forgotten } from "../../protocol.ts";
import type { Recording } from "../recorder/recording.ts";
import { askCollector } from "./collector.ts";

/** `site` as the Selector's `site:` takes it: a host, with its port if that matters. */
export async function forgetSite(recording: Recording, site: string): Promise<Forgotten> {
  const selector = `site:${site}`;
  const here = await recording.forget(selector);
  const { collector } = recording.settings;
  if (collector === null) return { here, stored: null, left: null };
  try {
    const state = recording.status.recorder?.collector.state;
    if (state !== "ok") throw new Error(`the collector at ${collector.url} is not connected`);
    // A batch on its way still holds what the store is about to forget.
    await recording.flush();
    const path = `/v1/events?q=${encodeURIComponent(selector)}`;
    const { deleted } = await askCollector<{ deleted: number }>(collector, "DELETE", path);
    return { here, stored: deleted, left: null };
  } catch (error) {
    return { here, stored: null, left: (error as Error).message };
  }
}
