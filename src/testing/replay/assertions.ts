/**
 * What can be expected of a replayed run, as a plugin of chai: `use(cachetrailAssertions)`. Written against the little of
 * chai that it needs, so that the package does not depend on it.
 */
import type { CacheEvent } from '../../cache/events.js';
import type { JournalVerification, WorkloadFigures } from '../../streams/journal/index.js';
import type { RunHistory } from './history.js';
import { type CostedRun, ReplayedRun } from './run.js';

/** An assertion of chai, as a plugin sees it. */
export interface ChaiAssertion {
  assert(holds: boolean, message: string, negatedMessage: string): void;
}

type Method = (this: ChaiAssertion, argument: number) => void;

/** What of chai the plugin uses. */
export interface ChaiLike {
  readonly Assertion: {
    addMethod(name: string, method: Method): void;
    addProperty(name: string, getter: (this: ChaiAssertion) => void): void;
  };
}

export interface ChaiUtilsLike {
  flag(assertion: object, key: string, value?: unknown): unknown;
}

/** Figures that can be asserted on: `expect(run).to.have.deviceWrites.at.most(200)`. */
const FIGURES = [
  'requests',
  'reads',
  'writes',
  'flushes',
  'readBlocks',
  'readHits',
  'readHitRatio',
  'hitRatio',
  'deviceReads',
  'deviceWrites',
  'barriers',
  'blocksRead',
  'blocksWritten',
  'bytesRead',
  'bytesWritten',
  'batches',
  'meanRunBlocks',
  'evictions',
  'writeAmplification',
  'admissionWaits',
  'refusals',
  'deviceErrors',
] as const satisfies readonly (keyof WorkloadFigures)[];

const BLOCK = 'cachetrail.block';
const WHAT = 'cachetrail.what';

export function cachetrailAssertions({ Assertion }: ChaiLike, utils: ChaiUtilsLike): void {
  const subject = (assertion: object) => utils.flag(assertion, 'object');
  const run = (assertion: object) => replayedRun(subject(assertion));
  Assertion.addMethod('decideTheSame', function () {
    const { name, verification } = run(this);
    const problem = decisionProblem(verification);
    this.assert(problem === null, `expected ${name} to decide the same: ${problem}`, `expected ${name} to diverge`);
  });
  Assertion.addMethod('endClean', function () {
    const { name, verification, history } = run(this);
    const problem = endProblem(verification, history);
    this.assert(problem === null, `expected ${name} to end clean: ${problem}`, `expected ${name} not to end clean`);
  });
  for (const what of ['lost', 'parked'] as const) {
    Assertion.addProperty(what, function () {
      run(this);
      utils.flag(this, WHAT, what);
    });
  }
  Assertion.addProperty('nothing', function () {
    const { name, history } = run(this);
    const what = utils.flag(this, WHAT);
    if (what !== 'lost' && what !== 'parked') throw new TypeError('nothing follows lost or parked');
    const found = what === 'lost' ? lostWords(history) : parkedWords(history);
    this.assert(
      found.length === 0,
      `expected ${name} to have ${what} nothing, but it has ${what} ${listed(found)}`,
      `expected ${name} to have ${what} something`,
    );
  });
  Assertion.addMethod('block', function (block) {
    run(this);
    utils.flag(this, BLOCK, block);
  });
  Assertion.addProperty('durable', function () {
    assertDurable(this, run(this), utils.flag(this, BLOCK), Number.MAX_SAFE_INTEGER);
  });
  Assertion.addMethod('durableBy', function (seq) {
    assertDurable(this, run(this), utils.flag(this, BLOCK), seq);
  });
  for (const figure of FIGURES) {
    Assertion.addProperty(figure, function () {
      const { name, figures } = costedRun(subject(this));
      utils.flag(this, 'object', figures[figure]);
      utils.flag(this, 'message', `${figure} of ${name}`);
    });
  }
}

function assertDurable(assertion: ChaiAssertion, { name, history }: ReplayedRun, block: unknown, seq: number): void {
  if (typeof block !== 'number') throw new TypeError('durable and durableBy follow block(number)');
  const when = seq === Number.MAX_SAFE_INTEGER ? 'at the end' : `by event ${seq}`;
  const found = history.durability(block, seq);
  const problem =
    found === null
      ? `it had not been written ${when}`
      : found.durableSeq === 0
        ? `what event ${found.writtenSeq} wrote never was`
        : `what event ${found.writtenSeq} wrote was so with event ${found.durableSeq}`;
  const holds = found !== null && found.durableSeq !== 0 && found.durableSeq <= seq;
  const what = `block ${block} of ${name}`;
  assertion.assert(
    holds,
    `expected ${what} to be durable ${when}, but ${problem}`,
    `expected ${what} not to be durable ${when}`,
  );
}

