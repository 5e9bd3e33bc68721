/**
 * What survives a power loss beside the device: a journal, of the mode that was drawn, on a disk of its own. The checker sees
 * every event before the journal gets it.
 */
import { hashState } from '../../src/cache/digest.js';
import { codeOf } from '../../src/device/errors.js';
import { loadNative } from '../../src/device/native.js';
import { stateAt } from '../../src/streams/journal/state-at.js';
import type { JournalRetention } from '../../src/streams/journal/types.js';
import { verifyJournal } from '../../src/streams/journal/verify.js';
import { JournalWriter } from '../../src/streams/journal/writer.js';
import type { JournalPlace } from '../../src/streams/options.js';
import type { Agenda } from './agenda.js';
import type { Checker } from './checker.js';
import { demand } from './failure.js';
import type { Random } from './random.js';
import { SimFiles } from './sim-files.js';

export interface JournalDrawn {
  readonly mode: 'audit' | 'durable';
  readonly bufferBytes: number;
  readonly bufferMs: number;
  readonly segmentBytes: number;
  readonly contentDigests: boolean;
  readonly syncNs: number;
  /** Old segments are deleted. */
  readonly retention?: JournalRetention;
  /** Events between snapshots. */
  readonly snapshotEvents?: number;
}

/** The first import of a module takes real time, which a simulated boot has none of. */
await loadNative();

/** Which checker each writer's events go to; the next new writer belongs to the checker that was set last. */
const taps = new WeakMap<JournalWriter, Checker | null>();
let nextTap: Checker | null = null;

const { append } = JournalWriter.prototype;
JournalWriter.prototype.append = function (event, payload) {
  if (!taps.has(this)) taps.set(this, nextTap);
  taps.get(this)?.append(event, payload);
  append.call(this, event, payload);
};

export class SimJournal {
  readonly #drawn: JournalDrawn;
  readonly files: SimFiles;
  #hasLost = false;

  constructor(drawn: JournalDrawn, files = new SimFiles(() => {})) {
    this.#drawn = drawn;
    this.files = files;
  }

  /** Every acknowledged write must be there after a power loss, not only what a flush has covered. */
  get keepsAcknowledged(): boolean {
    return this.#drawn.mode === 'durable';
  }

  get syncs(): number {
    return this.files.syncs;
  }

  /** For the cache that is opened next; its events go to the checker, if there is one, first. */
  place(agenda: Agenda, random: Random, checker: Checker | null): JournalPlace {
    const { syncNs, ...options } = this.#drawn;
    nextTap = checker;
    this.files.boot((done) => agenda.after(random.magnitude(syncNs / 10, syncNs), done));
    return { directory: this.files.directory, ...options };
  }

  /** With the process alone, what was written stays; with the machine, only what was synced does. */
  die(random: Random): void {
    this.files.powerOff();
    if (random.chance(0.3)) return;
    this.files.powerLoss(random);
    this.#hasLost = true;
  }

  /** The journal leads to the state that the cache was in after its last event, from a snapshot if there is one. */
  async demandState(seq: number, hash: string): Promise<void> {
    const { mode, retention, snapshotEvents } = this.#drawn;
    if (snapshotEvents === undefined || (this.#hasLost && mode === 'audit')) return;
    try {
      const { state } = await stateAt(this.files.directory, seq);
      demand(hashState(state) === hash, 'a snapshot leads to another state');
    } catch (error) {
      if (retention === undefined || codeOf(error) !== 'CACHETRAIL_JOURNAL_RANGE') throw error;
    }
  }

  /** Sums, chain and decisions. `torn`: a torn end is what a power loss may leave. */
  async verify(torn: boolean): Promise<void> {
    if (![...this.files.files.keys()].some((name) => name.endsWith('.ctj'))) return;
    // Nobody syncs an audit journal: what a power loss leaves of it is anything.
    if (this.#hasLost && this.#drawn.mode === 'audit') return;
    const { status, problems, divergence } = await verifyJournal(this.files.directory, { isAtRest: true });
    const isWell = status === 'sound' || (torn && status === 'torn');
    demand(isWell, () => `the journal is ${status}: ${problems[0]?.message ?? divergence?.message ?? ''}`);
  }

  end(): void {
    this.files.end();
  }
}
