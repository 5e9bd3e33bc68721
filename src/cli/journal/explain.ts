/** What `explain` tells: the events of a journal in, lines or an object out. */
import type { CacheEvent } from '../../cache/events.js';
import type { JournalRecord } from '../../streams/journal/index.js';
import { usage } from './arguments.js';
import { type WriteErrorPath, WriteErrorPaths } from './error-paths.js';
import { BlockLife } from './life/block-life.js';
import { entryLine, entryObject, type LifeEntry } from './life/entry.js';
import { OpLife } from './life/op-life.js';
import { timestamp } from './text.js';
import { errorObject, errorsText } from './write-errors.js';

/** Takes every event, in order; gives lines as soon as they are known, and the whole as an object at the end. */
export interface Explanation {
  /** Whether it has to see this event; most events of most journals are hits that have nothing to do with it. */
  wants(event: CacheEvent): boolean;
  accept(record: Pick<JournalRecord, 'event' | 'epochMs'>): readonly string[];
  end(): readonly string[];
  object(): Record<string, unknown>;
}

export interface LifeOptions {
  /** Keep the entries for `object()`. */
  readonly keep: boolean;
  /** Only the part around the failure that this event tells: from what was safe before to what was safe after. */
  readonly aroundSeq?: number;
  /** Bytes of a block where the journal begins. */
  readonly blockSize?: number;
}

export function explainBlock(block: number, { keep, aroundSeq, blockSize }: LifeOptions): Explanation {
  const life = new BlockLife(block, blockSize);
  const cut = aroundSeq === undefined ? null : new Cut(aroundSeq);
  const tale = new Tale(keep);
  let device: Opened | null = null;
  const told = (entries: readonly LifeEntry[]) => tale.tell(cut === null ? entries : cut.passed(entries));
  return {
    wants: (event) => event.type !== 'read' || (block >= event.block && block < event.block + event.count),
    accept({ event, epochMs }) {
      if (cut?.isOver === true) return [];
      const header: string[] = [];
      if (event.type === 'opened') {
        device ??= event;
        checkBlock(block, event);
        if (device === event)
          header.push(`${placeText(block, event)}; times are UTC, from ${timestamp(epochMs, event.at).slice(0, 10)}`);
      }
      return [...header, ...told(life.accept(event, epochMs))];
    },
    end() {
      const rest = [...(cut?.isOver === true ? [] : told(life.end())), ...(cut === null ? [] : tale.tell(cut.rest()))];
      if (tale.count === 0) return [...rest, `nothing in this journal happened to block ${block}`];
      return cut === null ? [...rest, `at the end: ${life.standing()}`] : rest;
    },
    object: () => ({
      block,
      ...(device === null ? {} : placeObject(block, device)),
      ...tale.object(),
      ...(cut === null ? { standing: life.standing() } : {}),
    }),
  };
}

export function explainOp(op: number, { keep, blockSize }: LifeOptions): Explanation {
  const life = new OpLife(op, blockSize);
  const tale = new Tale(keep);
  const standing = () => life.standing();
  return {
    wants: (event) => event.type !== 'read' || event.op === op,
    accept({ event, epochMs }) {
      const isFirst = tale.count === 0;
      const lines = tale.tell(life.accept(event, epochMs));
      const day = timestamp(epochMs, event.at).slice(0, 10);
      return isFirst && lines.length > 0 ? [`request ${op}; times are UTC, from ${day}`, ...lines] : lines;
    },
    end() {
      if (tale.count === 0) throw usage(`there is no request ${op} in this journal`);
      return standing() === '' ? [] : [`at the end: ${standing()}`];
    },
    object: () => ({ op, ...tale.object(), standing: standing() }),
  };
}

/** All write errors, each with its path. */
export function explainErrors(): Explanation {
  const paths = new WriteErrorPaths();
  return {
    wants: (event) => event.type !== 'read',
    accept({ event }) {
      paths.accept(event);
      return [];
    },
    end: () => [errorsText(paths.list()).trimEnd()],
    object: () => ({ writeErrors: paths.list().map(errorObject) }),
  };
}

