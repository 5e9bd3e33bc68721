/** Makes snapshots of a live cache for its journal, between its decisions, one at a time and not too many. */
import type { CacheState } from '../../cache/state.js';
import type { CancelTimer, Clock } from '../clock.js';
import type { Digester } from './chain.js';
import { encodeSnapshot, type SnapshotPlace } from './snapshot.js';
import { removeSnapshotsBefore, writeSnapshot } from './snapshots.js';

/** Beyond the first MiB, snapshots take at most one part in so many of the journal's bytes. */
const JOURNAL_BYTES_A_BYTE = 8;
const ALLOWANCE_BYTES = 1 << 20;

export interface SnapshotSettings {
  readonly clock: Clock;
  readonly snapshotEvents: number;
  readonly digester: Digester;
}

export class SnapshotWriter {
  readonly #directory: string;
  readonly #settings: SnapshotSettings;
  /** Ends the frame that is being filled; null if the journal is not at what the state is at. */
  readonly #standing: () => SnapshotPlace | null;
  #state: CacheState | null = null;
  #lastSeq: number;
  /** Of the last one, and of all. */
  #lastBytes = 0;
  #bytes = 0;
  #timer: CancelTimer | null = null;
  /** Files being written or removed. */
  #work: Promise<void> = Promise.resolve();

  constructor(directory: string, settings: SnapshotSettings, lastSeq: number, standing: () => SnapshotPlace | null) {
    this.#directory = directory;
    this.#settings = settings;
    this.#lastSeq = lastSeq;
    this.#standing = standing;
  }

  /** The state that the journal's events are folded into. */
  attach(state: CacheState): void {
    this.#state = state;
  }

  /** After each frame: a snapshot is due when there has been enough since the last. */
  note(seq: number, journalBytes: number): void {
    if (this.#state === null || this.#timer !== null) return;
    if (seq - this.#lastSeq < this.#settings.snapshotEvents) return;
    if (this.#bytes + this.#lastBytes > ALLOWANCE_BYTES + journalBytes / JOURNAL_BYTES_A_BYTE) return;
    const { clock } = this.#settings;
    // Not at once: a frame can be full in the middle of a decision, when the state is behind the journal.
    this.#timer = clock.setTimer(clock.turn(), false, () => {
      // Still set while it is made, which ends a frame.
      this.#make();
      this.#timer = null;
    });
  }

  /** Segments up to an event are gone, and with them what their snapshots stood on. */
  expire(goneSeq: number): void {
    this.#do(() => removeSnapshotsBefore(this.#directory, goneSeq + 1));
  }

  async close(): Promise<void> {
    this.#timer?.();
    this.#timer = null;
    this.#state = null;
    await this.#work;
  }

  #make(): void {
    const state = this.#state;
    const place = this.#standing();
    if (state === null || place === null || place.seq !== state.seq) return;
    const bytes = encodeSnapshot(state, place, this.#settings.digester);
    this.#lastSeq = state.seq;
    this.#lastBytes = bytes.length;
    this.#bytes += bytes.length;
    this.#do(() => writeSnapshot(this.#directory, place.seq, bytes));
  }

  /** What fails is not told: a snapshot only saves time, and a journal that cannot be written says so itself. */
  #do(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch(() => undefined);
  }
}
