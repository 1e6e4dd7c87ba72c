/**
 * Returns the text that a person reads on an element, never text that was typed: for a field only its name, and for an
 * element around fields or editors only the text next to them.
 */
import { prefix } from "./budget.ts";

const MAX_LABEL = 80;
/** A box with more in it is a container: its whole text is not what was meant. */
const MAX_CHILDREN = 8;
/** Text nodes that are looked at. */
const MAX_NODES = 200;
/** Elements whose content is typed, chosen or not shown. The roles are those of editors that draw their text themselves. */
const TYPED =
  'input,textarea,select,datalist,script,style,template,[role="textbox"],[role="searchbox"],[role="code"]';

export function labelOf(element: Element): string {
  const field =
    element instanceof HTMLInputElement ||
    element instanceof HTMLSelectElement ||
    element instanceof HTMLTextAreaElement;
  const caption = field ? element.labels?.[0] : undefined;
  const label =
    element.getAttribute("aria-label") ??
    (caption === undefined ? null : readableText(caption)) ??
    (element instanceof HTMLInputElement && /^(?:button|submit|reset)$/.test(element.type)
      ? element.value
      : null) ??
    (field ? element.getAttribute("placeholder") : null) ??
    element.getAttribute("alt") ??
    element.getAttribute("title") ??
    (field || isEditable(element) ? element.getAttribute("name") : visibleText(element)) ??
    "";
  return shortened(label);
}

export function isEditable(element: Element): boolean {
  return element instanceof HTMLElement && element.isContentEditable;
}

function visibleText(element: Element): string | null {
  if (element instanceof HTMLFormElement || element.childElementCount > MAX_CHILDREN) return null;
  return readableText(element);
}

/** The beginning of an element's text, without what was typed into it. */
function readableText(element: Element): string {
  if (isTyped(element) || element.closest(TYPED) !== null) return "";
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
    node instanceof Element && isTyped(node) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  let text = "";
  for (let seen = 0; seen < MAX_NODES && shortened(text).length < MAX_LABEL; seen++) {
    const node = walker.nextNode();
    if (node === null) break;
    if (node instanceof Text) text += prefix(node.data, MAX_LABEL * 4);
  }
  return text;
}

function isTyped(element: Element): boolean {
  return element.matches(TYPED) || isEditable(element);
}

function shortened(text: string): string {
  return prefix(text.replace(/\s+/g, " ").trim(), MAX_LABEL);
}