/** Finds the write error that an event belongs to. */
export class ErrorFinder {
  readonly #seq: number;
  readonly #paths = new WriteErrorPaths();
  #event: CacheEvent | null = null;

  constructor(seq: number) {
    this.#seq = seq;
  }

  accept(event: CacheEvent): void {
    this.#paths.accept(event);
    if (event.seq === this.#seq) this.#event = event;
  }

  /** The block at fault, as far as splitting has found it. Throws UsageError for an event that tells no failure. */
  block(): number {
    const event = this.#event;
    if (event?.type === 'blockParked') return event.block;
    const found = this.#paths.list().filter((path) => belongs(path, this.#seq));
    // Of several parts of one failed run, the one that fared worst.
    const worst = found.find(({ count }) => count === 1) ?? found[0];
    if (worst !== undefined) return worst.block;
    if (event !== null && 'blocks' in event && typeof event.blocks !== 'number' && event.blocks.length > 0) {
      return event.blocks[0];
    }
    const what = event === null ? `there is no event ${this.#seq} in this journal` : `#${this.#seq} is ${event.type}`;
    throw usage(`${what}; --write-error takes the number of a write that failed, and alone it lists them`);
  }
}

function belongs({ seq, steps }: WriteErrorPath, wanted: number): boolean {
  return seq === wanted || steps.some((step) => step.step === 'failed' && step.seq === wanted);
}

type Opened = Extract<CacheEvent, { type: 'opened' }>;

function checkBlock(block: number, { identity, config }: Opened): void {
  const blocks = Math.ceil(config.deviceBytes / config.blockSize);
  if (block < blocks) return;
  throw usage(`${identity} has blocks 0 to ${blocks - 1} of ${config.blockSize} bytes, and none is ${block}`);
}

function placeObject(block: number, { identity, config }: Opened): Record<string, unknown> {
  return { device: identity, blockSize: config.blockSize, offset: block * config.blockSize };
}

function placeText(block: number, { identity, config: { blockSize, deviceBytes } }: Opened): string {
  const start = block * blockSize;
  const end = Math.min(start + blockSize, deviceBytes) - 1;
  return `block ${block} of ${identity}, its bytes ${start}-${end}`;
}

class Tale {
  count = 0;
  readonly #kept: LifeEntry[] = [];
  readonly #keep: boolean;
  /** The last that was told. */
  #traceId = '';

  constructor(keep: boolean) {
    this.#keep = keep;
  }

  tell(entries: readonly LifeEntry[]): string[] {
    this.count += entries.length;
    if (this.#keep) this.#kept.push(...entries);
    return entries.map((entry) => `  ${this.#line(entry)}`);
  }

  object(): Record<string, unknown> {
    return { entries: this.#kept.map(entryObject) };
  }

  #line(entry: LifeEntry): string {
    const line = entryLine(entry, this.#traceId);
    if (entry.traceId !== '') this.#traceId = entry.traceId;
    return line;
  }
}

/** Cuts a life down to what is around one event. */
class Cut {
  isOver = false;
  readonly #seq: number;
  #before: LifeEntry[] = [];
  #reached = false;

  constructor(seq: number) {
    this.#seq = seq;
  }

  passed(entries: readonly LifeEntry[]): LifeEntry[] {
    const passed: LifeEntry[] = [];
    for (const entry of entries) {
      if (this.isOver) break;
      this.#before.push(entry);
      this.#reached ||= entry.lastSeq >= this.#seq;
      const isRest = entry.facts['safe'] === true || RESTS.has(entry.kind);
      if (this.#reached) passed.push(...this.#before.splice(0));
      else if (isRest) this.#before = [];
      this.isOver = this.#reached && isRest && entry.seq > this.#seq;
    }
    return passed;
  }

  /** What was held back, at the end of a journal that does not reach the event. */
  rest(): LifeEntry[] {
    return this.#before.splice(0);
  }
}

/** After these, nothing of the block is on its way. */
const RESTS: ReadonlySet<LifeEntry['kind']> = new Set(['lost', 'cleared', 'opened', 'closed']);
