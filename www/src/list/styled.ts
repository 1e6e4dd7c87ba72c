/**
 * The parts of a console text that the page has styled with `%c`.
 *
 * The recorder stores the text with its formats applied, and the arguments. The format says between which of its
 * words a style begins; where the text does not follow the format, it stays without styles.
 */
export interface StyledPart {
  text: string;
  /** Declarations as the page wrote them. */
  css: string;
}

const DIRECTIVE = /(%[%sdifoOc])/;

/** Returns the parts, or null if the text has no styles. */
export function styledParts(text: string, args: unknown[]): StyledPart[] | null {
  const [format] = args;
  if (typeof format !== "string" || !format.includes("%c")) return null;
  const starts: { at: number; css: string }[] = [];
  /** A style that begins behind a value begins where the next literal text is found. */
  let waiting: string | null = null;
  let isBehindValue = false;
  let at = 0;
  let used = 1;
  for (const token of format.split(DIRECTIVE)) {
    if (token === "") continue;
    const isDirective = token !== "%%" && DIRECTIVE.test(token) && used < args.length;
    if (!isDirective) {
      const literal = token === "%%" ? "%" : token;
      const found = isBehindValue ? text.indexOf(literal, at) : text.startsWith(literal, at) ? at : -1;
      if (found < 0) return null;
      if (waiting !== null) starts.push({ at: found, css: waiting });
      waiting = null;
      isBehindValue = false;
      at = found + literal.length;
      continue;
    }
    const argument = args[used++];
    if (token !== "%c") {
      isBehindValue = true;
      continue;
    }
    const css = typeof argument === "string" ? argument : "";
    if (isBehindValue) waiting = css;
    else starts.push({ at, css });
  }
  // The arguments behind the format have no style.
  if (used < args.length && !isBehindValue) starts.push({ at, css: "" });
  const parts = [{ at: 0, css: "" }, ...starts].map(({ at: from, css }, i) => ({
    text: text.slice(from, starts[i]?.at ?? text.length),
    css,
  }));
  return parts.filter((part) => part.text !== "");
}
