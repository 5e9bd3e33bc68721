import { expect } from 'chai';
import { filter, map, take } from 'rxjs';
import { type BlockCache, faultDevice, latencyDevice, memoryDevice, openCache } from '../../src/index.js';
import { generator } from '../../src/device/random.js';
import { VirtualClock } from '../support/virtual-clock.js';

const BLOCK = 512;
const BLOCKS = 64;
const STEPS = 400;

/** What watches a cache. What it returns is done with at the end. */
type Watch = (cache: BlockCache) => void;

interface Outcome {
  /** Every event as JSON, as the journal got it. */
  readonly events: readonly string[];
  readonly hash: string;
  readonly bytes: Uint8Array;
  /** How every request ended. */
  readonly ends: readonly string[];
}

/** The same seeded work, with faults, on a device that takes its time; only who watches differs. */
async function work(seed: number, watch: Watch): Promise<Outcome> {
  const clock = new VirtualClock();
  const memory = memoryDevice({ sizeBytes: BLOCKS * BLOCK });
  const faults = faultDevice(memory);
  const times = { readMs: 2, writeMs: 3, barrierMs: 5, zeroMs: 1, jitter: 0.9, seed, setTimer: clock.after };
  const events: string[] = [];
  const journal = { append: (event: object) => void events.push(JSON.stringify(event)) };
  const limits = { dirtyAgeNs: 40e6 };
  const cache = await openCache(latencyDevice(faults, times), {
    blockSize: BLOCK,
    capacity: 12,
    clock,
    journal,
    seed,
    limits,
  });
  watch(cache);
  faults.inject({ on: 'write', code: 'EIO', nth: 5, times: 12 });
  faults.inject({ on: 'barrier', code: 'EIO', nth: 2, times: 2 });
  faults.inject({ on: 'read', code: 'EIO', nth: 9, times: 3 });
  const ends: string[] = [];
  const draw = generator(seed);
  let running: Promise<unknown>[] = [];
  for (let step = 0; step < STEPS; step++) {
    running.push(
      request(cache, draw).then(
        () => ends.push(`${step}`),
        (error: { code?: string }) => ends.push(`${step} ${error.code}`),
      ),
    );
    if (draw() < 0.4) {
      await clock.until(Promise.all(running));
      running = [];
    }
  }
  await clock.until(Promise.all(running));
  faults.cure();
  await clock.until(cache.close());
  return { events, hash: cache.hash(), bytes: memory.bytes, ends };
}

function request(cache: BlockCache, draw: () => number): Promise<unknown> {
  const below = (bound: number) => Math.floor(draw() * bound);
  const block = below(BLOCKS - 4);
  const count = 1 + below(4);
  switch (below(8)) {
    case 0:
    case 1:
      return cache.read(block, count);
    case 2:
    case 3:
    case 4:
      return cache.write(block, new Uint8Array(count * BLOCK).fill(below(256)));
    case 5:
      return cache.writeBytes(block * BLOCK + 7, new Uint8Array(600).fill(below(256)));
    case 6:
      return draw() < 0.5 ? cache.flush({ block, count }) : cache.zero({ block, count });
    default:
      cache.readahead({ block, count });
      return Promise.resolve();
  }
}

const WATCHES: Readonly<Record<string, Watch>> = {
  'three subscribers': (cache) => {
    for (let subscriber = 0; subscriber < 3; subscriber++) cache.events$.subscribe(() => {});
  },
  'operators that come and go': (cache) => {
    cache.events$
      .pipe(
        filter(({ type }) => type === 'written'),
        map(({ seq }) => seq),
        take(5),
      )
      .subscribe();
    cache.events$.pipe(filter(({ seq }) => seq % 50 === 0)).subscribe(() => {
      cache.events$.pipe(take(3)).subscribe();
    });
  },
  'subscribers that throw': (cache) => {
    cache.errors$.subscribe(() => {});
    for (const seq of [3, 40, 41, 300]) {
      cache.events$.subscribe((event) => {
        if (event.seq === seq) throw new Error('not mine');
      });
    }
    cache.events$
      .pipe(
        map(({ seq }) => {
          if (seq === 60) throw new Error('nor mine');
        }),
      )
      .subscribe();
  },
  'a subscriber that looks at everything': (cache) => {
    cache.events$.subscribe((event) => {
      cache.stats();
      if ('block' in event) cache.inspect(event.block);
      if (event.seq % 20 === 0) cache.hash();
    });
  },
};

describe('the events of a cache', () => {
  it('are worth comparing: the work fills, evicts, fails, retries, splits and parks', async () => {
    const { events } = await work(7, () => {});
    const types = new Set(events.map((event) => JSON.parse(event).type));
    expect([...types]).to.include.members([
      'evicted',
      'fillFailed',
      'writebackRetryScheduled',
      'barrierFailed',
      'clearFinished',
      'writeQueued',
      'fillJoined',
      'ticked',
      'closed',
    ]);
  });

  it('are the same when the same work is done again, and others with another seed', async () => {
    const [first, second, other] = [await work(7, () => {}), await work(7, () => {}), await work(8, () => {})];
    expect(second).to.deep.equal(first);
    expect(other.events).to.not.deep.equal(first.events);
  });

  for (const [name, watch] of Object.entries(WATCHES)) {
    it(`are the same, byte for byte, with ${name} as with none`, async () => {
      const [alone, watched] = [await work(7, () => {}), await work(7, watch)];
      for (const [at, event] of watched.events.entries())
        if (event !== alone.events[at]) expect(event).to.equal(alone.events[at]);
      expect(watched).to.deep.equal(alone);
    });
  }
});
