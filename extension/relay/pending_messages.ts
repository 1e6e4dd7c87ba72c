/** The messages of one relay that are not acknowledged. */
export interface PendingMessages {
  relay: string;
  /** Number of the first message in the window. */
  first: number;
  /** In flight: numbered already. */
  window: string[];
  lanes: { category: string; lines: string[]; dropped: number }[];
}
