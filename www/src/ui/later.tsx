/** Parts of the page that are loaded after the first paint. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { painted } from "../data/frames";

/** A module of components. The first of them on the page loads it, after a paint; the others wait for the same module. */
export class LaterParts<Parts> {
  #parts: Parts | null = null;
  #loading: Promise<Parts> | null = null;

  constructor(private readonly load: () => Promise<Parts>) {}

  /** Returns a component of the module. Until the module is loaded, its place is empty, as `placeClass` lays it out. */
  component<Props extends object>(
    placeClass: string,
    pick: (parts: Parts) => ComponentType<Props>,
  ): ComponentType<Props> {
    return (props: Props) => {
      const [hasFailed, setFailed] = useState(false);
      const [, setLoaded] = useState(this.#parts !== null);
      useEffect(() => {
        if (this.#parts !== null) return;
        let isGone = false;
        painted()
          .then(() => this.#loaded())
          .then(
            () => isGone || setLoaded(true),
            () => isGone || setFailed(true),
          );
        return () => {
          isGone = true;
        };
      }, []);
      if (this.#parts !== null) {
        const Part = pick(this.#parts);
        return <Part {...props} />;
      }
      if (!hasFailed) return <div class={placeClass} />;
      return (
        <div class={placeClass} role="alert">
          This part of the page could not be loaded. Reload the page.
        </div>
      );
    };
  }

  async #loaded(): Promise<Parts> {
    this.#loading ??= this.load();
    try {
      this.#parts = await this.#loading;
    } catch (error) {
      this.#loading = null;
      throw error;
    }
    return this.#parts;
  }
}
