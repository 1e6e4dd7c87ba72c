/**
 * The read token of this page.
 *
 * `tabtape serve` prints a link with a one-time code in the fragment, which browsers never send. The
 * code is exchanged once for a token that lives in this tab's sessionStorage, and the fragment is
 * cleared before anything else happens, so that neither history nor a shared address carries it.
 */
import { asObject, asString } from "./record";
import { SourceError } from "./source";

const KEY = "tabtape.token";

/** Returns the one-time code of the address, if there is one, and removes it there. */
export function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(history.state, "", location.pathname + location.search);
  return code;
}

export function storedToken(): string | null {
  return sessionStorage.getItem(KEY);
}

/** The browser blocks this page until it has read the storage: for the first rows, that is done after all requests. */
export function storeToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

/** Exchanges a code for a token. */
export async function exchange(base: string, code: string): Promise<string> {
  let reply: Response;
  try {
    reply = await fetch(new URL("/v1/viewer/session", base), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
      credentials: "omit",
    });
  } catch (cause) {
    throw new SourceError("no answer from the collector", "unreachable", { cause });
  }
  const body = asObject(await reply.json().catch(() => null));
  const token = asString(body.token);
  if (!reply.ok || token === undefined) {
    throw new SourceError(asString(body.detail) ?? `the collector answered ${reply.status}`, "unauthorized");
  }
  return token;
}
