/**
 * Observes `WebSocket`: the call that made a socket, its close code and reason, and its messages at `verbose`.
 *
 * The socket is the browser's own. The listeners are added as it is made, only look, and run before the page's. A
 * message that is no text is recorded by its length.
 */
import { isNative } from "./fetch.ts";
import { both, type Mask, type StandIn, type Undo } from "./mask.ts";
import { apply, getterOf, listen, ownValue, quote, read } from "./natives.ts";
import { type Begun, type RequestEvents, withoutFragment } from "./request_events.ts";

const SocketPrototype = WebSocket.prototype;
const { get, set } = WeakMap.prototype;
const socket = {
  url: getterOf(SocketPrototype, "url"),
  readyState: getterOf(SocketPrototype, "readyState"),
  protocol: getterOf(SocketPrototype, "protocol"),
  extensions: getterOf(SocketPrototype, "extensions"),
};
const close = {
  code: getterOf(CloseEvent.prototype, "code"),
  reason: getterOf(CloseEvent.prototype, "reason"),
  wasClean: getterOf(CloseEvent.prototype, "wasClean"),
};
const messageData = getterOf(MessageEvent.prototype, "data");
const currentTarget = getterOf(Event.prototype, "currentTarget");
const blobSize = getterOf(Blob.prototype, "size");
const bufferLength = getterOf(ArrayBuffer.prototype, "byteLength");
const viewLength = getterOf(Object.getPrototypeOf(Uint8Array.prototype) as object, "byteLength");
const dataViewLength = getterOf(DataView.prototype, "byteLength");

const OPEN = 1;
/** https://www.rfc-editor.org/rfc/rfc6455#section-11.8 */
const TEXT = 1;
const BINARY = 2;

export class SocketHook {
  readonly #events: RequestEvents;
  /** The number of the call that made each socket. */
  readonly #numbers = new WeakMap<object, number>();

  constructor(events: RequestEvents) {
    this.#events = events;
  }

  /** Puts the wrappers in place; null where the page has its own already, which stay as they are. */
  install(mask: Mask): Undo | null {
    if (!isNative(ownValue(globalThis, "WebSocket"), "WebSocket")) return null;
    const undoConstructor = mask.replaceConstructor(
      globalThis,
      "WebSocket",
      (above) => this.#events.begin(above),
      (object, begun) => this.#made(object, begun),
    );
    const undoSend = isNative(ownValue(SocketPrototype, "send"), "send")
      ? mask.replace(SocketPrototype, "send", this.#sendStandIn())
      : null;
    return both(undoConstructor, undoSend);
  }

  #sendStandIn(): StandIn {
    return (native, self, args) => {
      // A socket that closes takes messages and sends none.
      const wasOpen = this.#isOpen(self);
      const result = apply(native, self, args as never);
      if (wasOpen) this.#sent(self, args);
      return result;
    };
  }

  #made(object: object, begun: Begun | null): void {
    if (begun === null) return;
    try {
      const number = this.#events.nextNumber();
      const url = withoutFragment(read(socket.url, object) as string);
      apply(set, this.#numbers, [object, number]);
      this.#events.call({ ...begun, api: "websocket", number, url, method: "GET", body: null });
      const target = object as EventTarget;
      listen(target, "open", this.#onOpen);
      listen(target, "message", this.#onMessage);
      listen(target, "close", this.#onClose);
    } catch {
      this.#events.lose();
    }
  }

  #isOpen(object: unknown): boolean {
    return this.#events.hasMessages && read(socket.readyState, object) === OPEN;
  }

  #sent(object: unknown, args: ArrayLike<unknown>): void {
    const number = apply(get, this.#numbers, [object as object]) as number | undefined;
    if (number !== undefined && args.length > 0) this.#message("websocket_sent", number, args[0]);
  }

  #message(type: string, number: number, data: unknown): void {
    try {
      if (typeof data === "string") {
        this.#events.message(type, "websocket", number, `,"opcode":${TEXT},"length":${data.length}`, data);
        return;
      }
      const bytes =
        read(blobSize, data) ??
        read(bufferLength, data) ??
        read(viewLength, data) ??
        read(dataViewLength, data);
      // Any other object was sent as its text, and asking for that again would run code of the page.
      const fields =
        typeof bytes === "number"
          ? `,"opcode":${BINARY},"length":${bytes}`
          : `,"opcode":${TEXT},"length":null`;
      this.#events.message(type, "websocket", number, fields, null);
    } catch {
      this.#events.lose();
    }
  }

  /** Returns the number of the socket that an event of the browser is about; undefined for one of the page. */
  #numberOf(event: Event): number | undefined {
    if (!event.isTrusted) return undefined;
    return apply(get, this.#numbers, [read(currentTarget, event) as object]) as number | undefined;
  }

  readonly #onOpen = (event: Event): void => {
    const number = this.#numberOf(event);
    if (number === undefined || !this.#events.hasMessages) return;
    try {
      const object = read(currentTarget, event);
      const protocol = quote(read(socket.protocol, object) as string);
      const extensions = quote(read(socket.extensions, object) as string);
      const fields = `,"protocol":${protocol},"extensions":${extensions}`;
      this.#events.message("websocket_opened", "websocket", number, fields, null);
    } catch {
      this.#events.lose();
    }
  };

  readonly #onMessage = (event: MessageEvent): void => {
    if (!this.#events.isOn) return;
    const number = this.#numberOf(event);
    if (number === undefined) return;
    this.#events.dispatched(number, event);
    if (this.#events.hasMessages) this.#message("websocket_received", number, read(messageData, event));
  };

  readonly #onClose = (event: CloseEvent): void => {
    const number = this.#numberOf(event);
    if (number === undefined || !this.#events.isOn) return;
    this.#events.dispatched(number, event);
    try {
      const url = read(socket.url, read(currentTarget, event)) as string;
      const code = read(close.code, event) as number;
      const reason = read(close.reason, event) as string;
      this.#events.closed(number, withoutFragment(url), code, reason, read(close.wasClean, event) === true);
    } catch {
      this.#events.lose();
    }
  };
}
