/**
 * Describes elements in words that stay true after the next deploy: by a selector that a person can read, made of the
 * words of the page's authors, never of a value.
 */
import { prefix } from "./budget.ts";

const TEST_IDS = ["data-testid", "data-test-id", "data-test", "data-cy", "data-qa"];
/** Ids and classes that a build or a framework counted up tell nothing the next time. */
const GENERATED =
  /\d{3,}|^[:_]|^(?:css|sc|jsx|svelte)-|__[A-Za-z0-9_-]{5,}$|^(?=.*\d)(?=.*[a-z])[a-z0-9]{8,}$/i;

/** The element a person meant: the button, not the icon in it. */
export function meant(target: EventTarget | null): Element | null {
  if (!(target instanceof Element)) return null;
  return (
    target.closest(
      "button,a[href],input,select,textarea,label,summary,[role=button],[role=link],[role=menuitem],[role=tab],[role=option],[role=checkbox],[contenteditable]:not([contenteditable=false])",
    ) ?? target
  );
}

export function selectorOf(element: Element): string {
  const parts: string[] = [];
  for (let at: Element | null = element; at !== null && parts.length < 5; at = at.parentElement) {
    const anchor = anchorOf(at);
    if (anchor !== null) {
      parts.unshift(anchor);
      break;
    }
    const tag = at.localName;
    if (tag === "html" || tag === "body") break;
    parts.unshift(tag + nameOf(at) + positionOf(at));
  }
  return prefix(parts.join(" > "), 256) || element.localName;
}

function anchorOf(element: Element): string | null {
  for (const name of TEST_IDS) {
    const value = element.getAttribute(name);
    if (value !== null && value.length < 80) return `[${name}="${CSS.escape(value)}"]`;
  }
  const { id } = element;
  return id !== "" && id.length < 60 && !GENERATED.test(id) ? `${element.localName}#${CSS.escape(id)}` : null;
}

function nameOf(element: Element): string {
  const name = element.getAttribute("name");
  if (name !== null && name.length < 60 && !GENERATED.test(name)) return `[name="${CSS.escape(name)}"]`;
  for (const className of element.classList) {
    if (className.length < 40 && !GENERATED.test(className)) return `.${CSS.escape(className)}`;
  }
  return "";
}

function positionOf(element: Element): string {
  const siblings = element.parentElement?.children;
  if (siblings === undefined) return "";
  let position = 0;
  let same = 0;
  for (const sibling of siblings) {
    if (sibling.localName !== element.localName) continue;
    same++;
    if (sibling === element) position = same;
  }
  return same > 1 ? `:nth-of-type(${position})` : "";
}
