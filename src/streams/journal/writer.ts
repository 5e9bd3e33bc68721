/**
 * The stream of events, written down. Events gather in a buffer and become a frame when it is full, when the oldest has
 * waited long enough, or when somebody waits for them to be durable: all who wait meanwhile share the next sync.
 *
 * A journal that fails never throws into the cache: it says so through `onTrouble`, `stats()` and `failure`.
 */
import { mkdir } from 'node:fs/promises';
import type { CacheEvent, Opened, Read } from '../../cache/events.js';
import type { CacheState } from '../../cache/state.js';
import { assert } from '../../device/errors.js';
import type { CancelTimer } from '../clock.js';
import { inTime } from '../in-time.js';
import { NO_DIGEST } from './chain.js';
import { EventEncoder } from './codec/encoder.js';
import { markComplete, markIncomplete, tryMarkIncomplete } from './complete.js';
import { contentDigests } from './content.js';
import { failedError, type JournalError, timeoutError } from './errors.js';
import { hexOf } from './frame.js';
import { lockJournal, type Unlock } from './lock.js';
import { newJournalIdBytes } from './journal-id.js';
import { SegmentWriter, type Session } from './segment-writer.js';
import type { JournalSink } from './sink.js';
import type { SnapshotPlace } from './snapshot.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { findTail } from './tail.js';
import type { JournalFailurePolicy, JournalOptions, JournalStats, JournalTail, JournalTrouble } from './types.js';
import { type JournalSettings, settingsOf } from './writer-options.js';

/**
 * Opens the journal in a directory for writing, or begins one; an end that is torn is cut off. Rejects with ArgumentError,
 * or JournalError CACHETRAIL_JOURNAL_LOCKED, _KEY, _DAMAGED, _VERSION, _FAILED.
 */
