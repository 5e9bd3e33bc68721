/**
 * Mixed load over a real file, with faults and a journal, in real time: nothing may be lost, no memory may grow, and after the
 * close nothing may be left.
 */
import { getEventListeners, setMaxListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type BlockCache, faultDevice, openCache, openFileDevice, WriteError } from '../../src/index.js';
import type { FaultDevice } from '../../src/device/fault.js';
import { verifyJournal } from '../../src/streams/journal/index.js';
import { Random } from '../simulation/random.js';
import { checkBlock, Client } from './client.js';
import { type Flatness, flatness, type Sample, sample } from './memory.js';
import { change } from './weather.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly progress?: (share: number, cache: BlockCache) => void;
}

export interface SoakResult {
  readonly seconds: number;
  readonly requests: number;
  readonly faults: number;
  readonly told: Readonly<Record<string, number>>;
  readonly events: number;
  readonly journal: string;
  /** Null for a run that is too short to tell. */
  readonly memory: Flatness | null;
  readonly samples: number;
  /** What keeps a process alive and was not there before, and listeners that are left: must be none. */
  readonly left: readonly string[];
}

const BLOCK_BYTES = 4096;
const BLOCKS = 8192;
const CAPACITY_BLOCKS = 512;
const CLIENTS = 16;
/** A sample costs a collection. */
const SAMPLES_MAX = 240;
const SAMPLE_SECONDS_MIN = 0.5;
/** Memory has settled by the second quarter of a run that is at least so long. */
const JUDGED_SECONDS_MIN = 120;
/** Some 800 requests a second: a soak leaves room for others on its machine. */
const REQUESTS_AT_ONCE = 10;
const PAUSE_MS = 200;

export async function soak({ seconds, seed, progress }: SoakOptions): Promise<SoakResult> {
  const before = left();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-soak-'));
  const image = path.join(folder, 'image');
  writeFileSync(image, '');
  truncateSync(image, BLOCKS * BLOCK_BYTES);
  try {
    const run = new Soak(seed, folder, image);
    const done = await run.go(seconds, progress);
    // Handles are closed a turn after they are let go of.
    await pause(50);
    return { ...done, left: newIn(left(), before) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class Soak {
  readonly #random: Random;
  readonly #directory: string;
  readonly #image: string;
  readonly #tags = new Int32Array(BLOCKS);
  readonly #samples: Sample[] = [];
  #isOver = false;

  constructor(seed: number, folder: string, image: string) {
    this.#random = new Random(seed, 'soak');
    this.#directory = path.join(folder, 'journal');
    this.#image = image;
  }

  async go(seconds: number, progress?: SoakOptions['progress']): Promise<Omit<SoakResult, 'left'>> {
    const device = faultDevice(await openFileDevice(this.#image));
    const cache = await this.#open(device);
    const lasting = new AbortController();
    // As many as there are clients, at most: each has one request under way.
    setMaxListeners(CLIENTS, lasting.signal);
    const watch = cache.events$.subscribe();
    const clients = this.#clients(cache, lasting.signal);
    const weather = this.#weather(device);
    const work = clients.map((client) => this.#work(client));
    await this.#measure(seconds, cache, work, progress);
    this.#isOver = true;
    await Promise.all(work);
    await weather;
    device.cure();
    device.release();
    const { events } = cache.stats();
    await this.#closeWhenCured(cache);
    watch.unsubscribe();
    this.#verify();
    const listeners = getEventListeners(lasting.signal, 'abort').length;
    if (listeners > 0) throw new Error(`${listeners} listeners are left on a signal`);
    const { status } = await verifyJournal(this.#directory);
    const requests = clients.reduce((sum, client) => sum + client.requests, 0);
    const memory = seconds < JUDGED_SECONDS_MIN ? null : flatness(this.#samples);
    const { length: samples } = this.#samples;
    return { seconds, requests, faults: device.faults, told: told(clients), events, journal: status, memory, samples };
  }

  async #open(device: FaultDevice): Promise<BlockCache> {
    return openCache(device, {
      blockSize: BLOCK_BYTES,
      capacity: CAPACITY_BLOCKS,
      deviceTimeoutMs: 300,
      // Short runs: the memory for one that is under way must not look like growth.
      limits: { admissionTimeoutNs: 2e9, dirtyAgeNs: 1e8, retryCapNs: 1e8, runBytesMax: 16 * BLOCK_BYTES },
      journal: {
        directory: this.#directory,
        mode: 'durable',
        segmentBytes: 8 << 20,
        retention: { segments: 4 },
      },
    });
  }

  #clients(cache: BlockCache, signal: AbortSignal): Client[] {
    return Array.from({ length: CLIENTS }, (_, at) => {
      const blocks = Array.from({ length: BLOCKS / CLIENTS }, (_, index) => index * CLIENTS + at);
      const random = new Random(at, 'client');
      return new Client(cache, blocks, this.#tags, random, signal, at * 100_000_000);
    });
  }

  async #work(client: Client): Promise<void> {
    while (!this.#isOver) {
      for (let at = 0; at < REQUESTS_AT_ONCE && !this.#isOver; at++) await client.request();
      await pause(PAUSE_MS);
    }
  }

  async #weather(device: FaultDevice): Promise<void> {
    while (!this.#isOver) await pause(change(device, this.#random));
  }

  async #measure(
    seconds: number,
    cache: BlockCache,
    work: readonly Promise<void>[],
    progress: SoakOptions['progress'],
  ): Promise<void> {
    const failed = Promise.all(work).then(() => undefined);
    const samples = Math.ceil(Math.min(SAMPLES_MAX, seconds / SAMPLE_SECONDS_MIN));
    for (let at = 1; at <= samples; at++) {
      await Promise.race([pause((seconds * 1000) / samples), failed]);
      this.#samples.push(sample(at / samples, cache.stats().memoryBytes));
      progress?.(at / samples, cache);
    }
  }

  /** What a fault had left undone is done when the device is well: at the latest when its timeouts are over. */
  async #closeWhenCured(cache: BlockCache): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return await cache.close();
      } catch (error) {
        // Told once of what was cured before: the cache is closed.
        if (error instanceof WriteError && error.code === 'CACHETRAIL_FAILURE_RESOLVED') return;
        if (tries === 20) throw error;
        await pause(100);
      }
    }
  }

  #verify(): void {
    const bytes = readFileSync(this.#image);
    for (let block = 0; block < BLOCKS; block++) {
      const at = bytes.byteOffset + block * BLOCK_BYTES;
      checkBlock(block, new Uint8Array(bytes.buffer, at, BLOCK_BYTES), this.#tags[block]);
    }
  }
}

function told(clients: readonly Client[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const client of clients) for (const [code, count] of client.told) sum[code] = (sum[code] ?? 0) + count;
  return sum;
}

/** What keeps the process alive, and who listens to it. */
function left(): string[] {
  const listeners = process.eventNames().flatMap((name) => {
    return Array.from({ length: process.listenerCount(name) }, () => `listener for ${String(name)}`);
  });
  return [...process.getActiveResourcesInfo(), ...listeners];
}

function newIn(now: readonly string[], before: readonly string[]): string[] {
  const known = [...before];
  return now.filter((one) => {
    const at = known.indexOf(one);
    if (at !== -1) known.splice(at, 1);
    return at === -1;
  });
}
