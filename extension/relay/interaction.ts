/**
 * Records what the person did: clicks, keys by class, changes by field, submits, settled scrolls.
 *
 * Never what they typed, and nothing at all of fields for passwords, cards and one-time codes. Listeners are in the
 * capture phase of the isolated world, so the page can neither see nor stop them.
 */
import { nowMicros } from "./clock.ts";
import { meant, selectorOf } from "./elements.ts";
import { randomId } from "./handover.ts";
import { isEditable, labelOf } from "./label.ts";
import type { Observe } from "./observation.ts";
import { isSensitive, rememberPasswords } from "./sensitive.ts";

const SCROLL_SETTLED_MS = 250;
/** Keys of one class in one field are one event when no more than this lies between them. */
const TYPING_PAUSE_MS = 1_000;

/** Takes the name of an interaction whose dispatch has only begun. */
export type OnInteraction = (id: string, ts: number, event: Event) => void;

interface Typing {
  id: string;
  /** The time of the first key. */
  ts: number;
  key: string;
  target: Element | null;
  count: number;
  modifiers: string[];
}

interface Named {
  type: string;
  source_event: string;
  id?: string;
  /** Unix microseconds; now, when absent. */
  ts?: number;
}

export class Interaction {
  readonly #prefix = `i${randomId()}`;
  #count = 0;
  #typing: Typing | null = null;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #scrolls = new Map<EventTarget, ReturnType<typeof setTimeout>>();
  readonly #listeners: [string, (event: never) => void][];

  constructor(
    private readonly observe: Observe,
    private readonly onInteraction: OnInteraction,
  ) {
    this.#listeners = [
      ["pointerdown", rememberPasswords],
      ["click", (event: MouseEvent) => this.#click(event)],
      ["keydown", (event: KeyboardEvent) => this.#key(event)],
      ["change", (event: Event) => this.#change(event)],
      ["submit", (event: SubmitEvent) => this.#submit(event)],
      ["scroll", (event: Event) => this.#scroll(event)],
    ];
  }

  install(until: AbortSignal): void {
    const options = { capture: true, passive: true, signal: until };
    for (const [type, listener] of this.#listeners) {
      window.addEventListener(type, listener as EventListener, options);
    }
  }

  remove(): void {
    this.finish();
    for (const timer of this.#scrolls.values()) clearTimeout(timer);
    this.#scrolls.clear();
  }

  /** Tells what was being typed: the document is going away, or something else happened. */
  finish(): void {
    clearTimeout(this.#typingTimer);
    const typing = this.#typing;
    this.#typing = null;
    if (typing === null) return;
    const { id, ts, key, count, modifiers } = typing;
    const fields = { key, count, ...(modifiers.length > 0 ? { modifiers } : {}) };
    this.#publish({ type: "input.key", source_event: "keydown", id, ts }, typing.target, fields);
  }

  #click(event: MouseEvent): void {
    const element = this.#used(event);
    if (element === null) return;
    const href = element instanceof HTMLAnchorElement ? element.href : undefined;
    this.#publish(
      this.#named("input.click", event),
      element,
      { button: event.button, x: Math.round(event.clientX), y: Math.round(event.clientY) },
      href === undefined ? {} : { href },
    );
  }

  /** Returns the element that a person has clicked or changed; null for an element that must not be described. */
  #used(event: Event): Element | null {
    if (!event.isTrusted) return null;
    this.finish();
    const element = meantBy(event);
    return element === null || isSensitive(element) ? null : element;
  }

  #key(event: KeyboardEvent): void {
    if (!event.isTrusted || event.isComposing) return;
    // These press the button that is in focus.
    if (event.key === "Enter" || event.key === " ") rememberPasswords(event);
    const element = meantBy(event);
    if (element !== null && isSensitive(element)) {
      this.finish();
      return;
    }
    const key = keyClass(event);
    if (key === "modifier") return;
    const modifiers = modifiersOf(event);
    const last = this.#typing;
    const isAlike = last?.key === key && last.target === element;
    if (isAlike && `${last.modifiers}` === `${modifiers}`) {
      last.count++;
      this.onInteraction(last.id, last.ts, event);
    } else {
      this.finish();
      const { id, ts } = this.#named("input.key", event);
      this.#typing = { id, ts, key, target: element, count: 1, modifiers };
    }
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.finish(), TYPING_PAUSE_MS);
  }

  #change(event: Event): void {
    const element = this.#used(event);
    if (element === null) return;
    const field = element as HTMLInputElement;
    const checkable = field.type === "checkbox" || field.type === "radio";
    this.#publish(this.#named("input.change", event), element, {
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
      this.#named("input.submit", event),
      form,
      { method: form.method, action: form.action },
      { submitter: event.submitter === null ? null : labelOf(event.submitter) },
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
        this.#publish(
          { type: "input.scroll", source_event: "scroll" },
          target instanceof Element ? target : null,
          {
            top: Math.round(box.scrollTop),
            left: Math.round(box.scrollLeft),
            percent: Math.round((box.scrollTop / whole) * 100),
          },
        );
      }, SCROLL_SETTLED_MS),
    );
  }

  /** Names the interaction that `event` is, and reports the name. */
  #named(type: string, event: Event): Named & { id: string; ts: number } {
    const id = `${this.#prefix}.${++this.#count}`;
    const ts = nowMicros();
    this.onInteraction(id, ts, event);
    return { type, source_event: event.type, id, ts };
  }

  #publish(
    { type, source_event, id, ts }: Named,
    element: Element | null,
    standard: Record<string, unknown>,
    verbose: Record<string, unknown> = {},
  ): void {
    const selector = element === null ? {} : { selector: selectorOf(element) };
    const label = element === null || isEditable(element) ? {} : { label: labelOf(element) };
    this.observe({
      type,
      category: "interaction",
      source_event,
      ...(id === undefined ? {} : { interaction_id: id }),
      ...(ts === undefined ? {} : { ts }),
      data: [selector, { ...label, ...standard }, verbose],
    });
  }
}

function meantBy(event: Event): Element | null {
  return meant(event.composedPath()[0] ?? event.target);
}

/** The class of a key; the character itself is not recorded. */
function keyClass(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey">): string {
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
