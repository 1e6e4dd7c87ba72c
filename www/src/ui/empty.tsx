/** An empty state that teaches: what is so, why, and what to do. */
import type { ComponentChildren } from "preact";
import "./empty.css";

export interface EmptyProps {
  /** Where it begins, in pixels from the top of its container. */
  top?: number;
  title: string;
  text: string;
  mend?: ComponentChildren;
  action?: { label: string; run: () => void };
}

export function Empty({ top = 0, title, text, mend, action }: EmptyProps) {
  return (
    <div class="empty" role="status" style={{ top: `${top}px` }}>
      <svg class="empty-art" viewBox="0 0 64 40" width="64" height="40" aria-hidden="true">
        <circle cx="16" cy="20" r="11" />
        <circle cx="48" cy="20" r="11" />
        <circle class="hub" cx="16" cy="20" r="3" />
        <circle class="hub" cx="48" cy="20" r="3" />
        <path d="M16 31h32" />
      </svg>
      <h2>{title}</h2>
      <p>{text}</p>
      {mend === undefined ? null : <p class="empty-mend">{mend}</p>}
      {action === undefined ? null : (
        <button type="button" class="button" onClick={action.run}>
          {action.label}
        </button>
      )}
    </div>
  );
}
