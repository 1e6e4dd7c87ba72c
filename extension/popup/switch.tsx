import "./switch.css";

/** A switch with an accessible name. */
export function Switch({
  label,
  on,
  disabled = false,
  title,
  change,
}: {
  label: string;
  on: boolean;
  disabled?: boolean;
  title?: string | undefined;
  change: (on: boolean) => void;
}) {
  return (
    <button
      type="button"
      class="switch"
      role="switch"
      aria-checked={on}
      aria-label={label}
      disabled={disabled}
      title={title}
      onClick={() => change(!on)}
    >
      <span />
    </button>
  );
}
