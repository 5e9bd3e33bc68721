/** Hits and misses over time, however long it is: when there are too many spans, neighbours become one. */
export interface Span {
  /** Milliseconds since 1970; the end is not included. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly hits: number;
  readonly misses: number;
}

const SPANS_MAX = 60;
const WIDTH_MS_FIRST = 1;

export class HitSeries {
  #startMs = 0;
  #widthMs = WIDTH_MS_FIRST;
  /** Pairs of hits and misses. */
  #spans: [hits: number, misses: number][] = [];

  add(ms: number, hits: number, misses: number): void {
    if (this.#spans.length === 0) this.#startMs = Math.floor(ms);
    let at = this.#indexOf(ms);
    while (at >= SPANS_MAX) {
      this.#widen();
      at = this.#indexOf(ms);
    }
    while (this.#spans.length <= at) this.#spans.push([0, 0]);
    this.#spans[at][0] += hits;
    this.#spans[at][1] += misses;
  }

  spans(): Span[] {
    return this.#spans.map(([hits, misses], at) => {
      const fromMs = this.#startMs + at * this.#widthMs;
      return { fromMs, toMs: fromMs + this.#widthMs, hits, misses };
    });
  }

  /** A clock that was set back between two caches counts as the first span. */
  #indexOf(ms: number): number {
    return Math.max(0, Math.floor((ms - this.#startMs) / this.#widthMs));
  }

  #widen(): void {
    this.#widthMs *= 2;
    const wider: [number, number][] = [];
    for (const [at, [hits, misses]] of this.#spans.entries()) {
      if (at % 2 === 0) wider.push([hits, misses]);
      else {
        wider[wider.length - 1][0] += hits;
        wider[wider.length - 1][1] += misses;
      }
    }
    this.#spans = wider;
  }
}
