/**
 * Times and sizes as people read them. All inputs are Unix microseconds unless named otherwise.
 *
 * Without `Intl`, whose data the browser takes 30 ms to load, before anything is shown.
 */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const pad = (n: number, width = 2): string => String(n).padStart(width, "0");

/** `14:03:22.481`, local time. */
export function clock(ts: number): string {
  const d = new Date(ts / 1000);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${pad(d.getMilliseconds(), 3)}`;
}

/** `2026-11-24 14:03:22.481`. */
export function dateTime(ts: number): string {
  const d = new Date(ts / 1000);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock(ts)}`;
}

/** `24 Nov`. */
export function dayAndMonth(ts: number): string {
  const d = new Date(ts / 1000);
  return `${d.getDate()} ${MONTHS[d.getMonth()]}`;
}

/** `24 Nov, 14:03`. */
function shortDate(ts: number): string {
  return `${dayAndMonth(ts)}, ${clock(ts).slice(0, 5)}`;
}

/** `Today 14:03`, `Yesterday 14:03`, `24 Nov, 14:03`. `now` in the same unit. */
export function dayOf(ts: number, now: number): string {
  const midnight = new Date(now / 1000).setHours(0, 0, 0, 0) * 1000;
  const yesterday = new Date(midnight / 1000 - 1).setHours(0, 0, 0, 0) * 1000;
  const time = clock(ts).slice(0, 5);
  if (ts >= midnight) return `Today ${time}`;
  if (ts >= yesterday) return `Yesterday ${time}`;
  return shortDate(ts);
}

/** `480 µs`, `12 ms`, `1.2 s`, `3 min 04 s`, `2 h 05 min`. */
export function duration(micros: number): string {
  const ms = micros / 1000;
  if (ms < 1) return `${Math.round(micros)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(2) : s.toFixed(1)} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min ${pad(Math.floor(s % 60))} s`;
  return `${Math.floor(min / 60)} h ${pad(min % 60)} min`;
}

/** `just now`, `4 min ago`, `yesterday 14:03`. `now` in the same unit. */
export function ago(ts: number, now: number): string {
  const s = (now - ts) / 1e6;
  if (s < 5) return "just now";
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return shortDate(ts);
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(n < 1e4 ? 1 : 0)} kB`;
  if (n < 1e9) return `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB`;
  return `${(n / 1e9).toFixed(1)} GB`;
}

/** Writes a number without fraction, with commas. */
export function count(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `950`, `12.3k`, `1.2M`: for narrow places. */
export function shortCount(n: number): string {
  if (n < 1000) return String(n);
  if (n < 1e6) return `${(n / 1e3).toFixed(n < 1e4 ? 1 : 0)}k`;
  return `${(n / 1e6).toFixed(1)}M`;
}
