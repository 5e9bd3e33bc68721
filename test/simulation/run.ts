/** One run: what a seed draws, step by step, with power losses between, to the end, when all must be well again. */
import { codeOf } from '../../src/device/errors.js';
import type { BlockCache } from '../../src/streams/block-cache.js';
import { openCache } from '../../src/streams/open-cache.js';
import type { AfterPowerLoss } from './after-power-loss.js';
import { Agenda, drain } from './agenda.js';
import { openedOn } from './opening.js';
import { cellCountOf, eachTag } from './cells.js';
import { Checker } from './checker.js';
import { type Boot, Client, type Names } from './client.js';
import { type Drawn, draw, type LeftOut } from './drawn.js';
import { demand } from './failure.js';
import { type FaultCounts, Faults } from './faults.js';
import { Medium } from './medium.js';
import { Model } from './model.js';
import { mayBeTold, RESOLVED } from './outcomes.js';
import { differing, Plug, type Replacement } from './plug.js';
import { Random } from './random.js';
import { SimJournal } from './sim-journal.js';
import { demandFold, demandSameDecisions } from './replay.js';
import { SimDevice } from './sim-device.js';

export interface RunOptions {
  readonly seed: number;
  readonly steps: number;
  readonly leftOut: LeftOut;
  /** Decides everything again from the log, which takes longer. */
  readonly replay: boolean;
  /** Called after every step, with what a power loss at this moment would meet. */
  readonly afterStep?: (now: Moment) => Promise<void>;
}

/** What a run is at between two steps. */
export interface Moment {
  readonly drawn: Drawn;
  readonly medium: Medium;
  readonly journal: SimJournal | null;
  readonly checker: Checker;
}

export interface RunResult {
  readonly steps: number;
  readonly crashes: number;
  readonly faults: FaultCounts;
  /** Of the last cache's state: what two runs of one seed must have in common. */
  readonly hash: string;
  /** Null if all is well. */
  readonly failure: unknown;
  /** The last events before the failure. */
  readonly events: readonly string[];
}

/** Events told of a failure. */
const TOLD_EVENTS = 25;
/** Things that may happen before the cache has come to rest on a good device: more is going round in circles. */
const REST_STEPS_MAX = 20_000;

export async function simulate(options: RunOptions): Promise<RunResult> {
  // `drain` lets everything run that is due only where it is called from a microtask.
  await Promise.resolve();
  const run = new Run(options);
  let failure: unknown = null;
  try {
    await run.go();
  } catch (error) {
    failure = error;
  } finally {
    run.end();
  }
  return {
    steps: run.step,
    crashes: run.crashes,
    faults: run.faults.counts,
    hash: run.hash,
    failure,
    events: failure === null ? [] : run.lastEvents(),
  };
}

interface Machine extends Boot {
  readonly plug: Plug;
  /** How the close that was asked for has ended. */
  closed: boolean | null;
  /** The run is at its end: nobody asks for anything of his own accord. */
  resting: boolean;
}

class Run {
  step = 0;
  crashes = 0;
  readonly faults: Faults;
  readonly #drawn: Drawn;
  readonly #replay: boolean;
  readonly #afterStep: RunOptions['afterStep'] | undefined;
  /** Null for a cache without one. */
  readonly #journal: SimJournal | null;
  readonly #medium: Medium;
  readonly #model: Model;
  readonly #random: Random;
  readonly #crashRandom: Random;
  readonly #names: Names = { tag: 1, request: 0 };
  #clients: Client[] = [];
  #machine: Machine | null = null;
  #boots = 0;

