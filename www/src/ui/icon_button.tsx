/** A button that shows only an icon, with an accessible name. */
import { Icon, type IconName } from "./icon";

interface IconButtonProps {
  icon: IconName;
  label: string;
  title?: string;
  onClick: () => void;
}

export function IconButton({ icon, label, title, onClick }: IconButtonProps) {
  return (
    <button type="button" class="button icon-only" title={title} aria-label={label} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
