/**
 * A console text in the colours that the page gave it with `%c`.
 *
 * Only colour, weight, slant and underline of the page's declarations are used, so a page cannot move, cover or
 * load anything here. Colours are changed as far as the text needs to stay legible.
 */
import type { CSSProperties } from "preact";
import { useViewer } from "../state";
import { Marked } from "../ui/marked";
import type { StyledPart } from "./styled";

/** Contrast of text, by https://www.w3.org/TR/WCAG22/#contrast-minimum, with a reserve for tinted rows. */
const LEAST_CONTRAST = 5;
const MOST_CSS_CHARS = 1_000;
const MOST_CACHED = 500;

type Rgb = [number, number, number];

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];
const THEMES: Record<string, { background: Rgb; text: Rgb }> = {
  light: { background: WHITE, text: [22, 24, 29] },
  dark: { background: [26, 39, 64], text: [230, 233, 238] },
};

const cache = new Map<string, CSSProperties>();

export function StyledText({ parts, words }: { parts: StyledPart[]; words: string[] }) {
  const theme = useViewer().theme.value;
  return (
    <>
      {parts.map(({ text, css }, i) => (
        <span key={i} style={css === "" ? undefined : styleOf(css, theme)}>
          <Marked text={text} words={words} />
        </span>
      ))}
    </>
  );
}

function styleOf(css: string, theme: string): CSSProperties {
  const key = `${theme} ${css}`;
  let style = cache.get(key);
  if (style === undefined) {
    style = safeStyle(css, THEMES[theme] ?? { background: WHITE, text: BLACK });
    if (cache.size >= MOST_CACHED) cache.clear();
    cache.set(key, style);
  }
  return style;
}

function safeStyle(css: string, theme: { background: Rgb; text: Rgb }): CSSProperties {
  // An element outside of the document parses the declarations and loads nothing.
  const { style: given } = document.createElement("span");
  given.cssText = css.slice(0, MOST_CSS_CHARS);
  const style: CSSProperties = {};
  const background = rgbOf(given.backgroundColor);
  const colour = rgbOf(given.color);
  if (background !== null) {
    style.backgroundColor = cssOf(background);
    style.padding = "1px 4px";
    style.borderRadius = "3px";
  }
  if (background !== null || colour !== null) {
    const behind = background ?? theme.background;
    const legible = contrast(BLACK, behind) > contrast(WHITE, behind) ? BLACK : WHITE;
    const towards = background === null ? theme.text : legible;
    style.color = cssOf(readable(colour ?? towards, behind, towards));
  }
  if (/^(bold(er)?|lighter|[1-9]00)$/.test(given.fontWeight)) style.fontWeight = given.fontWeight;
  if (/^(italic|oblique)$/.test(given.fontStyle)) style.fontStyle = given.fontStyle;
  if (/^(underline|line-through)$/.test(given.textDecorationLine))
    style.textDecorationLine = given.textDecorationLine;
  return style;
}

/** Mixes a colour with another one until it is legible in front of `behind`. */
function readable(colour: Rgb, behind: Rgb, towards: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.1) {
    const mixed = colour.map((value, i) => Math.round(value + ((towards[i] ?? 0) - value) * share)) as Rgb;
    if (contrast(mixed, behind) >= LEAST_CONTRAST) return mixed;
  }
  return towards;
}

function contrast(a: Rgb, b: Rgb): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function luminance(rgb: Rgb): number {
  const [r = 0, g = 0, b = 0] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function cssOf([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

let canvas: CanvasRenderingContext2D | null | undefined;

/** Returns an opaque colour of CSS as numbers, or null for other text: a canvas writes it as `#rrggbb`. */
function rgbOf(css: string): Rgb | null {
  if (css === "" || css.includes("var(")) return null;
  canvas ??= document.createElement("canvas").getContext("2d");
  if (canvas === null) return null;
  canvas.fillStyle = "#010203";
  canvas.fillStyle = css;
  const { fillStyle } = canvas;
  if (typeof fillStyle !== "string" || !/^#[0-9a-f]{6}$/.test(fillStyle) || fillStyle === "#010203")
    return null;
  const value = Number.parseInt(fillStyle.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