  constructor({ seed, steps, leftOut, replay, afterStep }: RunOptions) {
    this.#afterStep = afterStep;
    this.#drawn = draw(seed, steps, leftOut);
    this.#replay = replay;
    const { journal } = this.#drawn;
    this.#journal = journal === null ? null : new SimJournal(journal);
    this.#random = new Random(seed, 'run');
    this.#crashRandom = new Random(seed, 'power');
    this.faults = new Faults(this.#drawn.faults, (plan) => new Random(seed, `fault ${plan}`));
    const cells = cellCountOf(this.#drawn.sizeBytes);
    this.#medium = new Medium(cells);
    this.#model = new Model(cells);
    this.#format();
  }

  async go(): Promise<void> {
    let machine = await this.#boot(null);
    const { steps, crashes, closes } = this.#drawn;
    for (this.step = 0; this.step < steps; this.step++) {
      this.faults.step = this.step;
      if (crashes.includes(this.step)) machine = await this.#crash(machine);
      if (closes.includes(this.step)) this.#close(machine);
      machine.plug.step(machine, this.step);
      this.#move(machine);
      await drain();
      this.#check(machine);
      await this.#afterStep?.(this.#momentOf(machine));
      if (machine.closed === true) machine = await this.#reopen(machine);
    }
    if (machine.closing) machine = await this.#endClose(machine);
    await this.#rest(machine);
  }

  #momentOf({ checker }: Machine): Moment {
    return { drawn: this.#drawn, medium: this.#medium, journal: this.#journal, checker };
  }

  get hash(): string {
    return this.#machine?.cache.hash() ?? '';
  }

  /** Nothing is simulated any more. */
  end(): void {
    this.#journal?.end();
  }

  lastEvents(): string[] {
    const { events } = this.#machine?.checker ?? { events: [] };
    return events.slice(-TOLD_EVENTS).map((event) => JSON.stringify(event));
  }

  /** A device that has been used before: no cell is like another. */
  #format(): void {
    const tags = new Int32Array(this.#medium.cells);
    for (let cell = 0; cell < tags.length; cell++) tags[cell] = this.#names.tag++;
    this.#medium.makeDurable([this.#medium.apply(0, tags)]);
    for (let cell = 0; cell < tags.length; cell++) this.#model.reset(cell, tags[cell]);
  }

  async #boot(expected: AfterPowerLoss | null): Promise<Machine> {
    const { seed, clients, users, mode, timeoutNs, latencyNs, reentrant } = this.#drawn;
    const boot = this.#boots++;
    const { agenda, plug, checker } = this.#start(boot, expected);
    const cache = await openedOn(agenda, this.#open(plug.device, agenda, checker, boot));
    checker.begin(cache);
    const { faults } = this;
    const isSound = () => {
      return latencyNs.most < timeoutNs && !plug.isUsed && Object.values(faults.failed).every((count) => count === 0);
    };
    const isReadOnly = mode === 'readonly';
    const state = { closing: false, over: false, closed: null, resting: false };
    const machine: Machine = { cache, checker, agenda, plug, model: this.#model, isReadOnly, isSound, ...state };
    this.#machine = machine;
    const clientsOf = (plans: typeof users, name: string) => {
      return plans.map((plan, at) => new Client(plan, this.#names, new Random(seed, `${name} ${at} ${boot}`)));
    };
    this.#clients = [...clientsOf(clients, 'client'), ...clientsOf(users, 'handles')];
    this.#subscribe(machine, reentrant);
    return machine;
  }

  #start(boot: number, expected: AfterPowerLoss | null) {
    const { seed, timeoutNs, sizeBytes, supports, latencyNs, mode, replacements: plans } = this.#drawn;
    const agenda = new Agenda();
    this.faults.boot();
    const { faults } = this;
    const report = (error: unknown) => checker.report(error);
    const medium = this.#medium;
    const common = { supports, sizeBytes, medium, agenda, faults, latencyNs, timeoutNs, report };
    let devices = 0;
    const another = (other: Replacement['other']) => {
      const random = new Random(seed, devices === 0 ? `device ${boot}` : `device ${boot} ${devices}`);
      devices++;
      const device = new SimDevice({ ...common, random, ...differing(other, common) });
      if (faults.isCured) device.cure();
      return device;
    };
    const plug = new Plug({
      plans,
      mode,
      medium,
      random: new Random(seed, `plug ${boot}`),
      another,
      first: another(null),
    });
    const tellsLater = this.#journal?.keepsAcknowledged ?? false;
    const checker: Checker = new Checker({ model: this.#model, medium, expected, tellsLater });
    checker.replaced = () => plug.replaced();
    return { agenda, plug, checker };
  }

  #open(device: SimDevice, clock: Agenda, checker: Checker | null, boot: number): Promise<BlockCache> {
    const { blockSize, capacity, policy, mode, seed, deviceDepth, timeoutNs, limits } = this.#drawn;
    const place = this.#journal?.place(clock, new Random(seed, `journal ${boot}`), checker);
    const deviceTimeoutMs = timeoutNs / 1e6;
    const common = { blockSize, capacity, policy, mode, deviceDepth, limits, clock, deviceTimeoutMs };
    const journal = place ?? checker;
    return openCache(device, { ...common, seed: seed % 2 ** 31, ...(journal === null ? {} : { journal }) });
  }

  /** A power loss in the midst of an opening: nobody has asked for anything yet. */
  async #dieOpening(): Promise<void> {
    const boot = this.#boots++;
    const { agenda, plug } = this.#start(boot, null);
    const opening = this.#open(plug.device, agenda, null, boot);
    opening.catch(() => undefined);
    for (let steps = this.#crashRandom.below(20); steps > 0 && agenda.step(); steps--) await drain();
    plug.powerOff();
    this.#losePower();
  }

  #losePower(): void {
    this.#journal?.die(this.#crashRandom);
    this.#medium.powerLoss(this.#crashRandom);
  }

  /** Sees that events come in order, and, if so drawn, asks for more in the middle of them. */
  #subscribe(machine: Machine, reentrant: boolean): void {
    const { cache, checker } = machine;
    // The first event of all is kept for the first subscriber, unless others have followed.
    const { events } = cache.stats();
    let seq = checker.events.length === 1 ? events - 1 : events;
    cache.errors$.subscribe(({ error }) => checker.report(error));
    cache.events$.subscribe((event) => {
      demand(event.seq === ++seq, () => `event ${event.seq} is delivered after ${seq - 1}`);
      if (!reentrant || machine.resting || machine.closing || machine.over || !this.#random.chance(0.05)) return;
      const client = this.#random.pick(this.#clients);
      const place = { block: this.#random.below(cache.blockCount), count: 1 };
      if (client.isReady) client.request(machine, this.#random.pick(REENTRANT), place);
    });
  }

  /** Somebody asks for something, or the next thing happens. */
  #move(machine: Machine): void {
    const { agenda } = machine;
    const { thinkNs } = this.#drawn;
    const ready = this.#clients.filter((client) => client.isReady);
    const think = thinkNs === 0 ? 0 : this.#random.below(thinkNs);
    const happensFirst = agenda.nextAt <= agenda.now() + think || this.#random.chance(0.2);
    if (ready.length > 0 && !(happensFirst && agenda.nextAt < Number.POSITIVE_INFINITY)) {
      agenda.pass(think);
      this.#random.pick(ready).ask(machine);
      return;
    }
    demand(agenda.step(), 'nothing is left that could happen, and requests are waiting');
  }

  #check({ checker, cache, closing }: Machine): void {
    if (checker.found !== null) throw checker.found;
    demand(closing || !cache.closed, 'the cache has stopped');
    checker.checkDoubtful();
    if (!cache.closed) cache.checkInvariants();
  }

  async #crash(machine: Machine): Promise<Machine> {
    this.crashes++;
    machine.over = true;
    machine.plug.powerOff();
    this.#demandLog(machine);
    this.#losePower();
    if (this.#journal !== null && this.#crashRandom.chance(0.2)) await this.#dieOpening();
    return this.#bootAgain(machine);
  }

  /** What was told to be durable, or, with a durable journal, acknowledged, is on the device or comes back from the journal. */
  async #bootAgain({ checker }: Machine): Promise<Machine> {
    for (let tries = 0; ; tries++) {
      if (this.#replay) await this.#journal?.verify(true);
      // A device that goes wrong may be opened once it is well.
      if (tries === OPENINGS_MAX) this.faults.cure();
      try {
        return await this.#boot(checker.afterPowerLoss(this.#journal?.keepsAcknowledged ?? false));
      } catch (error) {
        if (tries === OPENINGS_MAX || !mayBeTold('write', codeOf(error), NEVER_SOUND)) throw error;
        this.#losePower();
      }
    }
  }

  #close(machine: Machine): void {
    if (machine.closing) return;
    const abandon = this.#random.chance(0.3) ? { abandon: 'the simulator says so' } : {};
    machine.closing = true;
    machine.cache.close(abandon).then(
      () => {
        machine.closed = true;
        machine.checker.told('');
      },
      (error: unknown) => {
        if (codeOf(error) === RESOLVED) {
          machine.closed = true;
          machine.checker.told('');
        } else machine.closing = false;
        if (!mayBeTold('close', codeOf(error), machine)) machine.checker.report(error);
      },
    );
  }

  async #reopen(machine: Machine): Promise<Machine> {
    await this.#untilAnswered(machine);
    machine.over = true;
    machine.plug.powerOff();
    this.#demandLog(machine);
    // What was given up may be on the device or not.
    this.#losePower();
    return this.#bootAgain(machine);
  }

  /** A close that is under way at the end of the run ends soon after the faults. */
  async #endClose(machine: Machine): Promise<Machine> {
    this.faults.cure();
    machine.plug.device.cure();
    for (let steps = 0; machine.closing && machine.closed === null; steps++) {
      demand(steps < REST_STEPS_MAX, 'a close takes for ever');
      demand(machine.agenda.step(), 'nothing is left that could happen, and a close was never answered');
      await drain();
      this.#check(machine);
    }
    return machine.closed === true ? this.#reopen(machine) : machine;
  }

  /** The faults are over: everything that waits ends, everything becomes durable, and nothing is left behind. */
  async #rest(machine: Machine): Promise<void> {
    const { cache, agenda, checker, plug } = machine;
    this.faults.cure();
    machine.resting = true;
    await this.#putBack(machine);
    const { device } = plug;
    device.cure();
    await drain();
    await this.#untilAnswered(machine);
    await this.#settleOld(machine);
    const flush = () => cache.flush(undefined, { actor: this.#flushes(checker) });
    // The first may be told of what had failed, and is durable by now: once.
    const first = flush().catch((error: unknown) => (codeOf(error) === RESOLVED ? flush() : Promise.reject(error)));
    const isDurable = await this.#until(machine, first, 'flush');
    demand(isDurable, 'a flush of a good device fails');
    await this.#restHandles(machine);
    const { dirtyBlocks, writingBlocks, unsyncedBlocks, parkedBlocks, waitingRequests } = cache.stats();
    const left = dirtyBlocks + writingBlocks + unsyncedBlocks + parkedBlocks + waitingRequests;
    demand(left === 0, () => `a good device, and still: ${JSON.stringify(cache.stats())}`);
    // A readahead that nobody waits for may be under way yet.
    while (device.running > 0 && agenda.step()) await drain();
    demand(agenda.timersThatKeepAlive === 0, 'a clean, idle cache keeps the process alive');
    await this.#readAll(machine);
    machine.closing = true;
    demand(await this.#until(machine, cache.close(), 'close'), 'a close over a good device fails');
    demand(agenda.timers === 0, `${agenda.timers} timers are left by a closed cache`);
    demand(device.closed, 'a closed cache leaves its device open');
    this.#demandLog(machine);
    await this.#journal?.verify(false);
    await this.#journal?.demandState(checker.events.at(-1)?.seq ?? 0, cache.hash());
  }

  /** A device that is out comes back as another object, which takes all that was kept. */
  async #putBack(machine: Machine): Promise<void> {
    const { plug } = machine;
    for (let tries = 0; ; tries++) {
      // One that is busy is waited for; so is one that was asked for before.
      while (!plug.isSettled && machine.agenda.step()) await drain();
      const restoring = plug.restore(machine);
      if (restoring === null) return;
      demand(tries < REST_STEPS_MAX, 'a device is never replaced');
      await this.#until(machine, restoring, 'replace');
      if (!plug.isOut) return;
      demand(machine.agenda.step(), 'nothing is left that could happen, and a device cannot be replaced');
    }
  }

  /** Each handle is told what it is owed, and a second time nothing. */
  async #restHandles(machine: Machine): Promise<void> {
    const { checker } = machine;
    const handles = this.#clients.flatMap((client) => client.handles);
    demand(checker.accounts.handles === handles.length + 1, () => {
      return `${checker.accounts.handles} handles are open, of which clients have ${handles.length}`;
    });
    for (const handle of handles) {
      const flush = () => handle.flush(undefined, { actor: this.#flushes(checker) });
      const first = flush().catch((error: unknown) => (codeOf(error) === RESOLVED ? flush() : Promise.reject(error)));
      demand(await this.#until(machine, first, 'flush'), 'a handle is told twice');
    }
  }

  #flushes(checker: Checker): string {
    const from = this.#model.moment;
    checker.asked.set('last', { actor: 'last', what: 'flush', from, cell: 0, tag: 0, cells: 0, taken: 0, takenAt: 0 });
    return 'last';
  }

  async #readAll(machine: Machine): Promise<void> {
    const { cache } = machine;
    const all = cache.readBytes(0, cache.sizeBytes).then((bytes) => {
      eachTag(bytes, 0, (cell, tag) => {
        demand(this.#model.is(cell, tag), () => `cell ${cell} is ${tag} in the end: ${this.#model.tell(cell)}`);
      });
    });
    await this.#until(machine, all, 'read');
  }

  /** What was begun before the cure may still fail. */
  async #settleOld(machine: Machine): Promise<void> {
    while (machine.plug.device.doomed > 0) {
      demand(machine.agenda.step(), 'the device has lost an operation');
      await drain();
      this.#check(machine);
    }
  }

  async #untilAnswered(machine: Machine): Promise<void> {
    const isWaiting = () => this.#clients.some((client) => client.waiting > 0);
    for (let steps = 0; isWaiting() || machine.cache.stats().pinnedBlocks > 0; steps++) {
      demand(steps < REST_STEPS_MAX, 'requests are still waiting, long after');
      demand(machine.agenda.step(), 'nothing is left that could happen, and a request was never answered');
      await drain();
      this.#check(machine);
    }
  }

  /** Lets things happen until a promise has settled: false if it was rejected as it may be. */
  async #until(
    machine: Machine,
    promise: Promise<unknown>,
    kind: 'flush' | 'close' | 'read' | 'replace',
  ): Promise<boolean> {
    let outcome: boolean | null = null;
    let failure: unknown = null;
    promise.then(
      () => {
        outcome = true;
      },
      (error: unknown) => {
        outcome = false;
        failure = error;
      },
    );
    for (let steps = 0; ; steps++) {
      await drain();
      this.#check(machine);
      if (outcome !== null) break;
      demand(steps < REST_STEPS_MAX, `a ${kind} takes for ever`);
      demand(machine.agenda.step(), `nothing is left that could happen, and a ${kind} was never answered`);
    }
    if (outcome === true) return true;
    if (!mayBeTold(kind, codeOf(failure), machine)) throw failure;
    return false;
  }

  #demandLog({ checker, cache }: Machine): void {
    if (checker.found !== null) throw checker.found;
    demandFold(checker.events, cache.hash());
    if (this.#replay) demandSameDecisions(checker.events);
  }
}

/** What an opening is told of a device that goes wrong while it brings writes back. */
const NEVER_SOUND = { closing: false, isReadOnly: false, isSound: () => false };
/** A cache is opened so many times over a device that goes wrong. */
const OPENINGS_MAX = 4;

const REENTRANT = ['read', 'readNow', 'write', 'flush'] as const;
