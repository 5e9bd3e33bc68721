/** The demo from start to end. */
import type { CacheEvent } from '../../cache/events.js';
import type { PolicyName } from '../../cache/limits.js';
import { codeOf, DeviceError } from '../../device/errors.js';
import { openFileDevice } from '../../device/index.js';
import { EXIT } from '../command.js';
import { packageRoot } from '../package-files.js';
import { bareDisk } from './bare-disk.js';
import { type Difference, differencesOf, filesIn, type Snapshot, snapshotOf } from './compare.js';
import { checkImage } from './e2fsck.js';
import { ImageFileError } from './image-files.js';
import { type ImageOptions, type Images, prepareImages } from './images.js';
import { type DemoJournal, demoJournal, type JournalReport, journalReport } from './journal.js';
import { loadExt2fs, mount } from './mount.js';
import { type Narrator, narrator } from '../narrator.js';
import { type DemoResult, isGood, type RunDifference, reportObject, reportText } from './report.js';
import { bareRun, type CachedRunResult, cachedRun, type RunResult } from './runs.js';
import { interruption } from '../interruption.js';
import { type DemoTraceReport, isUnsent, writeDemoTrace } from './trace-output.js';
import type { OtlpEndpoint } from '../otlp/endpoint.js';
import { demoTree, type Tree } from './tree.js';
import { warmUp } from './warm-up.js';
import { removeTree } from './workload.js';

export interface DemoOptions extends ImageOptions {
  /** Files to generate. */
  readonly files: number;
  /** Blocks; undefined for the cache's default. */
  readonly capacity: number | undefined;
  readonly policy: PolicyName;
  /** `directory` of the journal, undefined for a fresh one; null for no journal. */
  readonly journal: { readonly directory: string | undefined } | null;
  /** Whether to make a trace of the journal. */
  readonly trace: boolean;
  /** Where to send it; null for where a collector is found. */
  readonly otlp: OtlpEndpoint | null;
  readonly json: boolean;
  readonly events: boolean;
}

/** Resolves with the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const tell = narrator({ lines: linesStream(options), terminal: process.stderr });
  const { signal, dispose } = interruption(() => tell.heading('interrupted: unmounting and closing'));
  try {
    const result = await new Demo(options, tell, signal).run();
    tell.quiet();
    print(result, options);
    if (!isGood(result)) return EXIT.different;
    return result.trace !== null && isUnsent(result.trace) ? EXIT.failed : EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    tell.heading('interrupted: the image is unmounted and closed');
    return EXIT.interrupted;
  } finally {
    tell.quiet();
    dispose();
  }
}

/** stdout belongs to the machine where one was asked for. */
function linesStream({ json, events }: DemoOptions): NodeJS.WriteStream | undefined {
  if (json) return undefined;
  return events ? process.stderr : process.stdout;
}

function print(result: DemoResult, options: DemoOptions): void {
  if (options.json) process.stdout.write(`${JSON.stringify(reportObject(result))}\n`);
  else linesStream(options)?.write(`\n${reportText(result)}`);
}

class Demo {
  readonly #options: DemoOptions;
  readonly #tell: Narrator;
  readonly #signal: AbortSignal;
  readonly #tree: Tree;

  constructor(options: DemoOptions, tell: Narrator, signal: AbortSignal) {
    this.#options = options;
    this.#tell = tell;
    this.#signal = signal;
    this.#tree = demoTree(options.files, packageRoot());
  }

  async run(): Promise<DemoResult> {
    await loadExt2fs();
    const { journal } = this.#options;
    if (journal === null) return await this.#work(null);
    const kept = demoJournal(journal.directory);
    try {
      return await this.#work(kept);
    } catch (error) {
      kept.forget();
      throw error;
    }
  }

