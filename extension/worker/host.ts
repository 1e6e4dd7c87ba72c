/** The host of a recorder: the differences between our own extension and another one that has imported it. */
import type { BadgeState } from "./recorder/badge.ts";

export interface Host {
  /** The folder of the recorder's files in this extension, with its slash; empty in our own. */
  readonly folder: string;
  /** Settings that are applied over what is stored whenever their text is a new one; null for none. */
  preconfiguration(): Promise<Preconfiguration | null>;
  /** Shows a person how recording goes. */
  show(state: BadgeState, detail?: string): Promise<void>;
}

export interface Preconfiguration {
  /** Its name in errors. */
  name: string;
  /** JSON. */
  text: string;
}
