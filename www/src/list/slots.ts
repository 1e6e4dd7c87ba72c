/**
 * Which element shows which row: elements are used again, because to make and lay out fifty new ones a frame is
 * what a long scroll would otherwise spend its time on.
 *
 * A row keeps its element while it stays in view. After a jump to where none of the rows is in view, the
 * elements take the new rows in the order they stand in.
 */
export class Slots {
  private from = 0;
  private to = 0;
  private base = 0;
  private count = 1;

  /** The rows that are drawn next, `to` exclusive. */
  show(from: number, to: number): void {
    if (from >= this.to || to <= this.from || to - from > this.count) {
      this.base = from;
      this.count = Math.max(this.count, to - from);
    }
    this.from = from;
    this.to = to;
  }

  /** The slot of a row that is drawn. */
  of(row: number): number {
    const slot = (row - this.base) % this.count;
    return slot < 0 ? slot + this.count : slot;
  }
}
