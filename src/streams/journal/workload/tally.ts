/** Adds up what a cache costs, from its events and the state before each. */
import { Counters } from '../../../cache/counters.js';
import type { CacheEvent } from '../../../cache/events.js';
import type { CacheState } from '../../../cache/state.js';
import type { WorkloadFigures } from './types.js';

export class Tally {
  readonly #counters = new Counters();
  #readBlocks = 0;
  #readHits = 0;
  #blocksRead = 0;
  #bytesAccepted = 0;
  #admissionWaits = 0;
  #admissionWaitNs = 0;
  #elapsedNs = 0;

  /** `state` is that before the event. */
  accept(event: CacheEvent, state: CacheState): void {
    switch (event.type) {
      case 'read':
        this.#readBlocks += event.count;
        this.#readHits += event.count;
        return;
      case 'readMissed':
        this.#readBlocks += event.count;
        this.#readHits += event.hits;
        return;
      case 'fillFinished':
        this.#blocksRead += event.count;
        return;
      case 'written':
        this.#bytesAccepted += event.length;
        if (event.cause !== 0) this.#admitted(event.op, event.at, state);
        return;
      case 'borrowed':
        if (event.cause !== 0) this.#admitted(event.op, event.at, state);
        return;
    }
  }

  /** What a cache has counted before it is looked at. */
  leaveOut({ counters }: CacheState): void {
    for (const name of Object.keys(counters)) {
      if (isCounter(counters, name)) this.#counters[name] -= counters[name];
    }
  }

  /** A cache of the journal has come to its end. */
  addCache({ counters }: CacheState, elapsedNs: number): void {
    for (const name of Object.keys(counters)) {
      if (isCounter(counters, name)) this.#counters[name] += counters[name];
    }
    this.#elapsedNs += elapsedNs;
  }

  figures(): WorkloadFigures {
    const { hits, misses, deviceWrites, bytesWritten, writebackBlocks } = this.#counters;
    const { requests, reads, writes, flushes, deviceReads, barriers, clears, bytesRead, batches } = this.#counters;
    const { evictions, refusals, retries, splits, parks } = this.#counters;
    const { readErrors, writeErrors, barrierErrors, clearErrors } = this.#counters;
    return {
      ...{ requests, reads, writes, flushes, deviceReads, deviceWrites, barriers, clears, bytesRead, bytesWritten },
      ...{ batches, evictions, refusals, retries, splits, parks },
      readBlocks: this.#readBlocks,
      readHits: this.#readHits,
      readHitRatio: this.#readBlocks === 0 ? 1 : this.#readHits / this.#readBlocks,
      hitRatio: hits + misses === 0 ? 0 : hits / (hits + misses),
      blocksRead: this.#blocksRead,
      blocksWritten: writebackBlocks,
      meanRunBlocks: deviceWrites === 0 ? 0 : writebackBlocks / deviceWrites,
      bytesAccepted: this.#bytesAccepted,
      writeAmplification: this.#bytesAccepted === 0 ? 0 : bytesWritten / this.#bytesAccepted,
      admissionWaits: this.#admissionWaits,
      admissionWaitNs: this.#admissionWaitNs,
      deviceErrors: readErrors + writeErrors + barrierErrors + clearErrors,
      elapsedNs: this.#elapsedNs,
    };
  }

  /** What is queued and admitted by one decision has not waited. */
  #admitted(op: number, at: number, state: CacheState): void {
    const admission = state.admissions.get(op);
    if (admission === undefined || admission.since >= at) return;
    this.#admissionWaits++;
    this.#admissionWaitNs += at - admission.since;
  }
}

function isCounter(counters: Counters, name: string): name is keyof Counters {
  return Object.hasOwn(counters, name);
}
