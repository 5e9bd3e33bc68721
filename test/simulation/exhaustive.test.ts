/**
 * A fixed workload, over and over: the Nth operation of the device fails, for every N, once and for good, and the power is cut at
 * every N. Nothing may be lost, and whoever it concerns must be told.
 */
import { expect } from 'chai';
import {
  type BlockCache,
  type BlockDevice,
  CachetrailError,
  type FaultDevice,
  faultDevice,
  memoryDevice,
  openCache,
  WriteError,
} from '../../src/index.js';
import { VirtualClock } from '../support/virtual-clock.js';

const BLOCK_BYTES = 512;
const BLOCKS = 16;
const OPERATIONS_MAX = 60;
/** More than there are operations. */
const FOR_GOOD = 1_000_000;

/** One request of the workload. `writes`: blocks and what they hold after it, if it is not refused. */
interface Step {
  readonly ask: (cache: BlockCache) => Promise<unknown>;
  readonly writes: ReadonlyMap<number, number>;
  readonly kind: 'read' | 'write' | 'through' | 'flush' | 'zero';
}

const filled = (byte: number, blocks = 1) => new Uint8Array(blocks * BLOCK_BYTES).fill(byte);
const NOTHING: ReadonlyMap<number, number> = new Map();
const write = (block: number, byte: number, count = 1): Step => ({
  kind: 'write',
  ask: (cache) => cache.write(block, filled(byte, count)),
  writes: new Map(Array.from({ length: count }, (_, at) => [block + at, byte])),
});
const through = (block: number, byte: number): Step => ({
  kind: 'through',
  ask: (cache) => cache.writeBytes(block * BLOCK_BYTES, filled(byte), { through: true }),
  writes: new Map([[block, byte]]),
});
const read = (block: number, count: number): Step => ({
  kind: 'read',
  ask: (cache) => cache.read(block, count),
  writes: NOTHING,
});
const flush: Step = { kind: 'flush', ask: (cache) => cache.flush(), writes: NOTHING };
const zero = (block: number): Step => ({
  kind: 'zero',
  ask: (cache) => cache.zero({ block, count: 1 }),
  writes: new Map([[block, 0]]),
});

const WORKLOAD: readonly Step[] = [
  write(0, 1, 4),
  read(5, 3),
  flush,
  write(1, 2),
  through(12, 3),
  read(0, 8),
  zero(2),
  write(8, 4, 3),
  read(13, 2),
  flush,
  write(2, 5),
  write(8, 6),
  read(4, 6),
  zero(3),
  through(9, 7),
  flush,
];

interface Told {
  readonly kind: Step['kind'];
  readonly error: unknown;
}

/** The values that a block has had since it was told to be durable; the last is what a read gives, if it is not in doubt. */
class Run {
  readonly clock = new VirtualClock();
  readonly memory = memoryDevice({ sizeBytes: BLOCKS * BLOCK_BYTES });
  readonly faulty: FaultDevice = faultDevice(this.memory, { volatile: true });
  readonly values: number[][] = Array.from({ length: BLOCKS }, () => [0]);
  readonly told: Told[] = [];

  open(device: BlockDevice): Promise<BlockCache> {
    const limits = { dirtyHardShare: 1, dirtyBackgroundShare: 1, admissionTimeoutNs: 1e9 };
    return openCache(device, { clock: this.clock, blockSize: BLOCK_BYTES, capacity: 10, limits });
  }

  async go(cache: BlockCache, isOver: () => boolean = () => false): Promise<void> {
    for (const step of WORKLOAD) {
      const { kind, ask, writes } = step;
      try {
        await this.clock.until(ask(cache));
        for (const [block, value] of writes) this.values[block].push(value);
        if (kind === 'flush') for (const values of this.values) values.splice(0, values.length - 1);
        if (kind === 'zero') for (const block of writes.keys()) this.values[block] = [0];
      } catch (error) {
        if (isOver()) return;
        this.told.push({ kind, error });
        this.#failed(step, error);
      }
    }
  }

