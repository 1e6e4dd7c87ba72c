/**
 * The assignment of rows to elements. Elements are used again, because a long scroll would otherwise spend its
 * time on making and laying out fifty new ones per frame.
 *
 * A row keeps its element while it stays in view. After a jump that leaves no row in view, the elements take
 * the new rows in order.
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
