/**
 * What each cell may hold, as the callers were told: a plain list of the values that it has had, each with the moment from
 * which it had it, back to the newest that is known to be durable. Moments are a count of changes, not a time.
 */
import { demand } from './failure.js';

/** Of a discarded cell: anything. Tags below it stand for sets of tags: one of them, and nobody knows which. */
const ANYTHING = -1;

export class Model {
  /** The newest moment. */
  moment = 0;
  readonly #now: Int32Array;
  readonly #since: Float64Array;
  /** Earlier values: since, tag, since, tag, … in order. */
  readonly #earlier: number[][];
  /** What was the value at this moment, or something newer, is durable. */
  readonly #floor: Float64Array;
  /** The same for what a durable journal would put back. */
  readonly #acknowledged: Float64Array;
  /** What the device may hold of a cell although the cache holds another: since, tag, … */
  readonly #beneath = new Map<number, number[]>();
  readonly #sets: (readonly number[])[] = [];

  constructor(readonly cells: number) {
    this.#now = new Int32Array(cells);
    this.#since = new Float64Array(cells);
    this.#floor = new Float64Array(cells);
    this.#acknowledged = new Float64Array(cells);
    this.#earlier = Array.from({ length: cells }, () => []);
  }

  write(cell: number, tag: number): void {
    this.#earlier[cell].push(this.#since[cell], this.#now[cell]);
    this.#now[cell] = tag;
    this.#since[cell] = ++this.moment;
  }

