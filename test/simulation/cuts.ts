/**
 * Every power loss that there could be: after each step of a short run, every cut of what the journal and the device have not
 * synced yet, at every frame and sector, is recovered from through `openCache`, and held against the model.
 */
import { createHash } from 'node:crypto';
import { openCache } from '../../src/streams/open-cache.js';
import type { AfterPowerLoss } from './after-power-loss.js';
import { Agenda, drain } from './agenda.js';
import { CELL_BYTES } from './cells.js';
import { Checker } from './checker.js';
import { demand } from './failure.js';
import { Faults } from './faults.js';
import { Medium } from './medium.js';
import { Model } from './model.js';
import { Random } from './random.js';
import { type Moment, simulate } from './run.js';
import { SimDevice } from './sim-device.js';
import { SECTOR_BYTES, SimFiles } from './sim-files.js';
import { SimJournal } from './sim-journal.js';

export interface CutsResult {
  readonly seed: number;
  readonly steps: number;
  /** Losses of power held against the model: after each step, every state of the device with every state of the journal. */
  readonly cuts: number;
  /** Recoveries for that: where both were there before, after another step, it is known what comes back. */
  readonly recoveries: number;
  /** Null if all was well. */
  readonly failure: unknown;
}

type Files = readonly (readonly [name: string, content: Uint8Array])[];
type BroughtBack = ReadonlyMap<number, number>;

const OPENING_STEPS_MAX = 1000;
const NS = { least: 1000, most: 2000 };

/** Null for a seed that draws no durable journal. */
export async function cutEverywhere(seed: number, steps: number): Promise<CutsResult | null> {
  const cutter = new Cutter();
  const leftOut = new Set(['crash', 'close']);
  const afterStep = (now: Moment) => cutter.cut(now);
  const { failure } = await simulate({ seed, steps, leftOut, replay: false, afterStep });
  const { cuts, known } = cutter;
  return cutter.isDurable || failure !== null ? { seed, steps, cuts, recoveries: known.size, failure } : null;
}

class Cutter {
  cuts = 0;
  isDurable = false;
  /** What came back, by what was left of device and journal. */
  readonly known = new Map<string, BroughtBack>();
  #signature = '';

  async cut(now: Moment): Promise<void> {
    this.isDurable = now.journal?.keepsAcknowledged ?? false;
    const before = this.#signature;
    this.#signature = signatureOf(now);
    // Where nothing has been written or synced a power loss leaves the same, and nobody has been told of more.
    if (!this.isDurable || this.#signature === before) return;
    const devices = now.medium.cuts(SECTOR_BYTES / CELL_BYTES).map((kept) => ({ kept, digest: digestOf([kept]) }));
    for (const files of now.journal?.files.cuts() ?? []) {
      const digest = digestOf(files.flatMap(([name, content]) => [Buffer.from(`${name} ${content.length}`), content]));
      for (const device of devices) await this.#cut(now, device.kept, files, device.digest + digest);
    }
  }

  async #cut(now: Moment, kept: Int32Array, files: Files, state: string): Promise<void> {
    this.cuts++;
    const expected = now.checker.afterPowerLoss(true, kept);
    const known = this.known.get(state);
    if (known === undefined) {
      await recover(now, expected, kept, files);
      this.known.set(state, expected.broughtBack);
      return;
    }
    for (const [cell, tag] of known) expected.recovered(cell, tag);
    expected.check();
  }
}

function digestOf(parts: readonly Uint8Array[] | readonly Int32Array[]): string {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}

/** Of what a power loss may leave, and of what somebody has been told. */
function signatureOf({ medium, journal, checker }: Moment): string {
  const files = [...(journal?.files.files.values() ?? [])];
  const lengths = files.map(({ name, synced, changes }) => `${name} ${synced.length} ${changes.length}`);
  return `${medium.version} ${journal?.syncs} ${checker.events.length} ${lengths.join()}`;
}

async function recover({ drawn }: Moment, expected: AfterPowerLoss, kept: Int32Array, files: Files): Promise<void> {
  const agenda = new Agenda();
  const disk = SimFiles.holding(files, (done) => agenda.after(1, done));
  const { journal } = drawn;
  demand(journal !== null, 'a run with cuts has a journal');
  const reopened = new SimJournal(journal, disk);
  try {
    const { device, watching } = machineOf(drawn, kept, agenda, expected);
    const { blockSize, capacity, policy, mode, limits } = drawn;
    const place = reopened.place(agenda, new Random(1, 'cut'), watching);
    const opening = openCache(device, { blockSize, capacity, policy, mode, limits, clock: agenda, journal: place });
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    opening.then(end, end);
    for (let steps = 0; !isOver; steps++) {
      await drain();
      demand(isOver || (steps < OPENING_STEPS_MAX && agenda.step()), 'a cache was never opened');
    }
    await opening;
    if (watching.found !== null) throw watching.found;
    expected.check();
    await reopened.verify(true);
  } finally {
    reopened.end();
  }
}

function machineOf(
  { sizeBytes, supports }: Moment['drawn'],
  kept: Int32Array,
  agenda: Agenda,
  expected: ReturnType<Checker['afterPowerLoss']>,
) {
  const medium = new Medium(kept.length, kept);
  const random = new Random(1, 'cut');
  const faults = new Faults([], () => random);
  const report = (error: unknown) => watching.report(error);
  const timeoutNs = 1e9;
  const device = new SimDevice({
    sizeBytes,
    supports,
    medium,
    agenda,
    faults,
    random,
    latencyNs: NS,
    timeoutNs,
    report,
  });
  const model = new Model(kept.length);
  const watching: Checker = new Checker({ model, medium, expected, tellsLater: true });
  return { device, watching };
}
