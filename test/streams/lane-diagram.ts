/**
 * Marble diagrams of the device lane. A device answers with promises, which no TestScheduler can virtualise, so the
 * diagrams are played frame by frame on a virtual clock, with all microtasks run in between.
 *
 * In one frame first timers fire, then the device answers, then commands come.
 */
import { expect } from 'chai';
import { Subject } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Fill } from '../../src/cache/state.js';
import type { BlockDevice } from '../../src/device/block-device.js';
import { codeOf } from '../../src/device/errors.js';
import { memoryDevice } from '../../src/device/memory.js';
import { type DeviceAnswer, type DeviceCommand, deviceLane } from '../../src/streams/device-lane.js';
import { advanceTo, frame } from '../support/clock.js';
import { drain, VirtualClock } from '../support/virtual-clock.js';

const BYTES = 16;

export interface Diagram {
  /** Commands by letter: reads, but for those named in `kinds`. */
  readonly commands: string;
  /**
   * What the device does with each, from the frame in which it is asked: `r` does it, `#` rejects with EIO, `s` is
   * short, `n` answers with no number, `u` rejects with undefined. Without a mark it never answers.
   */
  readonly device: Readonly<Record<string, string>>;
  /** Answers: the command's letter where it was done, its capital where not. */
  readonly expected: string;
  /** The code of each answer that is a failure, and ` late` behind those that come late. */
  readonly codes?: Readonly<Record<string, string>>;
  readonly kinds?: Readonly<Record<string, 'write' | 'barrier' | 'discard' | 'zero' | 'throws'>>;
  readonly depth?: number;
  /** Frames. */
  readonly timeout?: number;
  readonly owedMax?: number;
  /** The frame in which the subscriber leaves. */
  readonly leaves?: number;
}

/** What came of it. */
export interface Played {
  readonly clock: VirtualClock;
  /** The commands that the device was asked for, with the frame, in order: `a0`. */
  readonly asked: readonly string[];
  readonly answers: readonly DeviceAnswer[];
}

/** Plays a diagram, and holds the answers against it. */
export async function draw(diagram: Diagram): Promise<Played> {
  const stage = new Stage(diagram);
  const commands = parse(diagram.commands);
  const length = Math.max(diagram.commands.length, diagram.expected.length) + 2;
  for (let at = 0; at < length; at++) {
    await stage.advance(at);
    for (const mark of commands.filter((mark) => mark.frame === at)) stage.command(mark.letter);
    await drain();
  }
  const drawn = parse(diagram.expected).map(({ frame: at, letter }) => ({
    at,
    letter,
    code: diagram.codes?.[letter] ?? '',
  }));
  expect(stage.seen).to.deep.equal(drawn);
  return { clock: stage.clock, asked: stage.asked, answers: stage.answers };
}

interface Mark {
  readonly frame: number;
  /** `|` for the end. */
  readonly letter: string;
}

function parse(marbles: string): Mark[] {
  const parsed = TestScheduler.parseMarbles(marbles, undefined, undefined, undefined, true);
  return parsed.map(({ frame: at, notification }) => ({
    frame: at / TestScheduler.frameTimeFactor,
    letter: notification.kind === 'N' ? String(notification.value) : '|',
  }));
}

/** The lane only hands it on. */
function fillOf(io: number): Fill {
  return { kind: 'fill', io, op: io, block: 0, count: 1, cached: true, readahead: false, waiters: [] };
}

class Stage {
  readonly clock = new VirtualClock();
  readonly asked: string[] = [];
  readonly answers: DeviceAnswer[] = [];
  readonly seen: { at: number; letter: string; code: string }[] = [];
  readonly #diagram: Diagram;
  readonly #commands = new Subject<DeviceCommand>();
  readonly #due: { at: number; answer: () => void }[] = [];
  readonly #subscription;
  #at = 0;

  constructor(diagram: Diagram) {
    this.#diagram = diagram;
    const { depth = 2, timeout = 1000, owedMax = 10 } = diagram;
    const allocate = (bytes: number) => new Uint8Array(bytes);
    const options = { clock: this.clock, depth, timeoutNs: frame(timeout), owedMax, allocate, blockBytes: () => 16 };
    this.#subscription = this.#commands.pipe(deviceLane(this.#device(), options)).subscribe({
      next: (answer) => this.#see(answer),
      error: () => this.#note('#', ''),
      complete: () => this.#note('|', ''),
    });
  }

  async advance(at: number): Promise<void> {
    this.#at = at;
    await advanceTo(this.clock, frame(at));
    if (at === this.#diagram.leaves) this.#subscription.unsubscribe();
    for (const { answer } of this.#due.filter((due) => due.at === at)) answer();
    await drain();
  }

  command(letter: string): void {
    if (letter === '|') return this.#commands.complete();
    const io = letter.charCodeAt(0);
    const place = { offset: io, length: BYTES };
    const kind = this.#diagram.kinds?.[letter] ?? 'read';
    if (kind === 'write') this.#commands.next({ io, kind, offset: io, bytes: new Uint8Array(BYTES) });
    else if (kind === 'barrier') this.#commands.next({ io, kind });
    else if (kind === 'discard' || kind === 'zero') this.#commands.next({ io, kind, ...place });
    else this.#commands.next({ io, kind: 'read', ...place, fill: fillOf(io) });
  }

  #see(answer: DeviceAnswer): void {
    this.answers.push(answer);
    const letter = String.fromCharCode(answer.command.io);
    const code = answer.error === null ? '' : codeOf(answer.error);
    this.#note(answer.error === null ? letter : letter.toUpperCase(), answer.late ? `${code} late`.trimStart() : code);
  }

  #note(letter: string, code: string): void {
    this.seen.push({ at: this.#at, letter, code });
  }

  #device(): BlockDevice {
    const transfer = (offset: number) => this.#ask(offset, BYTES);
    const barrier = () => this.#ask(this.#barrierOf(), undefined);
    const clear = (offset: number) => this.#ask(offset, undefined);
    return {
      ...memoryDevice({ sizeBytes: 4096 }),
      read: transfer,
      write: transfer,
      barrier,
      discard: clear,
      zero: clear,
    };
  }

  /** Barriers name no place, so the one that is drawn is the one that is meant. */
  #barrierOf(): number {
    const kinds = Object.entries(this.#diagram.kinds ?? {});
    const [letter] = kinds.find(([, kind]) => kind === 'barrier') ?? ['?'];
    return letter.charCodeAt(0);
  }

  /** What the device does is drawn by letter; the lie of a broken device is not a number. */
  #ask<T>(io: number, good: T): Promise<T> {
    const letter = String.fromCharCode(io);
    this.asked.push(`${letter}${this.#at}`);
    if (this.#diagram.kinds?.[letter] === 'throws') throw Object.assign(new Error('thrown'), { code: 'EIO' });
    const [mark] = parse(this.#diagram.device[letter] ?? '');
    return new Promise((resolve, reject) => {
      if (mark === undefined) return;
      const answer = () => this.#answer(mark.letter, good, resolve, reject);
      if (mark.frame === 0) answer();
      else this.#due.push({ at: this.#at + mark.frame, answer });
    });
  }

  #answer<T>(mark: string, good: T, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    const lie = (value: unknown) => resolve(value as T);
    switch (mark) {
      case 'r':
        return resolve(good);
      case 's':
        return lie(BYTES - 1);
      case 'n':
        return lie(Number.NaN);
      case 'u':
        return reject(undefined);
      case 't':
        resolve(good);
        return reject(new Error('a second answer'));
      default:
        return reject(Object.assign(new Error('injected'), { code: 'EIO' }));
    }
  }
}
