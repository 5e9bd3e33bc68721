import fs, { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { context, trace } from '@opentelemetry/api';
import { tracing } from '@opentelemetry/sdk-node';
import { expect } from 'chai';
import type { BlockCache, Clock } from '../../../src/index.js';
import { type JournalMode, openJournalWriter } from '../../../src/streams/journal/index.js';
import { instrument } from '../../../src/telemetry/index.js';
import { randomRun } from './random-run.js';

const SEEDS = [11, 12];

/** Samplers of the SDK; null for no SDK, undefined for a cache that is not instrumented. */
const WAYS: Readonly<Record<string, { readonly sampler: tracing.Sampler | null; readonly hits?: boolean }>> = {
  'no SDK': { sampler: null },
  'an SDK that samples nothing': { sampler: new tracing.AlwaysOffSampler() },
  'an SDK that samples a part': { sampler: new tracing.TraceIdRatioBasedSampler(0.3) },
  'an SDK that samples all': { sampler: new tracing.AlwaysOnSampler() },
  'an SDK that samples all, hits too': { sampler: new tracing.AlwaysOnSampler(), hits: true },
};

describe('tracing', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-tracing-'));
  let made = 0;
  /** By mode and seed. */
  const untraced = new Map<string, Promise<string[][]>>();
  const { fdatasync } = fs;
  before(() => {
    // Frames of a durable journal end where the answers of its disk fall: this one answers at once.
    const syncAtOnce = (file: number, done: (error: null) => void) => {
      fs.fdatasyncSync(file);
      done(null);
    };
    Object.assign(fs, { fdatasync: syncAtOnce });
    syncBuiltinESMExports();
  });
  after(() => {
    Object.assign(fs, { fdatasync });
    syncBuiltinESMExports();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    trace.disable();
    context.disable();
  });

  async function journalled(seed: number, mode: JournalMode, watch?: (cache: BlockCache) => () => void) {
    const directory = path.join(folder, String(made++));
    const journal = (clock: Clock) => openJournalWriter(directory, { clock, mode, bufferBytes: 4096 });
    await randomRun(seed, { steps: 30, journal, ...(watch === undefined ? {} : { watch }) });
    return readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name), 'latin1')]);
  }

  for (const mode of ['audit', 'durable'] as const) {
    for (const [way, { sampler, hits = false }] of Object.entries(WAYS)) {
      it(`with ${way} leaves the journal as it is without, byte for byte (${mode})`, async () => {
        for (const seed of SEEDS) {
          trace.disable();
          const name = `${mode} ${seed}`;
          if (!untraced.has(name)) untraced.set(name, journalled(seed, mode));
          const without = (await untraced.get(name)) ?? [];
          if (sampler !== null) trace.setGlobalTracerProvider(new tracing.BasicTracerProvider({ sampler }));
          let spans = 0;
          const watched = await journalled(seed, mode, (cache) => {
            const instrumentation = instrument(cache, { hits });
            const before = instrumentation.stats().spansStarted;
            return () => {
              instrumentation.stop();
              spans = instrumentation.stats().spansStarted - before;
            };
          });
          expect(watched.length).to.be.at.least(1);
          expect(watched.map(([name, bytes]) => [name, bytes.length])).to.deep.equal(
            without.map(([name, bytes]) => [name, bytes.length]),
          );
          expect(
            watched.every(([, bytes], index) => bytes === without[index][1]),
            `seed ${seed}`,
          ).to.equal(true);
          expect(spans > 0, 'spans were made').to.equal(sampler !== null);
        }
      });
    }
  }
});