/** Why a journal does not show that a core decides the same, or null. */
function decisionProblem({ divergence, status, problems, replayed, events }: JournalVerification): string | null {
  if (divergence !== null) {
    const { message, recorded, decided, stateHash } = divergence;
    return [
      message,
      `  recorded  ${eventText(recorded)}`,
      `  decided   ${eventText(decided)}`,
      `  after ${replayed} events decided the same; state ${stateHash}`,
    ].join('\n');
  }
  if (status !== 'sound' && status !== 'torn') return `the journal is ${status}: ${problems[0]?.message ?? ''}`;
  if (events === 0) return 'the journal holds no events';
  return replayed === events ? null : `only ${replayed} of ${events} events could be decided again`;
}

function endProblem({ status, problems }: JournalVerification, history: RunHistory): string | null {
  const { lastEvent, opened, closed } = history;
  if (status !== 'sound' && status !== 'diverged') return `the journal is ${status}: ${problems[0]?.message ?? ''}`;
  if (lastEvent?.type !== 'closed') return `its last event is ${eventText(lastEvent)}`;
  if (closed < opened) return `${opened - closed} of ${opened} caches were not closed`;
  const lost = lostWords(history);
  return lost.length === 0 ? null : `it has lost ${listed(lost)}`;
}

function lostWords(history: RunHistory): string[] {
  return history.lost().map(({ block, seq, why }) => `block ${block} (event ${seq}, ${why})`);
}

function parkedWords({ parked }: RunHistory): string[] {
  return parked.map(({ block, seq, code }) => `block ${block} (event ${seq}, ${code})`);
}

const LISTED_MAX = 5;

function listed(words: readonly string[]): string {
  const more = words.length - LISTED_MAX;
  return words.slice(0, LISTED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function eventText(event: CacheEvent | null): string {
  if (event === null) return 'nothing';
  const { type, seq, ...fields } = event;
  return `#${seq} ${type} ${JSON.stringify(fields)}`;
}

function replayedRun(subject: unknown): ReplayedRun {
  if (subject instanceof ReplayedRun) return subject;
  throw new TypeError(`expected what replay(directory) resolves with${hintFor(subject)}`);
}

function costedRun(subject: unknown): CostedRun {
  if (isCosted(subject)) return subject;
  throw new TypeError(`expected what replay(directory) or run.with(options) resolves with${hintFor(subject)}`);
}

function isCosted(subject: unknown): subject is CostedRun {
  return typeof subject === 'object' && subject !== null && 'figures' in subject && 'name' in subject;
}

function hintFor(subject: unknown): string {
  return subject instanceof Promise ? ', not the promise: is there an `await` missing?' : `, not ${String(subject)}`;
}

declare global {
  namespace Chai {
    /** With `use(cachetrailAssertions)`. */
    interface Assertion {
      /** A new core, given the recorded requests and answers, decides every recorded event again. */
      decideTheSame(): Assertion;
      /** The journal is whole, every cache in it was closed, and no block was lost. */
      endClean(): Assertion;
      /** Blocks whose last bytes did not become durable, discarded ones included. */
      readonly lost: Assertion;
      /** Blocks that kept failing, even if they were written later. */
      readonly parked: Assertion;
      /** After `lost` or `parked`. */
      readonly nothing: Assertion;
      /** One block, for `durable` and `durableBy`. */
      block(block: number): Assertion;
      /** All that was ever written to the block has become durable. */
      readonly durable: Assertion;
      /** All that had been written to the block up to this event was durable with it. */
      durableBy(seq: number): Assertion;
      readonly requests: Assertion;
      readonly reads: Assertion;
      readonly writes: Assertion;
      readonly flushes: Assertion;
      readonly readBlocks: Assertion;
      readonly readHits: Assertion;
      readonly readHitRatio: Assertion;
      readonly hitRatio: Assertion;
      readonly deviceReads: Assertion;
      readonly deviceWrites: Assertion;
      readonly barriers: Assertion;
      readonly blocksRead: Assertion;
      readonly blocksWritten: Assertion;
      readonly bytesRead: Assertion;
      readonly bytesWritten: Assertion;
      readonly batches: Assertion;
      readonly meanRunBlocks: Assertion;
      readonly evictions: Assertion;
      readonly writeAmplification: Assertion;
      readonly admissionWaits: Assertion;
      readonly refusals: Assertion;
      readonly deviceErrors: Assertion;
    }
  }
}
