/**
 * Records what the person did: clicks, keys by class, changes by field, submits, settled scrolls.
 *
 * Never what they typed, and nothing at all of fields for passwords, cards and one-time codes. Listeners are in the
 * capture phase of the isolated world, so the page can neither see nor stop them.
 */
import { meant, selectorOf } from "./elements.ts";
import { isEditable, labelOf } from "./label.ts";
import type { Observe } from "./observation.ts";
import { isSensitive, rememberPasswords } from "./sensitive.ts";

const SCROLL_SETTLED_MS = 250;
/** Keys of one class in one field are one event when no more than this lies between them. */
const TYPING_PAUSE_MS = 1_000;

interface Typing {
  key: string;
  target: Element | null;
  count: number;
  modifiers: string[];
}

export class Interaction {
  readonly #observe: Observe;
  #typing: Typing | null = null;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #scrolls = new Map<EventTarget, ReturnType<typeof setTimeout>>();
  readonly #listeners: [string, (event: never) => void][];

  constructor(observe: Observe) {
    this.#observe = observe;
    this.#listeners = [
      ["pointerdown", rememberPasswords],
      ["click", (event: MouseEvent) => this.#click(event)],
      ["keydown", (event: KeyboardEvent) => this.#key(event)],
      ["change", (event: Event) => this.#change(event)],
      ["submit", (event: SubmitEvent) => this.#submit(event)],
      ["scroll", (event: Event) => this.#scroll(event)],
    ];
  }

  install(): void {
    for (const [type, listener] of this.#listeners) {
      window.addEventListener(type, listener as EventListener, { capture: true, passive: true });
    }
  }

  remove(): void {
    this.finish();
    for (const [type, listener] of this.#listeners) {
      window.removeEventListener(type, listener as EventListener, { capture: true });
    }
    for (const timer of this.#scrolls.values()) clearTimeout(timer);
    this.#scrolls.clear();
  }

  /** Tells what was being typed: the document is going away, or something else happened. */
  finish(): void {
    clearTimeout(this.#typingTimer);
    const typing = this.#typing;
    this.#typing = null;
    if (typing === null) return;
    this.#publish("input.key", "keydown", typing.target, {
      key: typing.key,
      count: typing.count,
      ...(typing.modifiers.length > 0 ? { modifiers: typing.modifiers } : {}),
    });
  }

  #click(event: MouseEvent): void {
    if (!event.isTrusted) return;
    this.finish();
    const element = meant(event.composedPath()[0] ?? event.target);
    if (element === null || isSensitive(element)) return;
    const href = element instanceof HTMLAnchorElement ? element.href : undefined;
    this.#publish(
      "input.click",
      "click",
      element,
      { button: event.button },
      {
        x: Math.round(event.clientX),
        y: Math.round(event.clientY),
        ...(href === undefined ? {} : { href }),
      },
    );
  }

  #key(event: KeyboardEvent): void {
    if (!event.isTrusted || event.isComposing) return;
    // These press the button that is in focus.
    if (event.key === "Enter" || event.key === " ") rememberPasswords(event);
    const element = meant(event.composedPath()[0] ?? event.target);
    if (element !== null && isSensitive(element)) {
      this.finish();
      return;
    }
    const key = keyClass(event);
    if (key === "modifier") return;
    const modifiers = modifiersOf(event);
    const last = this.#typing;
    if (
      last !== null &&
      last.key === key &&
      last.target === element &&
      `${last.modifiers}` === `${modifiers}`
    ) {
      last.count++;
    } else {
      this.finish();
      this.#typing = { key, target: element, count: 1, modifiers };
    }
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.finish(), TYPING_PAUSE_MS);
  }

  #change(event: Event): void {
    if (!event.isTrusted) return;
    this.finish();
    const element = meant(event.composedPath()[0] ?? event.target);
    if (element === null || isSensitive(element)) return;
    const field = element as HTMLInputElement;
    const checkable = field.type === "checkbox" || field.type === "radio";
    this.#publish("input.change", "change", element, {
      field: field.name || field.id || null,
      field_type: field.type ?? element.localName,
      ...(checkable ? { checked: field.checked } : {}),
    });
  }

  #submit(event: SubmitEvent): void {
    if (!event.isTrusted) return;
    this.finish();
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    this.#publish(
      "input.submit",
      "submit",
      form,
      { method: form.method, action: form.action },
      {
        submitter: event.submitter === null ? null : labelOf(event.submitter),
      },
    );
  }

  #scroll(event: Event): void {
    const target = event.target;
    if (!event.isTrusted || target === null) return;
    clearTimeout(this.#scrolls.get(target));
    this.#scrolls.set(
      target,
      setTimeout(() => {
        this.#scrolls.delete(target);
        const box = target instanceof Element ? target : document.scrollingElement;
        if (box === null) return;
        const whole = Math.max(1, box.scrollHeight - box.clientHeight);
        this.#publish("input.scroll", "scroll", target instanceof Element ? target : null, {
          top: Math.round(box.scrollTop),
          left: Math.round(box.scrollLeft),
          percent: Math.round((box.scrollTop / whole) * 100),
        });
      }, SCROLL_SETTLED_MS),
    );
  }

  #publish(
    type: string,
    sourceEvent: string,
    element: Element | null,
    standard: Record<string, unknown>,
    verbose: Record<string, unknown> = {},
  ): void {
    const selector = element === null ? {} : { selector: selectorOf(element) };
    const label = element === null || isEditable(element) ? {} : { label: labelOf(element) };
    this.#observe({
      type,
      category: "interaction",
      source_event: sourceEvent,
      data: [selector, { ...label, ...standard }, verbose],
    });
  }
}

/** The class of a key; the character itself is not recorded. */
export function keyClass(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey">): string {
  const { key } = event;
  if (key.length === 1 || key === "Dead" || key === "Process")
    return event.ctrlKey || event.metaKey ? "shortcut" : "char";
  if (/^(?:Shift|Control|Alt|Meta|AltGraph|CapsLock|NumLock|Fn)$/.test(key)) return "modifier";
  if (key.startsWith("Arrow")) return "arrow";
  if (/^F\d+$/.test(key)) return "function";
  if (/^(?:Home|End|PageUp|PageDown)$/.test(key)) return "navigation";
  if (/^(?:Enter|Tab|Escape|Backspace|Delete)$/.test(key)) return key.toLowerCase();
  return "other";
}

function modifiersOf(event: KeyboardEvent): string[] {
  const modifiers: string[] = [];
  if (event.ctrlKey) modifiers.push("ctrl");
  if (event.altKey) modifiers.push("alt");
  if (event.metaKey) modifiers.push("meta");
  return modifiers;
}
