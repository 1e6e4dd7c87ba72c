/** The state on the toolbar: recording, not recording, or an error that needs a person. */
export type BadgeState = "recording" | "stopped" | "error";

const LOOK: Record<BadgeState, { text: string; color: string; title: string }> = {
  recording: { text: "REC", color: "#c62828", title: "Tabtape is recording" },
  stopped: { text: "", color: "#616161", title: "Tabtape is not recording" },
  error: { text: "!", color: "#ef6c00", title: "Tabtape needs you" },
};

export async function showBadge(state: BadgeState, detail?: string): Promise<void> {
  const { text, color, title } = LOOK[state];
  await Promise.all([
    setBadge({ text, color }),
    chrome.action.setIcon({
      path: { 16: `icons/${state}-16.png`, 32: `icons/${state}-32.png`, 48: `icons/${state}-48.png` },
    }),
    chrome.action.setTitle({ title: detail === undefined ? title : `${title}: ${detail}` }),
  ]);
}

const FLASH_MS = 1_500;
const DONE = { text: "✓", color: "#2e7d32" };
const FAILED = { text: "✕", color: LOOK.error.color };

/** Shows for a moment whether a hot key did its work, and then the state again, which the title still names. */
export async function flashBadge(isDone: boolean): Promise<void> {
  await setBadge(isDone ? DONE : FAILED);
  await new Promise((resolve) => setTimeout(resolve, FLASH_MS));
  const shown = await chrome.action.getTitle({});
  const look = Object.values(LOOK).find(({ title }) => shown.startsWith(title));
  await setBadge(look ?? LOOK.stopped);
}

function setBadge({ text, color }: { text: string; color: string }): Promise<unknown> {
  return Promise.all([
    chrome.action.setBadgeText({ text }),
    chrome.action.setBadgeBackgroundColor({ color }),
  ]);
}
