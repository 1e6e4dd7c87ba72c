/**
 * Elements in words that stay true after the next deploy: a selector a person can read, a label a person has seen.
 *
 * Never a value: of inputs only what says which field it is.
 */
const MAX_LABEL = 80;
const TEST_IDS = ["data-testid", "data-test-id", "data-test", "data-cy", "data-qa"];
/** Ids and classes that a build or a framework counted up tell nothing the next time. */
const GENERATED =
  /\d{3,}|^[:_]|^(?:css|sc|jsx|svelte)-|__[A-Za-z0-9_-]{5,}$|^(?=.*\d)(?=.*[a-z])[a-z0-9]{8,}$/i;
const SENSITIVE_AUTOCOMPLETE = /^(?:cc-|one-time-code$|current-password$|new-password$)/;
const SENSITIVE_NAME =
  /pass(?:word|wd|code)?\b|card.?(?:number|no)\b|cc.?num|cvv|cvc|csc\b|\botp\b|one.?time|\bpin\b|ssn/i;

/** Nothing is recorded of these: not a key, not a change, not a click. */
export function isSensitive(element: Element): boolean {
  if (!(element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement)) return false;
  if (element.type === "password") return true;
  const tokens = (element.getAttribute("autocomplete") ?? "").toLowerCase().split(/\s+/);
  if (tokens.some((token) => SENSITIVE_AUTOCOMPLETE.test(token))) return true;
  return SENSITIVE_NAME.test(`${element.name} ${element.id}`);
}

/** The element a person meant: the button, not the icon in it. */
export function meant(target: EventTarget | null): Element | null {
  if (!(target instanceof Element)) return null;
  return (
    target.closest(
      "button,a[href],input,select,textarea,label,summary,[role=button],[role=link],[role=menuitem],[role=tab],[role=option],[role=checkbox],[contenteditable=true]",
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
  return parts.join(" > ").slice(0, 256) || element.localName;
}

export function labelOf(element: Element): string {
  const field =
    element instanceof HTMLInputElement ||
    element instanceof HTMLSelectElement ||
    element instanceof HTMLTextAreaElement;
  const label =
    element.getAttribute("aria-label") ??
    (field ? element.labels?.[0]?.textContent : null) ??
    (element instanceof HTMLInputElement && /^(?:button|submit|reset)$/.test(element.type)
      ? element.value
      : null) ??
    (field ? element.getAttribute("placeholder") : null) ??
    element.getAttribute("alt") ??
    element.getAttribute("title") ??
    (field || isEditable(element) ? element.getAttribute("name") : visibleText(element)) ??
    "";
  return label.replace(/\s+/g, " ").trim().slice(0, MAX_LABEL);
}

export function isEditable(element: Element): boolean {
  return element instanceof HTMLElement && element.isContentEditable;
}

function visibleText(element: Element): string | null {
  // A container's whole text is not what was meant.
  if (element instanceof HTMLFormElement || element.childElementCount > 8) return null;
  return element.textContent;
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
