/** Settings that are seldom changed: deep capture, screenshots, other extensions. */
import type { Status } from "../protocol.ts";
import { activeTab, run, setDeepCapture } from "./state.ts";
import { Switch } from "./switch.tsx";

export function More({ now }: { now: Status }) {
  return (
    <details class="more" name="settings">
      <summary>
        More
        <span class="aside">{onNow(now).join(", ")}</span>
      </summary>
      {now.debugger.available ? <DeepCapture now={now} /> : null}
      <Screenshots now={now} />
      <div class="line">
        <span
          class="line-name grow"
          title="Reads the source maps of every recorded site, so that stacks name places in its sources. Off: of pages of this computer only"
        >
          Source maps of all sites
        </span>
        <Switch
          label="Source maps of all sites"
          on={now.source_maps === "all"}
          change={(on) => void run({ command: "source_maps", mode: on ? "all" : "local" })}
        />
      </div>
      <div class="line">
        <span class="line-name grow">Redaction of secrets</span>
        <button type="button" onClick={() => void chrome.runtime.openOptionsPage()}>
          Rules
        </button>
      </div>
      <Approved ids={now.approved_extensions} />
    </details>
  );
}

/** Returns the settings that are on, shown while the section is closed. */
function onNow(now: Status): string[] {
  const { all_tabs, tab_ids } = now.debugger;
  const { length } = now.approved_extensions;
  return [
    ...(all_tabs || tab_ids.length > 0 ? ["deep capture"] : []),
    ...(now.screenshot_on_error || now.screenshot_on_action ? ["screenshots"] : []),
    ...(now.source_maps === "all" ? ["source maps"] : []),
    ...(length > 0 ? [`${length} extension${length === 1 ? "" : "s"}`] : []),
  ];
}

const MOMENTS = [
  { name: "off", on_error: false, on_action: false },
  { name: "errors", on_error: true, on_action: false },
  { name: "clicks, pages", on_error: false, on_action: true },
  { name: "errors, clicks, pages", on_error: true, on_action: true },
];

function Screenshots({ now }: { now: Status }) {
  const chosen = MOMENTS.findIndex(
    ({ on_error, on_action }) =>
      on_error === now.screenshot_on_error && on_action === now.screenshot_on_action,
  );
  return (
    <div class="line">
      <span
        class="line-name grow"
        title="Takes a screenshot of the active tab, at most two per second. It shows what was typed"
      >
        Screenshots at
      </span>
      <select
        aria-label="Screenshots at"
        value={chosen}
        onChange={(event) => {
          const { on_error = false, on_action = false } = MOMENTS[Number(event.currentTarget.value)] ?? {};
          void run({ command: "screenshots", on_error, on_action });
        }}
      >
        {MOMENTS.map(({ name }, i) => (
          <option key={name} value={i}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function DeepCapture({ now }: { now: Status }) {
  const { all_tabs, tab_ids } = now.debugger;
  const tab = activeTab.value;
  return (
    <>
      <div class="line">
        <span class="line-name grow">Deep capture, this tab</span>
        <Switch
          label="Deep capture of this tab"
          on={tab !== null && tab_ids.includes(tab)}
          disabled={tab === null || !now.recording || all_tabs}
          title={now.recording ? undefined : "Start recording first"}
          change={(on) => {
            if (tab !== null) void setDeepCapture(now, tab, on);
          }}
        />
      </div>
      <div class="line">
        <span class="line-name grow">Deep capture, all tabs</span>
        <Switch
          label="Deep capture of all tabs"
          on={all_tabs}
          change={(on) => void setDeepCapture(now, "all", on)}
        />
      </div>
      <p class="quiet note">
        Records bodies, WebSocket frames and workers, and sets network to verbose. Chrome shows a bar.
      </p>
    </>
  );
}

function Approved({ ids }: { ids: string[] }) {
  if (ids.length === 0) return null;
  return (
    <section aria-labelledby="approved">
      <h2 id="approved">Extensions that may publish</h2>
      <ul>
        {ids.map((id) => (
          <li class="line" key={id}>
            <code class="line-name grow" title={id}>
              {id}
            </code>
            <button
              type="button"
              aria-label={`Remove extension ${id}`}
              onClick={() => void run({ command: "approve", extension_id: id, approved: false }, "Removed")}
            >
              Remove
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
