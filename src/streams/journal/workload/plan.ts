/** When the requests of a recording are made in a replay: each after the answer that its caller most likely waited for. */
import type { CacheState } from '../../../cache/state.js';
import type { OpenRequest, RequestInput } from './requests.js';

/** A request of the recording. Times are of the recording, or of the replay where it says so; -1 is not yet. */
export interface Planned {
  readonly input: RequestInput;
  readonly seq: number;
  readonly at: number;
  /** The recorded cache's, in bytes. */
  readonly blockSize: number;
  readonly deviceBytes: number;
  /** What is left to be asked for, where it is asked for in parts. */
  request: OpenRequest | null;
  answeredAt: number;
  /** From what it waits for to the request: what its caller did meanwhile. */
  pauseNs: number;
  /** These three are of the replay. */
  readyAt: number;
  startedAt: number;
  endedAt: number;
  /** Requests that are made when this one has ended, and when it has started. */
  afterEnd: Planned[] | null;
  afterStart: Planned[] | null;
}

/** `recorded`: the state of the recorded cache when the request was made of it. */
export function planned(input: RequestInput, seq: number, at: number, recorded: CacheState): Planned {
  return {
    input,
    seq,
    at,
    blockSize: recorded.blockSize,
    deviceBytes: recorded.deviceBytes,
    request: null,
    answeredAt: -1,
    pauseNs: 0,
    readyAt: -1,
    startedAt: -1,
    endedAt: -1,
    afterEnd: null,
    afterStart: null,
  };
}

/** Answers that no request has followed yet: more of them than this are forgotten, the oldest first. */
const ANSWERED_MAX = 256;

/**
 * A journal does not say who waited for what. Callers mostly go on at once when they are answered, so a request is taken to
 * follow the latest answer that none has followed yet; one without such an answer follows the request before it, as those do
 * that are made together. So there are as many callers in the replay as there were.
 */
export class Plan {
  /** Requests whose time is not known yet, in order. */
  readonly waiting = new Set<Planned>();
  readonly #ready = new ReadyList();
  readonly #answered: Planned[] = [];
  #last: Planned | null = null;

  get size(): number {
    return this.waiting.size + this.#ready.size;
  }

  /** Answers of the recording that no request has followed. */
  get unfollowed(): number {
    return this.#answered.length;
  }

  /** Of the replay. */
  get nextAt(): number {
    return this.#ready.nextAt;
  }

  take(): Planned | undefined {
    return this.#ready.take();
  }

  clear(): void {
    this.waiting.clear();
    this.#ready.clear();
    this.#answered.length = 0;
    this.#last = null;
  }

  /** A request whose place follows from the recording's order. `openedAt`: of both, for the first one. */
  add(next: Planned, openedAt: number): void {
    const answered = this.#answered.pop();
    if (answered !== undefined) this.addAfterEnd(next, answered);
    else if (this.#last !== null) this.addAfterStart(next, this.#last);
    else this.#makeReady(next, openedAt + (next.at - openedAt));
    this.#last = next;
  }

  addAfterEnd(next: Planned, before: Planned): void {
    next.pauseNs = next.at - (before.answeredAt === -1 ? before.at : before.answeredAt);
    if (before.endedAt !== -1) return this.#makeReady(next, before.endedAt + next.pauseNs);
    before.afterEnd ??= [];
    before.afterEnd.push(next);
    this.waiting.add(next);
  }

  addAfterStart(next: Planned, before: Planned): void {
    next.pauseNs = next.at - before.at;
    if (before.startedAt !== -1) return this.#makeReady(next, before.startedAt + next.pauseNs);
    before.afterStart ??= [];
    before.afterStart.push(next);
    this.waiting.add(next);
  }

  /** In the recording it was answered. */
  answered(before: Planned, at: number): void {
    before.answeredAt = at;
    this.#answered.push(before);
    if (this.#answered.length > ANSWERED_MAX) this.#answered.shift();
  }

  started(one: Planned, at: number): void {
    one.startedAt = at;
    this.#release(one.afterStart, at);
    one.afterStart = null;
  }

  ended(one: Planned, at: number): void {
    one.endedAt = at;
    this.#release(one.afterEnd, at);
    one.afterEnd = null;
  }

  /** The first that waits does so no more: what it waits for does not come. False if none waits. */
  giveUpOne(at: number): boolean {
    for (const next of this.waiting) {
      this.#makeReady(next, at);
      return true;
    }
    return false;
  }

  #release(list: readonly Planned[] | null, at: number): void {
    if (list === null) return;
    for (const next of list) if (this.waiting.has(next)) this.#makeReady(next, at + next.pauseNs);
  }

  #makeReady(next: Planned, at: number): void {
    if (this.waiting.size > 0) this.waiting.delete(next);
    next.readyAt = at;
    this.#ready.add(next);
  }
}

/** By time, and by their order in the recording at one time; the next is taken from the end. */
class ReadyList {
  readonly #items: Planned[] = [];

  get size(): number {
    return this.#items.length;
  }

  get nextAt(): number {
    const { length } = this.#items;
    return length === 0 ? Number.POSITIVE_INFINITY : this.#items[length - 1].readyAt;
  }

  add(one: Planned): void {
    let place = this.#items.length;
    while (place > 0 && isBefore(this.#items[place - 1], one)) place--;
    if (place === this.#items.length) this.#items.push(one);
    else this.#items.splice(place, 0, one);
  }

  take(): Planned | undefined {
    return this.#items.pop();
  }

  clear(): void {
    this.#items.length = 0;
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.readyAt < b.readyAt || (a.readyAt === b.readyAt && a.seq < b.seq);
}
