/** Who asked for what: the requests that are under way, and the one that the current decision is for. */
import type { CacheEvent } from '../../../cache/events.js';
import { durationText, runText } from '../text.js';

export class Requests {
  /** Requests that have not ended, by number: who made them, in words. */
  readonly #open = new Map<number, string>();
  #head: CacheEvent | null = null;
  #blockSize = 1;
  #ended = 0;

  /** Every event, in order. */
  accept(event: CacheEvent): void {
    if (event.type === 'opened') {
      this.#open.clear();
      this.#blockSize = event.config.blockSize;
    }
    if (event.type === 'blockSizeChanged') this.#blockSize = event.to;
    if (event.cause === 0) this.#head = event;
    if ('op' in event && hasEnded(event)) this.#ended = event.op;
    else if ('actor' in event && BEGINS.has(event.type)) this.#open.set(event.op, byText(event));
  }

  /** After everybody has seen the event. */
  settle(): void {
    if (this.#ended !== 0) this.#open.delete(this.#ended);
    this.#ended = 0;
  }

  /** ` by NAME (op N)` as far as it is known. */
  by(op: number): string {
    const by = this.#open.get(op) ?? '';
    return `${by} (op ${op})`;
  }

  /** What the decision was about that the event belongs to; null where that is not known. */
  headOf(event: CacheEvent): CacheEvent | null {
    return this.#head?.seq === event.cause ? this.#head : null;
  }

  /** The request or answer that something was done for. */
  occasion(event: CacheEvent): string {
    return occasionText(event, this.#blockSize);
  }
}

const BEGINS: ReadonlySet<CacheEvent['type']> = new Set([
  'readMissed',
  'writeQueued',
  'written',
  'borrowQueued',
  'borrowed',
  'flushStarted',
  'clearQueued',
  'closeStarted',
  'blockSizeRequested',
]);

const ENDS: ReadonlySet<CacheEvent['type']> = new Set([
  'readFinished',
  'readFailed',
  'writeFinished',
  'writeFailed',
  'released',
  'flushFinished',
  'flushFailed',
  'clearFinished',
  'clearFailed',
  'requestAborted',
  'requestRefused',
  'closeFailed',
  'closed',
  'blockSizeChanged',
  'blockSizeFailed',
]);

function hasEnded(event: CacheEvent): boolean {
  return event.type === 'written' ? !event.through : ENDS.has(event.type);
}

/** ` by NAME`, or nothing for who has no label. */
export function byText({ actor }: { readonly actor: string }): string {
  return actor === '' ? '' : ` by ${actor}`;
}

function occasionText(head: CacheEvent, blockSize: number): string {
  switch (head.type) {
    case 'readMissed':
      return `for a read of ${runText(head.block, head.count)}${byText(head)} (op ${head.op})`;
    case 'readaheadRequested':
      return `for a readahead of ${runText(head.block, head.count)}${byText(head)} (op ${head.op})`;
    case 'written':
      return `for a write to ${runText(head.block, head.count)}${byText(head)} (op ${head.op})`;
    case 'writeQueued': {
      const block = Math.floor(head.offset / blockSize);
      const count = Math.ceil((head.offset + head.length) / blockSize) - block;
      return `for a write to ${runText(block, count)}${byText(head)} (op ${head.op})`;
    }
    case 'borrowed':
    case 'borrowQueued':
      return `for a borrow of block ${head.block}${byText(head)} (op ${head.op})`;
    case 'resized':
      return `in a resize${byText(head)}${head.op === 0 ? '' : ` (op ${head.op})`}`;
    case 'fillStarted':
      return `to read ${runText(head.block, head.count)} (io ${head.io}, op ${head.op})`;
    case 'barrierFinished':
    case 'fillFinished':
    case 'writebackFinished':
      return `when the device had answered (io ${head.io}, ${durationText(head.at - head.startedAt)})`;
    case 'ticked':
      return 'at a deadline';
    default:
      return `after ${head.type} #${head.seq}`;
  }
}
