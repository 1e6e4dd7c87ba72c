/**
 * The MAIN-world hook, run at `document_start` in every frame of a recorded site.
 *
 * It changes nothing until a relay has taken its channel. It leaves no name on any object of the page, and goes
 * away when the relay says so: what the page has not replaced since becomes the page's own again.
 */
import { ASK, type HookConfig, LEAVING, OFFER, type RelayToHook } from "../protocol.ts";
import { Causes, type Interaction } from "./causes.ts";
import { ConsoleHook } from "./console.ts";
import { ErrorHook } from "./errors.ts";
import { FetchFailures } from "./fetch_failures.ts";
import { Inspector } from "./inspect.ts";
import { Mask, type Undo } from "./mask.ts";
import {
  apply,
  customEventDetail,
  listen,
  offer,
  parse,
  read,
  relatedTarget,
  send,
  unlisten,
} from "./natives.ts";
import { Outbox } from "./outbox.ts";
import { Proxies } from "./proxies.ts";
import { RequestHook } from "./requests.ts";
import { watchRewriting } from "./rewriting.ts";
import { share } from "./shared_realm.ts";

type Hook = ReturnType<typeof install>;

function install(channel: EventTarget, first: HookConfig, peer: EventTarget | null) {
  const outbox = new Outbox(channel);
  const shared = share(channel, peer, !first.late);
  const mask = new Mask(shared.originals);
  const proxies = new Proxies(shared);
  const inspect = new Inspector(proxies, shared);
  const failures = new FetchFailures(inspect);
  const causes = new Causes(failures);
  const consoleHook = new ConsoleHook(inspect, outbox, causes, first);
  const errors = new ErrorHook(inspect, outbox, causes, first);
  const undoProxies = first.late ? null : proxies.watch(mask);
  const undoConsole = consoleHook.install(mask, console);
  // A hook that came late was already reported by the relay.
  if (!proxies.complete && !first.late) send(channel, "limited", "objects_closed");
  if (!consoleHook.complete) send(channel, "limited", "console_not_hookable");
  errors.install();
  causes.install();
  const requests = new RequestHook({ inspect, proxies, mask, outbox, causes, failures }, first, () =>
    send(channel, "limited", "requests_not_hookable"),
  );
  const undoClosing = watchClosing(mask, () => send(channel, "closing", ""));
  const undoRewriting = watchRewriting(mask, () => send(channel, "rewritten", ""));
  return {
    configure(config: HookConfig) {
      consoleHook.configure(config);
      errors.configure(config);
      requests.configure(config);
    },
    report: (interaction: Interaction) => causes.report(interaction),
    rearm() {
      errors.install();
      causes.install();
    },
    drain(isLeaving: boolean) {
      if (isLeaving) requests.finish();
      outbox.drain(isLeaving);
    },
    retire() {
      requests.finish();
      outbox.flush();
      errors.remove();
      causes.remove();
      requests.remove();
      undoRewriting?.();
      undoClosing?.();
      undoConsole?.();
      undoProxies?.();
      mask.restore();
      const off: HookConfig = { ...first, console: "off", requests: "off", details: false };
      consoleHook.configure(off);
      requests.configure(off);
    },
  };
}

/** Calls `onClosing` before a window is closed by a script of its own origin. */
function watchClosing(mask: Mask, onClosing: () => void): Undo | null {
  return mask.replace(window, "close", (native, self, args) => {
    onClosing();
    return apply(native, self, args as never);
  });
}

function main(): void {
  const channel = new EventTarget();
  let hook: Hook | null = null;
  let peer: EventTarget | null = null;

  const on = (type: RelayToHook, listener: (event: never) => void): void => listen(channel, type, listener);
  on("peer", (event: MouseEvent) => (peer = read(relatedTarget, event) as EventTarget | null));
  on("config", (event: CustomEvent) => {
    const config = parse(read(customEventDetail, event) as string) as HookConfig;
    if (hook === null) hook = install(channel, config, peer);
    else hook.configure(config);
  });
  on("interaction", (event: CustomEvent) =>
    hook?.report(parse(read(customEventDetail, event) as string) as Interaction),
  );
  on("rearm", () => hook?.rearm());
  on("drain", (event: CustomEvent) => hook?.drain(read(customEventDetail, event) === LEAVING));
  on("retire", () => hook?.retire());

  if (offer(window, OFFER, channel)) return;
  // The relay's script comes second: it asks, before any script of the page runs.
  const answer = (): void => {
    unlisten(window, ASK, answer);
    offer(window, OFFER, channel);
  };
  listen(window, ASK, answer);
}

main();
