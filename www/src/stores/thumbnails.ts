/**
 * Small pictures of the screenshots in view, made in this page: an image is read, drawn small, and released.
 *
 * They are read one after another, in the order in which they were asked for.
 */
import { type Signal, signal } from "@preact/signals";
import { asNumber, asObject, asString, eventsIn } from "../data/record";
import type { DataSource } from "../data/source";

/** The form of `captureVisibleTab`'s images; no other image is shown. */
const IMAGE = /^data:image\/(?:jpeg|png);base64,[A-Za-z0-9+/=]+$/;
const WIDTH_PX = 128;
const QUALITY = 0.7;
/** That of `.screenshot-click`. */
const CLICK_COLOR = "#e5006d";
/** About 5 KB each. */
const MOST_KEPT = 400;

export interface Thumbnail {
  /** A small image, or null if the screenshot has none. */
  image: string | null;
  /** Why there is no image, or why the screenshot was taken. */
  why: string;
}

/** The contents of a `page.screenshot`. */
export interface Picture {
  /** The address of the image, or null if this record has none. */
  image: string | null;
  why: string;
  /** The seq of the record with the same image. */
  sameAs: number | undefined;
  /** The place of the click, in parts of the image's width and height. */
  click: { x: number; y: number } | undefined;
}

export function pictureOf(data: Record<string, unknown>): Picture {
  const image = asString(data.image) ?? "";
  const { x_fraction, y_fraction } = asObject(data.click);
  const x = asNumber(x_fraction);
  const y = asNumber(y_fraction);
  return {
    image: IMAGE.test(image) ? image : null,
    why: asString(data.error) ?? (asString(data.why) ?? "").replaceAll("_", " "),
    sameAs: asNumber(data.same_as),
    click: x === undefined || y === undefined ? undefined : { x, y },
  };
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

  /** Reads a screenshot, with the image of the record that it refers to. */
  async read(session: string, seq: number): Promise<Picture> {
    const picture = pictureOf(await this.#data(session, seq));
    if (picture.sameAs === undefined) return picture;
    return { ...picture, image: pictureOf(await this.#data(session, picture.sameAs)).image };
  }

  async #data(session: string, seq: number): Promise<Record<string, unknown>> {
    const query = { session, q: "" };
    const { lines } = await this.source.read(query, this.source.cursorBefore(query, seq), 1);
    const [found] = eventsIn(lines);
    return found?.seq === seq ? asObject(found.event.data) : {};
  }

  async #make(key: string, session: string, seq: number): Promise<void> {
    try {
      const picture = await this.read(session, seq);
      const image = picture.image === null ? null : await shrunk(picture);
      this.#made.set(key, { image, why: picture.why });
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

async function shrunk({ image, click }: Picture): Promise<string | null> {
  const full = new Image();
  full.src = image ?? "";
  try {
    await full.decode();
  } catch {
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH_PX;
  canvas.height = Math.max(1, Math.round((full.naturalHeight / full.naturalWidth) * WIDTH_PX));
  const context = canvas.getContext("2d");
  context?.drawImage(full, 0, 0, canvas.width, canvas.height);
  if (click !== undefined && context !== null) {
    context.arc(click.x * canvas.width, click.y * canvas.height, 6, 0, 2 * Math.PI);
    context.lineWidth = 3;
    context.strokeStyle = CLICK_COLOR;
    context.stroke();
  }
  return canvas.toDataURL("image/jpeg", QUALITY);
}