  /** The cell is zero, or what it was. */
  maybeZero(cell: number): void {
    this.write(cell, this.#setOf([...this.#tagsOf(this.#now[cell]), 0]));
  }

  anything(cell: number): void {
    this.write(cell, ANYTHING);
  }

  /** The device may hold zero, or anything, of a cell that the cache knows better. */
  beneath(cell: number, kind: 'zero' | 'discard'): void {
    const entries = this.#beneath.get(cell) ?? [];
    entries.push(++this.moment, kind === 'zero' ? 0 : ANYTHING);
    this.#beneath.set(cell, entries);
  }

  /** The newest value is lost: the cell is whatever the device has of it. */
  revert(cell: number): void {
    const tags = this.#tagsOf(this.#now[cell]);
    const earlier = this.#earlier[cell];
    let start = this.#since[cell];
    for (let at = earlier.length - 2; at >= 0 && start > this.#floor[cell]; at -= 2) {
      tags.push(...this.#tagsOf(earlier[at + 1]));
      start = earlier[at];
    }
    const beneath = this.#beneath.get(cell) ?? [];
    for (let at = 0; at < beneath.length; at += 2) {
      if (beneath[at] > this.#floor[cell]) tags.push(...this.#tagsOf(beneath[at + 1]));
    }
    this.write(cell, this.#setOf(tags));
  }

  /** A read that began at a moment and ends now may see this. */
  mayRead(cell: number, tag: number, from: number): boolean {
    if (this.#now[cell] === tag) return true;
    return this.#wasSince(cell, tag, from);
  }

  /** Nobody knew which of several values the cell has had since a moment, and now it has been seen: it stays that. */
  settle(cell: number, tag: number, from: number): void {
    if (this.#now[cell] < ANYTHING && this.#since[cell] <= from) this.write(cell, tag);
  }

  isUnknown(cell: number): boolean {
    return this.#now[cell] < ANYTHING;
  }

  /** Nobody knows what the device has of the cell. */
  isDoubtful(cell: number): boolean {
    return this.#now[cell] <= ANYTHING;
  }

  /** The newest value of the cell is this. */
  is(cell: number, tag: number): boolean {
    return this.#matches(this.#now[cell], tag);
  }

  /** What the device keeps without power may be this, if all up to a moment is durable. */
  mayKeep(cell: number, tag: number, floor: number): boolean {
    if (this.mayRead(cell, tag, floor)) return true;
    const beneath = this.#beneath.get(cell);
    if (beneath === undefined) return false;
    for (let at = 0; at < beneath.length; at += 2) {
      if (beneath[at] > floor && this.#matches(beneath[at + 1], tag)) return true;
    }
    return false;
  }

  /** All that the cell may be if what it was at a moment is durable: null if that is anything. */
  candidates(cell: number, floor: number): readonly number[] | null {
    const values = [this.#now[cell]];
    const earlier = this.#earlier[cell];
    let start = this.#since[cell];
    for (let at = earlier.length - 2; at >= 0 && start > floor; at -= 2) {
      values.push(earlier[at + 1]);
      start = earlier[at];
    }
    const beneath = this.#beneath.get(cell) ?? [];
    for (let at = 0; at < beneath.length; at += 2) if (beneath[at] > floor) values.push(beneath[at + 1]);
    return values.includes(ANYTHING) ? null : values.reverse().flatMap((value) => this.#tagsOf(value));
  }

  floorOf(cell: number): number {
    return this.#floor[cell];
  }

  acknowledge(cell: number, at: number): void {
    if (at > this.#acknowledged[cell]) this.#acknowledged[cell] = at;
  }

  acknowledgedOf(cell: number): number {
    return this.#acknowledged[cell];
  }

  /** Somebody was told that the cell's value at a moment is durable. `oldest`: reads that began later are all there are. */
  durable(cell: number, at: number, oldest: number): void {
    if (at > this.#floor[cell]) this.#floor[cell] = at;
    this.#trim(cell, Math.min(this.#floor[cell], oldest));
  }

  /** The power was lost, and this is what the device kept: durable, and all there is. */
  reset(cell: number, tag: number): void {
    this.#earlier[cell].length = 0;
    this.#beneath.delete(cell);
    this.#now[cell] = tag;
    this.#since[cell] = ++this.moment;
    this.#floor[cell] = this.moment;
  }

  tell(cell: number): string {
    const earlier = this.#earlier[cell];
    const values: string[] = [];
    for (let at = 0; at < earlier.length; at += 2) values.push(`${this.#name(earlier[at + 1])} from ${earlier[at]}`);
    values.push(`${this.#name(this.#now[cell])} from ${this.#since[cell]}`);
    return `${values.slice(-TOLD).join(', ')}; durable up to ${this.#floor[cell]}`;
  }

  #wasSince(cell: number, tag: number, from: number): boolean {
    if (this.#matches(this.#now[cell], tag)) return true;
    const earlier = this.#earlier[cell];
    let start = this.#since[cell];
    for (let at = earlier.length - 2; at >= 0 && start > from; at -= 2) {
      if (this.#matches(earlier[at + 1], tag)) return true;
      start = earlier[at];
    }
    return false;
  }

  #trim(cell: number, from: number): void {
    const earlier = this.#earlier[cell];
    let drop = 0;
    while (drop < earlier.length && (earlier[drop + 2] ?? this.#since[cell]) <= from) drop += 2;
    if (drop > 0) earlier.splice(0, drop);
  }

  #matches(value: number, tag: number): boolean {
    return value === tag || value === ANYTHING || (value < ANYTHING && this.#sets[-value - 2].includes(tag));
  }

  #tagsOf(value: number): number[] {
    return value < ANYTHING ? [...this.#sets[-value - 2]] : [value];
  }

  #setOf(tags: readonly number[]): number {
    const unique = [...new Set(tags)];
    demand(unique.length > 0, 'a cell has a value');
    if (unique.includes(ANYTHING)) return ANYTHING;
    if (unique.length === 1) return unique[0];
    this.#sets.push(unique);
    return -this.#sets.length - 1;
  }

  #name(value: number): string {
    if (value === ANYTHING) return 'anything';
    return value < ANYTHING ? `one of ${this.#sets[-value - 2].join('/')}` : String(value);
  }
}

const TOLD = 6;
