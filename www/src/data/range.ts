/** A stretch of time in Unix microseconds, both ends inclusive. */
export interface Range {
  from: number;
  to: number;
}
