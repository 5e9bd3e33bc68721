/** Why a block left the cache, and what became of the cache around it. */
import type { CacheEvent, EventType } from '../../../cache/events.js';
import { durationText, runText } from '../text.js';
import { EVICTION_WHY } from '../words.js';
import { byText } from './requests.js';
import { type EventOf, failureText, type Tales, type Teller, TIMEOUT } from './teller.js';

export const LEAVING: Tales = {
  invalidated(life, event) {
    if (!life.standing.isPresent) return;
    const { op, actor } = event;
    life.standing.gone();
    life.tell(event, 'invalidated', `dropped from the cache${byText(event)} (op ${op}), clean`, { op, actor });
  },

  dirtyDiscarded(life, event) {
    if (!event.blocks.includes(life.block)) return;
    const { op, reason } = event;
    const generation = life.standing.newest;
    life.standing.gone();
    const text = `LOST by name${life.requests.by(op)}, '${reason}': generation ${generation} is not durable`;
    life.tell(event, 'lost', text, { op, reason, generation });
  },

  clearQueued(life, event) {
    const { op, kind, actor, block, count } = event;
    const text = `${kind} of ${runText(block, count)} asked for${byText(event)} (op ${op})`;
    life.tell(event, 'clear', text, { op, clear: kind, actor });
  },

  clearStarted(life, event) {
    const { op, kind, io } = event;
    life.tell(event, 'clear', `${kind} begun at the device: io ${io}`, { op, clear: kind, io });
  },

  clearAnswered(life, event) {
    const { op, kind, io, code, at, startedAt } = event;
    if (code === TIMEOUT) life.standing.stuck.add(io);
    const how = code === '' ? `done: io ${io}, ${durationText(at - startedAt)}` : `failed: ${failureText(event)}`;
    life.tell(event, 'clear', `${kind} ${how}`, { op, clear: kind, io, code });
  },

  clearFinished(life, event) {
    const { op, kind } = event;
    const { newest, isSafe, isPresent } = life.standing;
    life.standing.gone();
    const left = isPresent ? ', and it left the cache' : '';
    const unsaved = isSafe ? '' : `; generation ${newest} was never durable, and is not needed any more`;
    life.tell(event, 'cleared', `${kind} finished${left}${unsaved} (op ${op})`, { op, clear: kind });
  },

  clearFailed(life, event) {
    const { op, kind, io, code } = event;
    life.standing.clearFailed();
    life.tell(event, 'clear failed', `${kind} failed (op ${op}): ${code}, io ${io}`, { op, clear: kind, io, code });
  },

  blockSizeChanged(life, event) {
    const { from, to } = event;
    const { newest, isPresent } = life.standing;
    life.blockSize = to;
    life.standing.reset();
    if (newest === 0 && !isPresent) return;
    const start = life.block * to;
    const now = `block ${life.block} is now the device's bytes ${start}-${start + to - 1}`;
    life.tell(event, 'block size', `blocks changed from ${from} to ${to} bytes: ${now}`, { from, to });
  },

  opened(life, event) {
    life.sessions++;
    life.blockSize = event.config.blockSize;
    const { newest, isSafe } = life.standing;
    life.standing.reset();
    life.waiting.clear();
    if (life.sessions === 1) return;
    const unsafe = newest > 0 && !isSafe;
    const lost = unsafe ? `; before, nothing says that generation ${newest} became durable` : '';
    life.tell(event, 'opened', `the cache was opened anew, on ${event.identity}${lost}`, { unsafe });
  },

  closed(life, event) {
    const { newest } = life.standing;
    if (newest > 0) life.tell(event, 'closed', `the cache was closed; ${life.standing.durableText()}`);
    life.standing.gone();
  },
};

/** Events that say what room was made for. */
const BENEFICIARIES: ReadonlySet<EventType> = new Set(['written', 'fillStarted', 'borrowed', 'resized']);

/**
 * An eviction is told with what it was for: the request that was decided on, or else, where an answer of the device let a
 * waiting request go on, the event that comes next.
 */
export class Evictions {
  readonly #life: Teller;
  #pending: EventOf<'evicted'> | null = null;

  constructor(life: Teller) {
    this.#life = life;
  }

  /** Every event, before it is told. */
  accept(event: CacheEvent): void {
    const pending = this.#pending;
    if (pending !== null && !(event.type === 'evicted' && event.cause === pending.cause)) this.#tell(pending, event);
    if (event.type !== 'evicted' || event.block !== this.#life.block) return;
    const head = this.#life.requests.headOf(event);
    if (head !== null && 'actor' in head && head.op !== 0) this.#tell(event, head);
    else this.#pending = event;
  }

  end(): void {
    if (this.#pending !== null) this.#tell(this.#pending, null);
  }

  #tell(event: EventOf<'evicted'>, next: CacheEvent | null): void {
    this.#pending = null;
    const { requests, standing } = this.#life;
    const isFor =
      next !== null && (next.seq === event.cause || (next.cause === event.cause && BENEFICIARIES.has(next.type)));
    const head = isFor ? next : requests.headOf(event);
    const occasion = head === null ? '' : ` ${requests.occasion(head)}`;
    const { reason } = event;
    const safe = standing.durableText();
    standing.gone();
    this.#life.tell(event, 'evicted', `evicted: ${EVICTION_WHY[reason]}${occasion}; ${safe}`, { reason });
  }
}
