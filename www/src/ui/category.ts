/** The class that gives an element its category's colour. */
const KNOWN = new Set(["console", "network", "page", "tab", "interaction", "system"]);

export function categoryClass(category: string): string {
  return KNOWN.has(category) ? `c-${category}` : "c-other";
}

/** Returns the custom property that holds the colour, for canvases. */
export function categoryProperty(category: string): string {
  return KNOWN.has(category) ? `--cat-${category}` : "--cat-other";
}
