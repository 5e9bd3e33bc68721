/**
 * Finished spans on their way to an exporter: a bounded queue that counts what it drops. OpenTelemetry's own batch processor
 * drops without a word what does not fit, and so loses most of a burst.
 */
import { diag } from '@opentelemetry/api';
import { type CancelTimer, type Clock, systemClock } from '../streams/clock.js';
import { SPAN_COUNTS } from './telemetry-stats.js';

/** What a processor needs to know of an SDK's finished span. */
interface FinishedSpan {
  spanContext(): { readonly traceFlags: number };
}

/** An SDK's exporter. `done` with code 0 says that all were taken. */
export interface Exporter<Span> {
  export(spans: Span[], done: (result: { readonly code: number; readonly error?: Error }) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

export interface SpanQueueOptions {
  /** Most spans that wait. Default 32,768. */
  readonly spansMax?: number;
  /** Most spans in one export. Default 512. */
  readonly batchMax?: number;
  /** How long a span waits for others, milliseconds. Default 1000. */
  readonly delayMs?: number;
  /** An export that takes longer has failed, milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  /** Calls `work` so that what it does makes no spans itself. */
  readonly quietly?: (work: () => void) => void;
}

const SAMPLED = 1;
const NS_PER_MS = 1e6;

/** A span processor for the option `spanProcessors` of an SDK. One export is under way at a time. */
export class SpanQueue<Span extends FinishedSpan> {
  readonly #exporter: Exporter<Span>;
  readonly #options: Required<SpanQueueOptions>;
  #waiting: Span[] = [];
  #exporting = false;
  #cancelTimer: CancelTimer | null = null;
  #pumping = false;
  /** Who waits for the queue to be empty. */
  #waiters: (() => void)[] = [];
  #shutdown: Promise<void> | null = null;
  #told = false;

  constructor(exporter: Exporter<Span>, options: SpanQueueOptions = {}) {
    const { spansMax = 32_768, batchMax = 512, delayMs = 1000, timeoutMs = 30_000 } = options;
    const { clock = systemClock(), quietly = (work: () => void) => work() } = options;
    this.#exporter = exporter;
    this.#options = { spansMax, batchMax: Math.min(batchMax, spansMax), delayMs, timeoutMs, clock, quietly };
  }

  onStart(): void {}

  onEnd(span: Span): void {
    if ((span.spanContext().traceFlags & SAMPLED) === 0) return;
    if (this.#shutdown !== null || this.#waiting.length >= this.#options.spansMax) return this.#dropped(1, 'no room');
    this.#waiting.push(span);
    if (this.#waiting.length >= this.#options.batchMax) this.#soon();
    else this.#arm();
  }

  /** Resolves when all that had ended is exported or dropped. */
  async forceFlush(): Promise<void> {
    if (this.#waiting.length > 0 || this.#exporting) {
      const empty = new Promise<void>((resolve) => this.#waiters.push(resolve));
      this.#pump();
      await empty;
    }
    await this.#exporter.forceFlush?.();
  }

  shutdown(): Promise<void> {
    this.#shutdown ??= this.forceFlush().then(() => this.#exporter.shutdown());
    return this.#shutdown;
  }

  /** After the current turn: what a burst ends in it goes out together. */
  #soon(): void {
    if (this.#pumping || this.#exporting) return;
    this.#pumping = true;
    this.#options.clock.afterTurn(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #arm(): void {
    if (this.#cancelTimer !== null || this.#exporting) return;
    const { clock, delayMs } = this.#options;
    this.#cancelTimer = clock.setTimer(clock.now() + delayMs * NS_PER_MS, false, () => {
      this.#cancelTimer = null;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#exporting || this.#waiting.length === 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#exporting = true;
    const batch = this.#waiting.splice(0, this.#options.batchMax);
    this.#export(batch, (problem) => {
      this.#exporting = false;
      if (problem !== null) this.#dropped(batch.length, problem);
      this.#goOn();
    });
  }

  #goOn(): void {
    const { length } = this.#waiting;
    if (length === 0) for (const resolve of this.#waiters.splice(0)) resolve();
    else if (length >= this.#options.batchMax || this.#waiters.length > 0) this.#pump();
    else this.#arm();
  }

  /** `ended` is called once, with what went wrong or null. */
  #export(batch: Span[], ended: (problem: string | null) => void): void {
    const { clock, timeoutMs, quietly } = this.#options;
    let isOver = false;
    const end = (problem: string | null) => {
      if (isOver) return;
      isOver = true;
      cancel();
      ended(problem);
    };
    const cancel = clock.setTimer(clock.now() + timeoutMs * NS_PER_MS, false, () => {
      end(`no answer within ${timeoutMs} ms`);
    });
    try {
      quietly(() => {
        this.#exporter.export(batch, ({ code, error }) => end(code === 0 ? null : (error?.message ?? 'export failed')));
      });
    } catch (error) {
      end(String(error));
    }
  }

  #dropped(spans: number, why: string): void {
    SPAN_COUNTS.dropped += spans;
    if (!this.#told) diag.warn(`cachetrail: spans are being dropped (${why}); stats() counts them`);
    this.#told = true;
  }
}
