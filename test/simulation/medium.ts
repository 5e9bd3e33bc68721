/**
 * What the simulated device really holds, in tags: the pristine side, which no fault rule touches. Writes are in `current`
 * at once and in `durable` when a barrier has covered them; in between a power loss keeps what it likes of them.
 */
import { lossesOf } from './losses.js';
import type { Random } from './random.js';

export interface Change {
  readonly order: number;
  readonly cell: number;
  readonly tags: Int32Array;
  /** The device has said that it is done, so that the next barrier covers it. */
  acknowledged: boolean;
  /** Durable, or lost. */
  settled: boolean;
}

export class Medium {
  readonly current: Int32Array;
  readonly durable: Int32Array;
  /** The change that each durable cell came from: an older one can never land on it again. */
  readonly #durableOrder: Float64Array;
  #pending: Change[] = [];
  #order = 0;
  /** How often unsynced changes were lost. */
  losses = 0;
  /** Another after every change of what a power loss would leave. */
  version = 0;

  constructor(
    readonly cells: number,
    tags: Int32Array = new Int32Array(cells),
  ) {
    this.current = tags.slice();
    this.durable = tags.slice();
    this.#durableOrder = new Float64Array(cells);
  }

  apply(cell: number, tags: Int32Array): Change {
    this.current.set(tags, cell);
    this.version++;
    const change = { order: ++this.#order, cell, tags, acknowledged: false, settled: false };
    this.#pending.push(change);
    return change;
  }

  /** What a barrier that starts now covers: no more than it must. */
  acknowledged(): Change[] {
    return this.#pending.filter((change) => change.acknowledged);
  }

  makeDurable(changes: readonly Change[]): void {
    this.version++;
    for (const change of changes) {
      if (change.settled) continue;
      change.settled = true;
      for (let at = 0; at < change.tags.length; at++) this.#keep(change, at);
    }
    this.#pending = this.#pending.filter((change) => !change.settled);
  }

  /** Nothing that was done to the cell can be undone, or be done late. */
  isSettled(cell: number): boolean {
    return this.#pending.every(({ cell: first, tags }) => cell < first || cell >= first + tags.length);
  }

  /** As the page cache does when a sync fails: what was not durable is gone, and reads show what was there before. */
  lose(): void {
    this.losses++;
    this.version++;
    for (const change of this.#pending) change.settled = true;
    this.#pending = [];
    this.current.set(this.durable);
  }

  /** Of what no barrier has covered, each cell is kept or not by itself: lost, torn and reordered writes in one. */
  powerLoss(random: Random): void {
    const share = random.pick([0, 0.1, 0.5, 0.5, 0.9, 1]);
    for (const change of this.#pending) {
      for (let at = 0; at < change.tags.length; at++) if (random.chance(share)) this.#keep(change, at);
    }
    this.lose();
  }

  /**
   * What the device may hold if the power goes now, each once, by sectors of so many cells of what no barrier has covered: see
   * `lossesOf`. A medium that holds the same would go on from any of them.
   */
  cuts(sectorCells: number): Int32Array[] {
    const pieces = this.#pending.flatMap((change, group) => {
      const count = Math.ceil(change.tags.length / sectorCells);
      return Array.from({ length: count }, (_, index) => ({ change, group, from: index * sectorCells }));
    });
    const unique = new Map<string, Int32Array>();
    for (const isKept of lossesOf(pieces.map(({ group }) => group))) {
      const kept = this.#keptOf(
        pieces.filter((_, at) => isKept[at]),
        sectorCells,
      );
      unique.set(kept.join(), kept);
    }
    return [...unique.values()];
  }

  #keptOf(pieces: readonly { readonly change: Change; readonly from: number }[], sectorCells: number): Int32Array {
    const kept = this.durable.slice();
    const orders = this.#durableOrder.slice();
    for (const { change, from } of pieces) {
      const { order, cell, tags } = change;
      for (let at = from; at < Math.min(from + sectorCells, tags.length); at++) {
        if (orders[cell + at] >= order) continue;
        orders[cell + at] = order;
        kept[cell + at] = tags[at];
      }
    }
    return kept;
  }

  #keep(change: Change, at: number): void {
    const cell = change.cell + at;
    if (this.#durableOrder[cell] >= change.order) return;
    this.#durableOrder[cell] = change.order;
    this.durable[cell] = change.tags[at];
  }
}