  async #work(journal: DemoJournal | null): Promise<DemoResult> {
    const images = await prepareImages(this.#options, this.#tree, this.#signal);
    try {
      this.#introduce(images);
      const before = await this.#examine(images.withoutCachePath);
      const directory = freshDirectory(before);
      await warmUp(this.#tree, this.#signal);
      const withCache = await this.#runWithCache(images, directory, journal);
      try {
        const withoutCache = await this.#runWithoutCache(images, directory);
        const report = await this.#examineJournal(journal, withCache);
        const trace = await this.#writeTrace(journal, withCache);
        return { ...(await this.#compare(images, before, withCache, withoutCache)), journal: report, trace };
      } finally {
        if (this.#options.inPlace) await this.#removeFrom(images.withCachePath, directory);
      }
    } finally {
      await images.device.close();
    }
  }

  #introduce({ superblock, withCachePath, withoutCachePath }: Images): void {
    const { image, inPlace, keep } = this.#options;
    const name = image ?? 'the one that ships with the package';
    const mebibytes = (superblock.sizeBytes / 2 ** 20).toFixed(0);
    this.#tell.heading(`image: ${name}`);
    this.#tell.said(`${mebibytes} MiB of ${superblock.kind} in blocks of ${superblock.blockSize} bytes`);
    this.#tell.said(inPlace ? 'the image itself is changed' : 'a copy is changed');
    if (keep !== undefined) this.#tell.said(`left in ${withCachePath} and ${withoutCachePath}`);
  }

  /** What is in the image before. Rejects with CACHETRAIL_NO_FILE_SYSTEM for one that is damaged. */
  async #examine(path: string): Promise<Snapshot> {
    const check = await checkImage(path, this.#signal);
    if (check.ran && !check.clean) throw damaged('e2fsck finds faults in the image; repair it first (`e2fsck -f`)');
    try {
      return await this.#snapshot(path);
    } catch (error) {
      const isDamage = error instanceof ImageFileError || codeOf(error) === 'CACHETRAIL_OUT_OF_RANGE';
      throw isDamage ? damaged('not every file of the image can be read', error) : error;
    }
  }

  #runWithCache({ device }: Images, directory: string, journal: DemoJournal | null): Promise<CachedRunResult> {
    const { capacity, policy, events } = this.#options;
    const onEvent = events ? writeEvent : () => undefined;
    this.#tell.heading('with the cache, on a device that fails some writes');
    return cachedRun(device, this.#runInput(directory), {
      capacity,
      policy,
      journal: journal?.directory ?? null,
      onEvent,
    });
  }

  async #examineJournal(journal: DemoJournal | null, { writeErrors }: CachedRunResult): Promise<JournalReport | null> {
    if (journal === null) return null;
    this.#tell.progress('verifying the journal');
    return await journalReport(journal.directory, writeErrors);
  }

  async #writeTrace(journal: DemoJournal | null, { trace }: CachedRunResult): Promise<DemoTraceReport | null> {
    if (journal === null || !this.#options.trace) return null;
    this.#tell.progress('making a trace of the journal');
    return await writeDemoTrace(journal.directory, trace, this.#options.otlp);
  }

  async #runWithoutCache({ withoutCachePath }: Images, directory: string): Promise<RunResult> {
    this.#tell.heading('the same without a cache, on a device that does not fail');
    return await bareRun(await openFileDevice(withoutCachePath), this.#runInput(directory));
  }

  #runInput(directory: string) {
    return { tree: this.#tree, directory, signal: this.#signal, narrator: this.#tell };
  }

  async #compare(
    images: Images,
    before: Snapshot,
    withCache: CachedRunResult,
    withoutCache: RunResult,
  ): Promise<Omit<DemoResult, 'journal' | 'trace'>> {
    const withCacheFound = await this.#snapshot(images.withCachePath);
    const withoutCacheFound = await this.#snapshot(images.withoutCachePath);
    return {
      withCache,
      withoutCache,
      filesCompared: filesIn(withCacheFound),
      differences: [
        ...differencesOfRun('withCache', before, withCache, withCacheFound),
        ...differencesOfRun('withoutCache', before, withoutCache, withoutCacheFound),
      ],
      checks: {
        withCache: await checkImage(images.withCachePath, this.#signal),
        withoutCache: await checkImage(images.withoutCachePath, this.#signal),
      },
    };
  }

  #snapshot(path: string): Promise<Snapshot> {
    const progress = (done: number) => this.#tell.progress(`reading every file of the image: ${done} read`);
    return snapshotOf(path, { signal: this.#signal, progress });
  }

  /** The user's image shall be as it was found. */
  async #removeFrom(path: string, directory: string): Promise<void> {
    this.#tell.progress(`removing ${directory} from the image`);
    const device = await openFileDevice(path);
    try {
      const { files, unmount } = await mount(bareDisk(device));
      try {
        await removeTree(files, directory);
      } finally {
        await unmount();
      }
    } finally {
      await device.close();
    }
    this.#tell.heading(`removed ${directory} from ${path}`);
  }
}

function differencesOfRun(
  run: RunDifference['run'],
  before: Snapshot,
  result: RunResult,
  found: Snapshot,
): RunDifference[] {
  const { expected, readBackDifferences } = result.workload;
  const readBack: Difference[] = readBackDifferences.map((path) => ({ path, problem: 'read back wrong' }));
  return [...readBack, ...differencesOf(new Map([...before, ...expected]), found)].map((one) => ({ run, ...one }));
}

/** A path that the image does not have. */
function freshDirectory(before: Snapshot): string {
  for (let number = 1; ; number++) {
    const path = number === 1 ? '/cachetrail-demo' : `/cachetrail-demo-${number}`;
    if (!before.has(path)) return path;
  }
}

function damaged(message: string, cause?: unknown): DeviceError {
  return new DeviceError('CACHETRAIL_NO_FILE_SYSTEM', message, { cause });
}

function writeEvent(event: CacheEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
