/**
 * When a commit counts as done. `relaxed`, the default: when the operating system has it, which outlives the death of
 * the worker and of the whole browser; a loss of power may take the last seconds. `strict`: when the disk has it, at
 * the price of a sync a commit. See docs/durability.md for what that costs.
 */
export type Durability = "relaxed" | "strict";
