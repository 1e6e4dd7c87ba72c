/** A message in place of an empty list: the state, its reason, and the next step. */
import type { ComponentChildren } from "preact";
import "./empty.css";

export interface EmptyProps {
  /** Pixels from the top of the container. */
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
