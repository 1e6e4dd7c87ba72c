/**
 * Small pictures of the screenshots in view, made in this page: an image is read, drawn small, and released.
 *
 * They are read one after another, in the order in which they were asked for.
 */
import { type Signal, signal } from "@preact/signals";
import { asObject, asString, isGap, parseLine } from "../data/record";
import type { DataSource } from "../data/source";

/** The form of `captureVisibleTab`'s images; no other image is shown. */
export const IMAGE = /^data:image\/(?:jpeg|png);base64,[A-Za-z0-9+/=]+$/;
const WIDTH_PX = 128;
const QUALITY = 0.7;
/** About 5 KB each. */
const MOST_KEPT = 400;

export interface Thumbnail {
  /** A small image, or null if the screenshot has none. */
  image: string | null;
  /** Why there is no image, or why the screenshot was taken. */
  why: string;
}

export class Thumbnails {
  /** Changes when a thumbnail was made. */
  readonly version: Signal<number> = signal(0);
  readonly #made = new Map<string, Thumbnail>();
  #queue: Promise<void> = Promise.resolve();
  readonly #asked = new Set<string>();

  constructor(private readonly source: DataSource) {}

  find(session: string, seq: number): Thumbnail | undefined {
    void this.version.value;
    return this.#made.get(`${session} ${seq}`);
  }

  /** Makes a thumbnail that is not made or being made. */
  ask(session: string, seq: number): void {
    const key = `${session} ${seq}`;
    if (this.#made.has(key) || this.#asked.has(key)) return;
    this.#asked.add(key);
    this.#queue = this.#queue.then(() => this.#make(key, session, seq));
  }

  async #make(key: string, session: string, seq: number): Promise<void> {
    try {
      const query = { session, q: "" };
      const { lines } = await this.source.read(query, this.source.cursorBefore(query, seq), 1);
      const record = parseLine(lines[0] ?? "");
      const data = record === null || isGap(record) ? {} : asObject(record.event.data);
      const image = asString(data.image);
      const why = asString(data.error) ?? (asString(data.why) ?? "").replaceAll("_", " ");
      const small = image !== undefined && IMAGE.test(image) ? await shrunk(image) : null;
      this.#made.set(key, { image: small, why });
      const [oldest] = this.#made.keys();
      if (this.#made.size > MOST_KEPT && oldest !== undefined) this.#made.delete(oldest);
      this.version.value++;
    } catch {
      // It is asked for again when it is shown again; the list reports a source that does not answer.
    } finally {
      this.#asked.delete(key);
    }
  }
}

async function shrunk(image: string): Promise<string | null> {
  const full = new Image();
  full.src = image;
  try {
    await full.decode();
  } catch {
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH_PX;
  canvas.height = Math.max(1, Math.round((full.naturalHeight / full.naturalWidth) * WIDTH_PX));
  canvas.getContext("2d")?.drawImage(full, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", QUALITY);
}