  /** What the device would not take is in the cache; what could not be zeroed is zero or as it was. */
  #failed({ kind, writes }: Step, error: unknown): void {
    const isTaken = error instanceof CachetrailError && error.code === 'CACHETRAIL_WRITE_FAILED';
    if (kind === 'through' && isTaken) for (const [block, value] of writes) this.values[block].push(value);
    if (kind === 'zero') for (const block of writes.keys()) this.values[block].unshift(0);
  }

  expectKept(which: (values: readonly number[], block: number) => readonly number[]): void {
    for (const [block, values] of this.values.entries()) {
      const bytes = this.memory.bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
      expect(bytes.every((byte) => byte === bytes[0])).to.equal(true);
      expect(which(values, block), `block ${block}`).to.include(bytes[0]);
    }
  }

  /** Of those that a failed zero has left in doubt: zero as well. */
  inDoubt(): ReadonlySet<number> {
    const failed = this.told.some(({ kind }) => kind === 'zero');
    return new Set(failed ? [2, 3] : []);
  }
}

type On = 'read' | 'write' | 'barrier';

/** False if there were not so many operations. */
async function failNth(on: On, nth: number, times: number, code: string): Promise<boolean> {
  const run = new Run();
  const rule = run.faulty.inject({ on, nth, times, code });
  const cache = await run.open(run.faulty);
  await run.go(cache);
  if (rule.hits > 0) expectTold(run.told, on, times, code);
  else expect(run.told).to.deep.equal([]);
  run.faulty.cure();
  await endFlush(run, cache);
  await run.clock.until(cache.close());
  const doubt = run.inDoubt();
  run.expectKept((values, block) => (doubt.has(block) ? [0, ...values] : values.slice(-1)));
  return rule.hits > 0;
}

/** What has been cured is told once more, to who was there. */
async function endFlush({ clock }: Run, cache: BlockCache): Promise<void> {
  try {
    await clock.until(cache.flush());
  } catch (error) {
    expect(error).to.have.property('code', 'CACHETRAIL_FAILURE_RESOLVED');
    await clock.until(cache.flush());
  }
}

function expectTold(told: readonly Told[], on: On, times: number, code: string): void {
  const kinds = told.map(({ kind }) => kind);
  if (on === 'read') expect(kinds, 'the reader is told').to.include('read');
  // Another try, or a split, is all that one failure takes, and nobody need know; a zero is told of a barrier that fails.
  else if (times === 1 && code === 'EIO') expect(kinds.filter((kind) => kind !== 'zero')).to.deep.equal([]);
  else if (times !== 1) expect(kinds.at(-1), 'the last flush is told').to.equal('flush');
  for (const { error } of told) {
    if (!(error instanceof CachetrailError)) throw error;
    const codes = error instanceof WriteError ? error.blocks.map((block) => block.code) : [];
    for (const one of codes) expect(one).to.equal(code);
  }
}

describe('A fixed workload, whatever fails in it', function () {
  this.timeout(120_000);

  for (const on of ['read', 'write', 'barrier'] as const) {
    for (const [how, times] of [
      ['once', 1],
      ['for good', FOR_GOOD],
    ] as const) {
      for (const code of ['EIO', 'EROFS']) {
        it(`loses nothing and tells of it when any ${on} fails ${how} with ${code}`, async () => {
          let nth = 1;
          while (nth < OPERATIONS_MAX && (await failNth(on, nth, times, code))) nth++;
          expect(nth).to.be.within(4, OPERATIONS_MAX - 1);
        });
      }
    }
  }

  it('keeps all that was told to be durable when the power is cut at any operation', async () => {
    let cuts = 0;
    for (let nth = 1, hit = true; hit; nth++) {
      const run = new Run();
      let operations = 0;
      const isOver = () => operations >= nth;
      const counted = counting(run.faulty, async () => {
        if (++operations === nth) await run.faulty.powerCut();
      });
      const cache = await run.open(counted);
      await run.go(cache, isOver);
      hit = isOver();
      if (!hit) continue;
      cuts++;
      run.expectKept((values) => values);
    }
    expect(cuts).to.be.above(15);
  });
});

/** The same device, with something done before each operation. */
function counting(device: BlockDevice, before: () => Promise<void>): BlockDevice {
  return {
    supports: device.supports,
    sizeBytes: device.sizeBytes,
    identity: device.identity,
    fd: device.fd,
    read: (offset, buffers) => before().then(() => device.read(offset, buffers)),
    write: (offset, buffers) => before().then(() => device.write(offset, buffers)),
    barrier: () => before().then(() => device.barrier()),
    discard: (offset, length) => before().then(() => device.discard(offset, length)),
    zero: (offset, length) => before().then(() => device.zero(offset, length)),
    setOption: (name, value) => device.setOption(name, value),
    close: () => device.close(),
  };
}
