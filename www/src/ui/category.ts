/** Categories in the order in which they are shown; others follow by name. */
const KNOWN = ["console", "network", "page", "tab", "interaction", "system"];

export function byCategory(a: string, b: string): number {
  return rank(a) - rank(b) || a.localeCompare(b);
}

function rank(name: string): number {
  const at = KNOWN.indexOf(name);
  return at < 0 ? KNOWN.length : at;
}

/** Returns the class that gives an element its category's colour. */
export function categoryClass(category: string): string {
  return KNOWN.includes(category) ? `c-${category}` : "c-other";
}

/** Returns the custom property that holds the colour, for canvases. */
export function categoryProperty(category: string): string {
  return KNOWN.includes(category) ? `--cat-${category}` : "--cat-other";
}
