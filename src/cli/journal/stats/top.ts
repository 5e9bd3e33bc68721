/** Counts by key, in bounded memory: when there are too many keys, those with the lowest counts are forgotten. */

const KEYS_MAX = 100_000;

export class Top<Key, Count extends Record<string, number>> {
  readonly #counts = new Map<Key, Count>();
  readonly #fresh: () => Count;
  /** Keys have been forgotten: counts may be too low, and only those of frequent keys are worth something. */
  isPartial = false;

  constructor(fresh: () => Count) {
    this.#fresh = fresh;
  }

  of(key: Key): Count {
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    if (this.#counts.size >= KEYS_MAX) this.#forget();
    const count = this.#fresh();
    this.#counts.set(key, count);
    return count;
  }

  list(most: number): { readonly key: Key; readonly counts: Count }[] {
    return this.#sorted()
      .slice(0, most)
      .map(([key, counts]) => ({ key, counts }));
  }

  #forget(): void {
    this.isPartial = true;
    for (const [key] of this.#sorted().slice(KEYS_MAX / 2)) this.#counts.delete(key);
  }

  #sorted(): [Key, Count][] {
    const weight = (counts: Count) => Object.values(counts).reduce((sum, count) => sum + count, 0);
    return [...this.#counts].sort(([, a], [, b]) => weight(b) - weight(a));
  }
}
