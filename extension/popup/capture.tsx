/** The switches for this site and for each category, with its detail level. */
import type { CaptureConfig, DetailLevel } from "../../src/web/types.ts";
import { count, shortCount } from "../../www/src/data/time.ts";
import { byCategory, categoryClass } from "../../www/src/ui/category.ts";
import { eventsOf } from "./numbers.tsx";
import { isSiteOn, type RecorderNow, run, setSite, site } from "./state.ts";
import { Switch } from "./switch.tsx";

const LEVELS: { level: DetailLevel; about: string }[] = [
  { level: "minimal", about: "what happened and where" },
  { level: "standard", about: "enough to understand it" },
  { level: "verbose", about: "contents too, capped in size" },
  { level: "raw", about: "the producer's own payload" },
];
/** The recorder's own events cannot be turned off: they report missing records. */
const ALWAYS_ON = "system";

/** `recorder` is null while nothing is recorded. */
export function Capture({ config, recorder }: { config: CaptureConfig; recorder: RecorderNow | null }) {
  const host = site.value;
  const categories = Object.entries(config.categories)
    .filter(([name]) => name !== ALWAYS_ON)
    .sort(([a], [b]) => byCategory(a, b));
  return (
    <section class="capture" aria-label="Recorded categories">
      {host === null ? null : (
        <div class="line">
          <span class="line-name host">{host}</span>
          <Switch
            label={`Record ${host}`}
            on={isSiteOn(config, host)}
            change={(on) => void setSite(config, host, on)}
          />
        </div>
      )}
      <details name="settings" open={recorder !== null}>
        <summary>Categories</summary>
        {categories.map(([name, { enabled, detail_level }]) => {
          const lowered = recorder?.lowered.find(({ category }) => category === name);
          const events = recorder === null ? 0 : eventsOf(recorder, name);
          const change = (patch: { enabled?: boolean; detail_level?: DetailLevel }) =>
            void run({ command: "configure", patch: { categories: { [name]: patch } } });
          return (
            <div class={`line ${categoryClass(name)}`} key={name}>
              <span class="dot" aria-hidden="true" />
              <span class="line-name">{name}</span>
              <span class="aside" title={`${count(events)} in this session`}>
                {events === 0 ? "" : shortCount(events)}
              </span>
              {lowered === undefined ? null : (
                <span class="lowered" role="status" title={`Lowered until the load ends: ${lowered.reason}`}>
                  now {lowered.to}
                </span>
              )}
              <select
                aria-label={`Detail of ${name}`}
                disabled={!enabled}
                value={lowered?.from ?? detail_level}
                onChange={(event) => change({ detail_level: event.currentTarget.value as DetailLevel })}
              >
                {LEVELS.map(({ level, about }) => (
                  <option key={level} value={level} title={about}>
                    {level}
                  </option>
                ))}
              </select>
              <Switch label={`Record ${name}`} on={enabled} change={(on) => change({ enabled: on })} />
            </div>
          );
        })}
      </details>
    </section>
  );
}
