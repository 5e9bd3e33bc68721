/**
 * Every power loss that there could be: after each step of a short run, every cut of what the journal and the device have not
 * synced yet, at every frame and sector, is recovered from through `openCache`, and held against the model.
 */
import { openCache } from '../../src/streams/open-cache.js';
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
  /** Recoveries tried. */
  readonly cuts: number;
  /** Null if all was well. */
  readonly failure: unknown;
}

type Files = readonly (readonly [name: string, content: Uint8Array])[];

const OPENING_STEPS_MAX = 1000;
const NS = { least: 1000, most: 2000 };

/** `most` cuts after each step: of more, so many are taken evenly. Null for a seed that draws no durable journal. */
export async function cutEverywhere(seed: number, steps: number, most: number): Promise<CutsResult | null> {
  let cuts = 0;
  let known = '';
  let isDurable = false;
  const afterStep = async (now: Moment) => {
    isDurable = now.journal?.keepsAcknowledged ?? false;
    const before = known;
    known = signatureOf(now);
    // Where nothing has been written or synced a power loss leaves the same.
    if (!isDurable || known === before) return;
    cuts += await cutNow(now, most);
  };
  const leftOut = new Set(['crash', 'close']);
  const { failure } = await simulate({ seed, steps, leftOut, replay: false, afterStep });
  return isDurable || failure !== null ? { seed, steps, cuts, failure } : null;
}

function signatureOf({ medium, journal }: Moment): string {
  const files = [...(journal?.files.files.values() ?? [])];
  const lengths = files.map(({ name, synced, changes }) => `${name} ${synced.length} ${changes.length}`);
  return `${medium.version} ${lengths.join()}`;
}

async function cutNow(now: Moment, most: number): Promise<number> {
  const devices = now.medium.cuts(SECTOR_BYTES / CELL_BYTES);
  const journals = [...(now.journal?.files.cuts() ?? [])];
  const all = devices.length * journals.length;
  const stride = Math.max(1, all / most);
  let cuts = 0;
  for (let at = 0; at < all; at = Math.floor(++cuts * stride)) {
    await recover(now, devices[at % devices.length], journals[Math.floor(at / devices.length)]);
  }
  return cuts;
}

async function recover({ drawn, checker }: Moment, kept: Int32Array, files: Files): Promise<void> {
  const expected = checker.afterPowerLoss(true, kept);
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
  const watching: Checker = new Checker({ model, medium, device, expected, tellsLater: true });
  return { device, watching };
}
