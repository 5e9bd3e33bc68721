/** Times of device operations in little memory: counts in buckets that are 2 % wide, so percentiles are 1 % off at most. */
export interface LatencySummary {
  readonly count: number;
  readonly meanNs: number;
  readonly minNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
}

const BUCKETS_PER_DOUBLING = 35;

export class Latencies {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  add(ns: number): void {
    const value = Math.max(1, ns);
    const bucket = Math.floor(Math.log2(value) * BUCKETS_PER_DOUBLING);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count++;
    this.#sum += value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** Null before there was any. */
  summary(): LatencySummary | null {
    if (this.#count === 0) return null;
    const sorted = [...this.#buckets].sort(([a], [b]) => a - b);
    const at = (share: number) => this.#percentile(sorted, share);
    return {
      count: this.#count,
      meanNs: Math.round(this.#sum / this.#count),
      minNs: this.#min,
      p50Ns: at(0.5),
      p90Ns: at(0.9),
      p99Ns: at(0.99),
      p999Ns: at(0.999),
      maxNs: this.#max,
    };
  }

  #percentile(sorted: readonly (readonly [bucket: number, count: number])[], share: number): number {
    const rank = Math.ceil(share * this.#count);
    let seen = 0;
    for (const [bucket, count] of sorted) {
      seen += count;
      if (seen < rank) continue;
      const middle = Math.round(2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING));
      return Math.min(this.#max, Math.max(this.#min, middle));
    }
    return this.#max;
  }
}
