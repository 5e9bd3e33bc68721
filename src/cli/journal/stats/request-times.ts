/** How long callers waited, from the request to its answer: what was answered at once by the cache is not among them. */
import type { CacheEvent } from '../../../cache/events.js';
import { endedBy } from '../../../streams/journal/workload/requests.js';
import { Latencies, type LatencySummary } from './latency.js';

/** `read`: those that missed. `write`: those that waited to be taken. `through`: until the device had it. `clear`: discards and zeros. */
export type WaitingKind = 'read' | 'write' | 'through' | 'borrow' | 'flush' | 'clear' | 'close';

export type RequestTimes = Readonly<Record<WaitingKind, LatencySummary | null>>;

interface Waiting {
  readonly kind: WaitingKind;
  readonly at: number;
}

export class RequestTimesFold {
  readonly #latencies: Readonly<Record<WaitingKind, Latencies>> = {
    read: new Latencies(),
    write: new Latencies(),
    through: new Latencies(),
    borrow: new Latencies(),
    flush: new Latencies(),
    clear: new Latencies(),
    close: new Latencies(),
  };
  /** By number; as many as the cache lets wait. */
  readonly #waiting = new Map<number, Waiting>();

  accept(event: CacheEvent): void {
    switch (event.type) {
      case 'opened':
        // What the cache before did not answer, it never will.
        this.#waiting.clear();
        return;
      case 'readMissed':
        return this.#begin('read', event);
      case 'writeQueued':
        return this.#begin(event.through ? 'through' : 'write', event);
      case 'borrowQueued':
        return this.#begin('borrow', event);
      case 'flushStarted':
        return this.#begin('flush', event);
      case 'clearQueued':
        return this.#begin('clear', event);
      case 'closeStarted':
        return this.#begin('close', event);
      case 'written':
        if (event.through && !this.#waiting.has(event.op)) return this.#begin('through', event);
    }
    const ended = this.#waiting.size === 0 ? null : endedBy(event);
    if (ended !== null) this.#end(ended, event.at);
  }

  summaries(): RequestTimes {
    const { read, write, through, borrow, flush, clear, close } = this.#latencies;
    return {
      read: read.summary(),
      write: write.summary(),
      through: through.summary(),
      borrow: borrow.summary(),
      flush: flush.summary(),
      clear: clear.summary(),
      close: close.summary(),
    };
  }

  #begin(kind: WaitingKind, { op, at }: { readonly op: number; readonly at: number }): void {
    this.#waiting.set(op, { kind, at });
  }

  #end(op: number, at: number): void {
    const waiting = this.#waiting.get(op);
    if (waiting === undefined) return;
    this.#waiting.delete(op);
    // What is queued and taken by one decision has not waited.
    const isAtOnce = at === waiting.at && (waiting.kind === 'write' || waiting.kind === 'borrow');
    if (!isAtOnce) this.#latencies[waiting.kind].add(at - waiting.at);
  }
}