export async function openJournalWriter(directory: string, options: JournalOptions): Promise<JournalWriter> {
  const settings = settingsOf(options);
  await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
    throw failedError(directory, cause);
  });
  const unlock = await lockJournal(directory);
  try {
    const tail = await findTail(directory, settings.key, settings.digester);
    const complete = (tail?.segments ?? []).map(({ path, bytes, writtenMs }, index, all) => {
      const lastSeq = index + 1 < all.length ? all[index + 1].firstSeq - 1 : (tail?.lastSeq ?? 0);
      return { path, bytes, lastSeq, endedMs: writtenMs };
    });
    const before = {
      number: tail?.segments.at(-1)?.number ?? 0,
      lastSeq: tail?.lastSeq ?? 0,
      head: tail?.head ?? NO_DIGEST,
      complete,
    };
    if (settings.mode === 'durable') markOrFail(directory);
    const out = new SegmentWriter(directory, settings, before);
    const found = { seq: before.lastSeq, tornBytes: tail?.tornBytes ?? 0 };
    return new JournalWriter(directory, settings, out, found, tail?.header.journalId ?? null, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Kept in memory while a frame is being synced. */
const HELD_BYTES_MAX = 4 << 20;

interface Waiter {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: JournalError) => void;
}

export class JournalWriter implements JournalSink {
  readonly wantsPayload: boolean;
  /** Where the journal ended that is continued: the next event must be `opened` with the seq after it. */
  readonly tail: JournalTail;
  failure: JournalError | null = null;
  readonly #directory: string;
  readonly #settings: JournalSettings;
  readonly #out: SegmentWriter;
  readonly #encoder: EventEncoder;
  readonly #unlock: Unlock;
  readonly #withPayload: boolean;
  readonly #snapshots: SnapshotWriter;
  /** Where the buffer ends. */
  readonly #sealAt: number;
  readonly #waiters: Waiter[] = [];
  #journalId: Uint8Array | null;
  #session: Session | null = null;
  #blockSize = 1;
  #lastSeq: number;
  #durableSeq: number;
  /** The last event in a frame that was written. */
  #writtenSeq: number;
  #timer: CancelTimer | null = null;
  /** Failed, and not tried again yet. */
  #down = false;
  /** To be tried again with the next frame. */
  #recovering = false;
  #closed = false;
  #syncing = false;
  /** Syncs that have timed out and not ended since. */
  #hung = 0;
  #commitAsked = false;
  #lost = 0;
  /** Lost since the last frame that was written. */
  #gap = 0;
  #syncs = 0;
  #failures = 0;
  #lastError: JournalError | null = null;

  /** @internal Use `openJournalWriter`. */
  constructor(
    directory: string,
    settings: JournalSettings,
    out: SegmentWriter,
    tail: JournalTail,
    journalId: Uint8Array | null,
    unlock: Unlock,
  ) {
    this.#directory = directory;
    this.#settings = settings;
    this.#out = out;
    this.tail = tail;
    this.#journalId = journalId;
    this.#unlock = unlock;
    this.#lastSeq = tail.seq;
    this.#durableSeq = tail.seq;
    this.#writtenSeq = tail.seq;
    this.#withPayload = settings.mode === 'durable';
    this.wantsPayload = this.#withPayload || settings.contentDigests;
    this.#sealAt = SegmentWriter.headerBytes + settings.bufferBytes;
    this.#encoder = new EventEncoder(settings.bufferBytes, SegmentWriter.headerBytes);
    this.#snapshots = new SnapshotWriter(directory, settings, tail.seq, () => this.#standing());
  }

  /** Makes snapshots of the state that the events are folded into, now and then. */
  snapshotsOf(state: CacheState): void {
    this.#snapshots.attach(state);
  }

  /** 32 hex digits; null in a new journal, until the cache has opened. */
  get journalId(): string | null {
    return this.#journalId === null ? null : hexOf(this.#journalId);
  }

  /** Hot. Guarded by the `journal.append` benchmark. */
  append(event: CacheEvent, payload?: Uint8Array): void {
    if (event.type === 'read') this.#read(event);
    else this.#append(event, payload);
    if (this.#encoder.sink.at >= this.#sealAt) this.#sealUnlessHeld();
    else if (this.#timer === null && !this.#down) this.#arm();
  }

  isCommitted(seq: number): boolean {
    return seq <= this.#durableSeq;
  }

  committed(seq: number): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    // Under `continue` nobody is kept waiting for a journal that is down: what is lost has been told.
    if (seq <= this.#durableSeq || this.#down) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ seq, resolve, reject });
      this.#askForCommit();
    });
  }

  async flush(): Promise<void> {
    await this.committed(this.#lastSeq);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.flush();
    } finally {
      this.#closed = true;
      this.#disarm();
      this.#out.close();
      const { clock, syncTimeoutNs } = this.#settings;
      // What is not written of a snapshot by then is missed by nobody.
      await inTime({ clock, ns: syncTimeoutNs }, () => this.#snapshots.close()).catch(() => undefined);
      this.#unlock();
    }
  }

  stats(): JournalStats {
    return {
      mode: this.#settings.mode,
      state: this.failure !== null ? 'stopped' : this.#down ? 'failed' : 'writing',
      policy: this.#policy,
      events: this.#lastSeq - this.tail.seq,
      lost: this.#lost,
      frames: this.#out.frames,
      segments: this.#out.segments,
      bytes: this.#out.bytes,
      syncs: this.#syncs,
      bufferedEvents: this.#encoder.count,
      bufferedBytes: this.#encoder.length,
      bufferedNs: this.#encoder.count === 0 ? 0 : Math.max(0, this.#settings.clock.now() - this.#encoder.minAt),
      unsyncedEvents: this.#lastSeq - this.#durableSeq,
      failures: this.#failures,
      lastError: this.#lastError,
      head: hexOf(this.#out.head),
    };
  }

  /** Only ever a read, so that the engine knows where its fields are. */
  #read(event: Read): void {
    if (this.#take(event.seq)) this.#encoder.addRead(event);
  }

  /** Counts an event; false if it is lost. */
  #take(seq: number): boolean {
    assert(seq === this.#lastSeq + 1, 'the journal gets every event, each once, in order');
    this.#lastSeq = seq;
    if (!this.#down) return true;
    this.#lose(1);
    return false;
  }

  #append(event: CacheEvent, payload: Uint8Array | undefined): void {
    // What came before must not get into a segment that says otherwise.
    if (event.type === 'blockSizeChanged') this.#seal();
    if (!this.#take(event.seq)) return;
    if (event.type === 'opened') this.#begin(event);
    else if (event.type === 'blockSizeChanged') this.#reshape(event);
    assert(this.#session !== null, 'a journal begins with `opened`');
    if (event.type !== 'written' || !this.wantsPayload) return this.#encoder.add(event, null, null);
    assert(payload !== undefined && payload.length === event.length, 'a write comes with its bytes');
    const digests = this.#settings.contentDigests ? contentDigests(event.offset, payload, this.#blockSize) : null;
    this.#encoder.add(event, this.#withPayload ? payload : null, digests);
  }

  #begin(opened: Opened): void {
    assert(this.#session === null, 'a journal is written for one cache at a time');
    const { epochMs } = this.#settings.clock;
    this.#journalId ??= newJournalIdBytes(opened.identity, epochMs, opened.at);
    this.#session = { journalId: this.#journalId, opened, epochMs };
    this.#blockSize = opened.config.blockSize;
  }

  /** Segments begun from here on say so, for who reads one without those before it. */
  #reshape({ to: blockSize, capacity }: Extract<CacheEvent, { type: 'blockSizeChanged' }>): void {
    this.#blockSize = blockSize;
    if (this.#session === null) return;
    const { opened } = this.#session;
    this.#session = { ...this.#session, opened: { ...opened, config: { ...opened.config, blockSize, capacity } } };
  }

  /** Makes a frame of what is buffered and writes it. */
  #seal(): void {
    this.#disarm();
    const encoder = this.#encoder;
    const session = this.#session;
    if (encoder.count === 0 || session === null) return;
    const frame = encoder.sink.bytes.subarray(0, encoder.sink.at);
    const firstSeq = this.#lastSeq - encoder.count + 1;
    const facts = { firstSeq, count: encoder.count, minAt: encoder.minAt, maxAt: encoder.maxAt };
    const { segments } = this.#out;
    try {
      this.#out.write(frame, facts, session, this.#gap);
      this.#writtenSeq = this.#lastSeq;
      this.#gap = 0;
      if (this.#recovering) this.#recovered();
      if (this.#out.segments > segments || this.#out.isAgeDue) this.#expire();
      this.#snapshots.note(this.#lastSeq, this.#out.bytes);
    } catch (error) {
      this.#fail(error);
    }
    encoder.begin();
  }

  /**
   * In a durable journal no frame may be written behind one that is not synced. Until that is, what comes is kept, so that nothing
   * waits for a disk but who wants to; only when that would be too much everything waits.
   */
  get #isHeld(): boolean {
    if (!this.#withPayload || this.#encoder.sink.at >= HELD_BYTES_MAX) return false;
    return this.#syncing || this.#commitAsked || !this.#out.isSynced;
  }

  #sealUnlessHeld(): void {
    if (!this.#isHeld) this.#seal();
    else if (!this.#syncing && !this.#commitAsked) this.#sync();
  }

  /** Where the journal ends, with all that was buffered in a frame of its own; null if it cannot be said. */
  #standing(): SnapshotPlace | null {
    if (this.#closed) return null;
    this.#seal();
    const session = this.#session;
    if (this.#down || session === null || this.#writtenSeq !== this.#lastSeq) return null;
    const { segment, at: frameAt } = this.#out.lastFrame;
    const { journalId, epochMs } = session;
    return { journalId, seq: this.#lastSeq, segment, frameAt, chain: this.#out.head, epochMs };
  }

  #recovered(): void {
    this.#recovering = false;
    this.#tell('resumed', null);
  }

  /** A segment that cannot be deleted is no reason to stop. */
  #expire(): void {
    try {
      const goneSeq = this.#out.expire();
      if (goneSeq > 0) this.#snapshots.expire(goneSeq);
    } catch (cause) {
      this.#lastError = failedError(this.#directory, cause);
      this.#tell('retention', this.#lastError);
    }
  }

  #arm(): void {
    const { clock, bufferNs } = this.#settings;
    this.#timer = clock.setTimer(clock.turn() + bufferNs, false, () => {
      this.#timer = null;
      this.#sealUnlessHeld();
    });
  }

  #disarm(): void {
    this.#timer?.();
    this.#timer = null;
  }

  /** In a microtask, so that all who ask in one turn are asked for together. */
  #askForCommit(): void {
    if (this.#commitAsked || this.#syncing) return;
    this.#commitAsked = true;
    queueMicrotask(() => {
      this.#commitAsked = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#syncing || this.#waiters.length === 0) return;
    if (!this.#isHeld) this.#seal();
    if (!this.#down) this.#sync();
  }

  /** What ends after its time has failed, whatever it says then. */
  #sync(): void {
    const { clock, syncTimeoutNs } = this.#settings;
    const seq = this.#writtenSeq;
    let isLate = false;
    const cancel = clock.setTimer(clock.now() + syncTimeoutNs, true, () => {
      isLate = true;
      this.#hung++;
      this.#syncing = false;
      this.#fail(timeoutError(this.#directory, syncTimeoutNs));
    });
    const ended = (then: () => void) => {
      if (isLate) {
        this.#hung--;
        return;
      }
      cancel();
      this.#syncing = false;
      then();
    };
    const done = () => {
      this.#syncs++;
      this.#settle(seq);
    };
    this.#syncing = true;
    this.#out.sync().then(
      () => ended(done),
      (error: unknown) => ended(() => this.#fail(error)),
    );
  }

  #settle(seq: number): void {
    this.#durableSeq = Math.max(this.#durableSeq, seq);
    const waiting = this.#waiters.splice(0);
    for (const waiter of waiting) {
      if (waiter.seq <= seq) waiter.resolve();
      else this.#waiters.push(waiter);
    }
    if (this.#waiters.length > 0) this.#askForCommit();
    else if (this.#encoder.sink.at >= this.#sealAt) this.#seal();
    else if (this.#encoder.count > 0 && this.#timer === null && !this.#down) this.#arm();
  }

  #lose(events: number): void {
    this.#lost += events;
    this.#gap += events;
  }

  #fail(cause: unknown): void {
    const error = failedError(this.#directory, cause);
    this.#failures++;
    this.#lastError = error;
    this.#disarm();
    // What is not written cannot follow later: what is taken until then is missing between.
    this.#lose(this.#encoder.count);
    this.#encoder.begin();
    if (!this.#down) this.#out.abandon();
    this.#down = true;
    const waiting = this.#waiters.splice(0);
    if (!this.#goesOn()) {
      this.failure = error;
      for (const waiter of waiting) waiter.reject(error);
    } else {
      for (const waiter of waiting) waiter.resolve();
      this.#retryLater();
    }
    this.#tell('failed', error);
  }

  /** Not where a later recovery could not know that the journal does not hold everything. */
  #goesOn(): boolean {
    const { onFailure } = this.#settings;
    return this.#isMarked() && onFailure === 'continue' && this.failure === null;
  }

  /** Not everything is in it from here on: no acknowledged write, by the policy `stop`, but what the device is given. */
  #isMarked(): boolean {
    if (this.#withPayload && this.#hung > 0) {
      // To wait for it could take as long as the sync that hangs, and the whole process with it.
      void tryMarkIncomplete(this.#directory);
      return false;
    }
    try {
      if (this.#withPayload) markIncomplete(this.#directory);
      return true;
    } catch {
      return false;
    }
  }

  get #policy(): JournalFailurePolicy {
    return this.failure === null ? this.#settings.onFailure : 'stop';
  }

  #tell(kind: JournalTrouble['kind'], error: JournalError | null): void {
    this.#settings.onTrouble({ kind, error, lost: this.#lost, policy: this.#policy });
  }

  /** Tries again with the first event that comes after a while. */
  #retryLater(): void {
    if (this.#closed) return;
    const { clock, bufferNs } = this.#settings;
    this.#timer = clock.setTimer(clock.now() + bufferNs, false, () => {
      this.#timer = null;
      // A new segment begins with a sync that everything waits for.
      if (this.#hung > 0) return this.#retryLater();
      this.#down = false;
      this.#recovering = true;
    });
  }
}

function markOrFail(directory: string): void {
  try {
    markComplete(directory);
  } catch (cause) {
    throw failedError(directory, cause);
  }
}
