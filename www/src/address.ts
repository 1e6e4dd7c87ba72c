/**
 * The address holds the viewer's state, so that a view can be shared, bookmarked and returned to.
 *
 * `?session=…&q=…&from=…&to=…&seq=…&compare=…&view=…`. It never holds a token.
 */
export interface AddressState {
  session: string | null;
  q: string;
  /** Unix microseconds, inclusive. */
  from: number | null;
  to: number | null;
  /** The selected record. */
  seq: number | null;
  /** The other session of a comparison. */
  compare: string | null;
  /** The network table in place of the list of events. */
  view: "network" | null;
}

export function readAddress(search: string): AddressState {
  const p = new URLSearchParams(search);
  const whole = (name: string): number | null => {
    const text = p.get(name);
    const n = text === null || text === "" ? Number.NaN : Number(text);
    return Number.isSafeInteger(n) && n >= 0 ? n : null;
  };
  return {
    session: p.get("session"),
    q: p.get("q") ?? "",
    from: whole("from"),
    to: whole("to"),
    seq: whole("seq"),
    compare: p.get("compare"),
    view: p.get("view") === "network" ? "network" : null,
  };
}

export function addressOf(state: AddressState): string {
  const p = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== null && value !== "") p.set(name, String(value));
  }
  const text = p.toString();
  return text === "" ? "?" : `?${text}`;
}

/** Makes the present state a place that the browser's back button returns to. */
export function pushAddress(): void {
  history.pushState(null, "", location.href);
}
