/** A screenshot, with the click that it was taken of. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Envelope } from "../../../src/web/types";
import { asObject } from "../data/record";
import { useViewer } from "../state";
import { type Picture, pictureOf } from "../stores/thumbnails";
import { Part } from "./parts";

export function Screenshot({ envelope }: { envelope: Envelope }) {
  const viewer = useViewer();
  const { capture_session_id: session, seq } = envelope;
  const read = useSignal<Picture | null>(null);
  const own = pictureOf(asObject(envelope.event.data));
  useEffect(() => {
    read.value = null;
    if (own.sameAs === undefined) return;
    let isShown = true;
    const set = (picture: Picture | null) => {
      if (isShown) read.value = picture;
    };
    viewer.thumbnails.read(session, seq).then(set, () => set(null));
    return () => (isShown = false);
  }, [session, seq]);
  const { image } = read.value ?? own;
  if (image === null)
    return read.value === null ? null : (
      <p class="dim pane-wait">The picture that it refers to is not stored any more.</p>
    );
  return (
    <Part title="Screenshot">
      <span class="screenshot-frame">
        <img class="screenshot" src={image} alt={`The tab, ${own.why}`} />
        {own.click === undefined ? null : (
          <span
            class="screenshot-click"
            role="img"
            aria-label="The place of the click"
            style={{ left: `${own.click.x * 100}%`, top: `${own.click.y * 100}%` }}
          />
        )}
      </span>
    </Part>
  );
}
