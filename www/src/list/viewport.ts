/**
 * The visible rows of a list of equal rows, of any length.
 *
 * Browsers cap an element's height (Chromium at 2²⁵ px, Firefox near 17.9 M px), so a million rows of
 * 24 px do not fit everywhere. The scroller is therefore at most `MAX_PHYSICAL_PX` high: a small
 * movement of it moves the rows by as much, a large one (the scroll bar dragged) by its share of the
 * whole, and after it comes to rest the bar is moved to its proper place. SlickGrid made the idea known.
 *
 * Why not a library: `@tanstack/virtual-core` 3.19 rebuilds its measurements at each append, 55 ms at a
 * million rows in Node 20, and neither it nor virtua goes beyond the browser's cap.
 */
export const MAX_PHYSICAL_PX = 8_000_000;

export class Viewport {
  rows = 0;
  /** The top of the visible part, in pixels of the whole list. */
  top = 0;
  private physicalTop = 0;

  /** `height` is that of the visible part. */
  constructor(
    readonly rowHeight: number,
    public height = 0,
  ) {}

  get virtualHeight(): number {
    return this.rows * this.rowHeight;
  }

  get physicalHeight(): number {
    return Math.min(this.virtualHeight, MAX_PHYSICAL_PX);
  }

  private get scaled(): boolean {
    return this.virtualHeight > MAX_PHYSICAL_PX;
  }

  get maxTop(): number {
    return Math.max(0, this.virtualHeight - this.height);
  }

  private get maxPhysicalTop(): number {
    return Math.max(0, this.physicalHeight - this.height);
  }

  /** Added to a row's place in the whole list, it gives the place in the scroller. */
  get shift(): number {
    return this.physicalTop - this.top;
  }

  /** The scroller has moved to `physicalTop`. */
  scrolled(physicalTop: number): void {
    const moved = physicalTop - this.physicalTop;
    this.physicalTop = physicalTop;
    if (!this.scaled) {
      this.top = physicalTop;
    } else if (physicalTop <= 0) {
      this.top = 0;
    } else if (physicalTop >= this.maxPhysicalTop) {
      this.top = this.maxTop;
    } else if (Math.abs(moved) <= this.height * 2) {
      this.top = clamp(this.top + moved, 0, this.maxTop);
    } else {
      this.top = (physicalTop / this.maxPhysicalTop) * this.maxTop;
    }
  }

  /** Moves to `top`; returns where the scroller has to be put. */
  moveTo(top: number): number {
    this.top = clamp(top, 0, this.maxTop);
    this.physicalTop = this.scaled
      ? Math.round((this.top / Math.max(1, this.maxTop)) * this.maxPhysicalTop)
      : this.top;
    return this.physicalTop;
  }

  /** The smallest movement that shows row `i` whole. */
  topToShow(i: number): number {
    const y = i * this.rowHeight;
    if (y < this.top) return y;
    if (y + this.rowHeight > this.top + this.height) return y + this.rowHeight - this.height;
    return this.top;
  }

  get atEnd(): boolean {
    return this.top >= this.maxTop - this.rowHeight / 2;
  }

  /** Rows to draw, with some above and below. */
  range(over: number): { from: number; to: number } {
    const first = Math.floor(this.top / this.rowHeight);
    const last = Math.ceil((this.top + this.height) / this.rowHeight);
    return { from: Math.max(0, first - over), to: Math.min(this.rows, last + over) };
  }

  get page(): number {
    return Math.max(1, Math.floor(this.height / this.rowHeight) - 1);
  }
}

function clamp(n: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, n));
}
