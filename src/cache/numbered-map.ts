/**
 * A map from ascending numbers (requests, device operations) to what is known of them, for entries that come and go all the
 * time: a few nanoseconds where a `Map` takes more than a hundred, because that rehashes as its deleted entries pile up.
 *
 * Hot: guarded by the `miss.clean` benchmark.
 */
import { assert } from '../device/errors.js';

const SLOTS_MIN = 16;
/** No number. */
const NONE = -1;

export class NumberedMap<T> {
  size = 0;
  #numbers: Float64Array = new Float64Array(SLOTS_MIN).fill(NONE);
  #values: (T | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  #mask = SLOTS_MIN - 1;

  get(number: number): T | undefined {
    const at = this.#find(number);
    return at === NONE ? undefined : this.#values[at];
  }

  has(number: number): boolean {
    return this.#find(number) !== NONE;
  }

  set(number: number, value: T): void {
    const known = this.#find(number);
    if (known !== NONE) {
      this.#values[known] = value;
      return;
    }
    if (this.size * 2 >= this.#numbers.length) this.#resize(this.#numbers.length * 2);
    this.#insert(number, value);
    this.size++;
  }

  delete(number: number): boolean {
    let hole = this.#find(number);
    if (hole === NONE) return false;
    for (let at = (hole + 1) & this.#mask; this.#numbers[at] !== NONE; at = (at + 1) & this.#mask) {
      const home = this.#numbers[at] & this.#mask;
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      this.#numbers[hole] = this.#numbers[at];
      this.#values[hole] = this.#values[at];
      hole = at;
    }
    this.#numbers[hole] = NONE;
    this.#values[hole] = undefined;
    this.size--;
    return true;
  }

  clear(): void {
    this.size = 0;
    this.#resize(SLOTS_MIN, false);
  }

  /** In ascending order of the numbers, as they were when this is called. */
  keys(): number[] {
    return Array.from(this.#numbers.filter((number) => number !== NONE)).sort((a, b) => a - b);
  }

  values(): T[] {
    return this.keys().map((number) => {
      const value = this.get(number);
      assert(value !== undefined, 'what is listed is known');
      return value;
    });
  }

  #find(number: number): number {
    // The low bits of a number above 2^32 come out right here as well.
    let at = number & this.#mask;
    while (this.#numbers[at] !== number) {
      if (this.#numbers[at] === NONE) return NONE;
      at = (at + 1) & this.#mask;
    }
    return at;
  }

  #insert(number: number, value: T): void {
    let at = number & this.#mask;
    while (this.#numbers[at] !== NONE) at = (at + 1) & this.#mask;
    this.#numbers[at] = number;
    this.#values[at] = value;
  }

  #resize(slots: number, keep = true): void {
    const numbers = this.#numbers;
    const values = this.#values;
    this.#numbers = new Float64Array(slots).fill(NONE);
    this.#values = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
    if (!keep) return;
    for (let at = 0; at < numbers.length; at++) {
      const value = values[at];
      if (numbers[at] !== NONE && value !== undefined) this.#insert(numbers[at], value);
    }
  }
}
