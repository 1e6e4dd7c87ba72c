/**
 * Contents of the platform's own objects, which are getters of their prototypes.
 *
 * The getters are those of `document_start`. On an object that only looks like one they throw, and show nothing.
 */
import { apply, getterOf, NONE, ownValue } from "./natives.ts";

export interface Field {
  name: string;
  get: () => unknown;
}

/** By interface; what it inherits is shown as well. Of events, also their type and target. */
const SHOWN: readonly (readonly [name: string, ...fields: string[]])[] = [
  ["URL", "href"],
  ["Request", "method", "url", "mode", "credentials", "cache", "redirect", "headers"],
  ["Response", "status", "statusText", "ok", "url", "type", "redirected", "bodyUsed", "headers"],
  ["Blob", "type", "size"],
  ["File", "name", "lastModified"],
  ["DOMRectReadOnly", "x", "y", "width", "height"],
  ["DOMPointReadOnly", "x", "y", "z", "w"],
  ["MediaError", "code", "message"],
  ["GeolocationPositionError", "code", "message"],
  ["GeolocationPosition", "coords", "timestamp"],
  ["GeolocationCoordinates", "latitude", "longitude", "accuracy", "altitude", "heading", "speed"],
  ["WebSocket", "url", "readyState", "protocol"],
  ["EventSource", "url", "readyState"],
  ["XMLHttpRequest", "readyState", "status", "statusText", "responseURL", "responseType"],
  ["AbortSignal", "aborted", "reason"],
];

const SHOWN_OF_EVENTS: typeof SHOWN = [
  ["UIEvent", "detail"],
  ["MouseEvent", "button", "clientX", "clientY"],
  ["PointerEvent", "pointerType", "pointerId"],
  ["WheelEvent", "deltaX", "deltaY"],
  ["KeyboardEvent", "key", "repeat"],
  ["InputEvent", "inputType"],
  ["CustomEvent", "detail"],
  ["ErrorEvent", "message", "filename", "lineno", "colno", "error"],
  ["PromiseRejectionEvent", "reason"],
  ["MessageEvent", "data", "origin", "lastEventId"],
  ["CloseEvent", "code", "reason", "wasClean"],
  ["ProgressEvent", "lengthComputable", "loaded", "total"],
  ["StorageEvent", "key", "oldValue", "newValue", "url"],
  ["HashChangeEvent", "oldURL", "newURL"],
  ["PopStateEvent", "state"],
  ["PageTransitionEvent", "persisted"],
  ["AnimationEvent", "animationName", "elapsedTime"],
  ["TransitionEvent", "propertyName", "elapsedTime"],
  ["SubmitEvent", "submitter"],
  ["FormDataEvent", "formData"],
  ["ToggleEvent", "oldState", "newState"],
  ["MediaQueryListEvent", "matches", "media"],
  ["IDBVersionChangeEvent", "oldVersion", "newVersion"],
  ["SecurityPolicyViolationEvent", "violatedDirective", "blockedURI", "sourceFile", "lineNumber"],
];

/** Calls `add` for each interface of this document that has getters to show. */
export function forEachPlatform(add: (prototype: object, fields: Field[], isEvent: boolean) => void): void {
  forEachOf(SHOWN, (prototype, fields) => add(prototype, fields, false));
  forEachOf(SHOWN_OF_EVENTS, (prototype, fields) => add(prototype, fields, true));
}

function forEachOf(table: typeof SHOWN, add: (prototype: object, fields: Field[]) => void): void {
  for (let row = 0; row < table.length; row++) {
    const [name, ...names] = table[row] as (typeof SHOWN)[number];
    const maker = ownValue(globalThis, name);
    const prototype = typeof maker === "function" ? ownValue(maker, "prototype") : undefined;
    if (typeof prototype !== "object" || prototype === null) continue;
    const fields: Field[] = [];
    for (let at = 0; at < names.length; at++) {
      const field = names[at] as string;
      const get = getterOf(prototype, field);
      if (get !== null) fields.push({ name: field, get: name === "KeyboardEvent" ? withoutTyped(get) : get });
    }
    add(prototype, fields);
  }
}

/** A key that writes a character may be one of a password. */
function withoutTyped(key: () => unknown): () => unknown {
  return function (this: unknown): unknown {
    const value = apply(key, this, NONE);
    return typeof value === "string" && value.length === 1 ? undefined : value;
  };
}
