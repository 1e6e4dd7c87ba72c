/** The messages between a page's relay and the worker, on the relay's port. */

/** The name of a relay's port to the worker, different from the ports of an extension that has imported us. */
export const RELAY_PORT = "tabtape_relay";

/** Events, numbered from `first`, a line each. */
export interface RelayMessage {
  relay: string;
  first: number;
  lines: string;
  /** The relay has more that it has not sent. */
  more?: boolean;
  /** Messages that are not acknowledged, if they are many. */
  queued?: number;
}

/** The page's cost of its events since its last report. */
interface CostReport {
  events?: number;
  micros?: number;
}

/** A relay's document is left, and everything up to message `left` was sent. */
export interface LeftMessage extends CostReport {
  relay: string;
  left: number;
  acked: number;
}

/** A relay answers a ping: everything up to message `sent` was sent, and nothing else has been said. */
export interface PongMessage extends CostReport {
  relay: string;
  pong: number;
  sent: number;
  acked: number;
}

/** A script closes the window of a relay's document. */
export interface ClosingMessage {
  relay: string;
  closing: true;
}

export type ToWorker = RelayMessage | LeftMessage | PongMessage | ClosingMessage;

export interface FromWorker {
  ack?: number;
  /** Numbers of details, and the seqs of the committed events that they belong to. */
  seqs?: [id: number, seq: number][];
  /** Send the details that are kept. */
  hand_over?: true;
  config?: unknown;
  stop?: true;
  /** Is there anything that was not sent? See `worker/relays/heartbeat.ts`. */
  ping?: number;
}
