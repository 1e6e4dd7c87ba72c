/**
 * Fields that are not recorded at all, neither clicks nor keys: passwords, cards, one-time codes.
 *
 * A field is one by its type, its `autocomplete`, what a person would read in its name or id, or because it was a
 * password field before: pages let people look at what they have typed.
 */

const AUTOCOMPLETE = /^(?:cc-|one-time-code$|current-password$|new-password$)/;

/** Looked for in names as {@link words} has them: lower case, one space between words. */
const SECRET = new RegExp(
  [
    "pass ?(?:word|wd|code|phrase|key)|passwort|kennwort|mot ?de ?passe|contrasena|senha|pwd|\\bmdp",
    // Words of their own: "compass", "shipping" and "footprint" do not match.
    "\\b(?:pass|pw|pin|csc|ssn|secret|[2mt]fa|[a-z]*otp)\\b|\\botp",
    "\\b(?:my|new|old|user|login|card|atm|sim|confirm|repeat)pin\\b|\\bpin(?:code|number|no)\\b",
    "\\b(?:cv[vc]|ccv)|\\b(?:cards?|cc) ?(?:number|num|no|nr|csc|exp[a-z]*)\\b|\\b(?:credit|debit|bank) ?card",
    "(?:security|verif[a-z]*|authentication|auth|access|sms|login|[2mt]fa|factor) ?(?:code|token|key)",
    "security ?(?:number|answer)|\\bone ?time|\\b(?:api|secret|private) ?key",
  ].join("|"),
);

/** `smsOtp2`, `sms_otp`, `sms-otp[]` → `sms otp`; `contraseña` → `contrasena`. */
function words(name: string): string {
  return name
    .normalize("NFD")
    .replace(/\p{M}+/gu, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replace(/([a-z])\d+(?![a-z])/g, "$1")
    .split(/[^a-z0-9]+/)
    .join(" ");
}

/** Whether a name says that what goes in is secret. */
export function isSecretName(name: string): boolean {
  return SECRET.test(words(name));
}

const wasPassword = new WeakSet<Element>();

/** To be called before the page can act on an event: its handler may be the one that makes a password readable. */
export function rememberPasswords(event: Event): void {
  const target = event.composedPath()[0];
  const root = target instanceof Node ? target.getRootNode() : document;
  if (!(root instanceof Document || root instanceof ShadowRoot)) return;
  for (const field of root.querySelectorAll('input[type="password" i]')) wasPassword.add(field);
}

export function isSensitive(element: Element): boolean {
  if (
    !(
      element instanceof HTMLInputElement ||
      element instanceof HTMLTextAreaElement ||
      element instanceof HTMLSelectElement
    )
  ) {
    return false;
  }
  if (element.type === "password") wasPassword.add(element);
  if (wasPassword.has(element)) return true;
  const tokens = (element.getAttribute("autocomplete") ?? "").toLowerCase().split(/\s+/);
  if (tokens.some((token) => AUTOCOMPLETE.test(token))) return true;
  return isSecretName(element.name) || isSecretName(element.id);
}
