/** What a cache that is opened after a power loss must bring back, and may bring back, cell by cell. */
import { demand } from './failure.js';
import type { Model } from './model.js';

export class AfterPowerLoss {
  readonly #model: Model;
  readonly #kept: Int32Array;
  /** The tags that each cell may have; null: any. */
  readonly #allowed: readonly (readonly number[] | null)[];
  readonly #recovered = new Map<number, number>();

  /** `kept`: the tags that the device has, by cell. */
  constructor(
    model: Model,
    kept: Int32Array,
    floorOf: (cell: number) => number,
    isAnything: (cell: number) => boolean,
  ) {
    this.#model = model;
    this.#kept = kept.slice();
    this.#allowed = Array.from({ length: model.cells }, (_, cell) => {
      return isAnything(cell) ? null : model.candidates(cell, floorOf(cell));
    });
  }

  /** What has been brought back, tags by cells. */
  get broughtBack(): ReadonlyMap<number, number> {
    return this.#recovered;
  }

  /** A cell is brought back from the journal. */
  recovered(cell: number, tag: number): void {
    demand(this.#allows(cell, tag), () => this.#complaint(cell, tag, 'is brought back'));
    this.#recovered.set(cell, tag);
  }

  /** The cache is open: whatever was to come back must be there. */
  check(): void {
    for (let cell = 0; cell < this.#model.cells; cell++) {
      const kept = this.#kept[cell];
      demand(this.#recovered.has(cell) || this.#allows(cell, kept), () => this.#complaint(cell, kept, 'is left'));
    }
  }

  /** From here on what was left and brought back is all that the model knows. */
  apply(): void {
    for (let cell = 0; cell < this.#model.cells; cell++) {
      const tag = this.#recovered.get(cell);
      this.#model.reset(cell, this.#kept[cell]);
      if (tag === undefined) continue;
      this.#model.write(cell, tag);
      this.#model.acknowledge(cell, this.#model.moment);
    }
  }

  #allows(cell: number, tag: number): boolean {
    return this.#allowed[cell]?.includes(tag) !== false;
  }

  #complaint(cell: number, tag: number, how: string): string {
    const allowed = this.#allowed[cell]?.slice(-MENTIONED).join(', ');
    return `after the power loss cell ${cell} ${how} as ${tag}, not as ${allowed}: ${this.#model.tell(cell)}`;
  }
}

const MENTIONED = 6;
