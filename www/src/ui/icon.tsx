/** The icons, 16 × 16 outlines drawn in the text's colour. */
const PATHS = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.5 10.5 14 14",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2v9.6L12.5 8Z",
  down: "M8 3v10M4 9l4 4 4-4",
  chevron: "m4.5 6.5 3.5 3.5 3.5-3.5",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5Z",
  help: "M6 6.2A2 2 0 1 1 8.8 8c-.6.3-.8.7-.8 1.3M8 11.6v.1M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Z",
  export: "M8 10V2.5M5 5l3-3 3 3M3 9v4.5h10V9",
  compare: "M2.5 3h4.5v10H2.5zM9 3h4.5v10H9z",
  fold: "M3 3.5h10M3 12.5h10M5.5 8h5",
  prev: "m4.5 9.5 3.5-3.5 3.5 3.5",
  next: "m4.5 6.5 3.5 3.5 3.5-3.5",
  edit: "m5.5 4.5-3 3.5 3 3.5M10.5 4.5l3 3.5-3 3.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
