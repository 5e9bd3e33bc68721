/** Frames into segments: numbers them, chains them, begins a new one when one is full, and lets old ones go. */
import { unlinkSync } from 'node:fs';
import type { Opened } from '../../cache/events.js';
import { keyCheck } from './chain.js';
import { markComplete } from './complete.js';
import { FRAME_HEADER_BYTES, type FrameFacts, sealFrame } from './frame.js';
import { chainAfterHeader, encodeSegmentHeader, type SegmentHeader } from './segment-header.js';
import { expiredSegments, type KeptSegment } from './retention.js';
import { SegmentFile, syncDirectory } from './segment-file.js';
import { segmentName } from './segments.js';
import type { JournalSettings } from './writer-options.js';

/** What a segment's header says of the cache that its events are of. */
export interface Session {
  readonly journalId: Uint8Array;
  readonly opened: Opened;
  readonly epochMs: number;
}

/** At most once in so long, what is too old is looked for where no segment is begun. */
const AGE_LOOK_MS = 1000;

export type SegmentFacts = Omit<FrameFacts, 'tag' | 'before'>;

export class SegmentWriter {
  /** The chain after the last frame written. */
  head: Uint8Array;
  frames = 0;
  bytes = 0;
  segments = 0;
  /** The segment that the last frame was written to, and where in it. */
  lastFrame = { segment: 0, at: 0 };
  readonly #directory: string;
  readonly #settings: JournalSettings;
  readonly #complete: KeptSegment[];
  #number: number;
  #lastSeq: number;
  #file: SegmentFile | null = null;
  /** A segment was deleted, and is not gone for good before the directory is synced. */
  #isGoing = false;
  /** When to look next for what is too old. */
  #nextLookMs = 0;

  constructor(
    directory: string,
    settings: JournalSettings,
    before: { number: number; lastSeq: number; head: Uint8Array; complete: readonly KeptSegment[] },
  ) {
    this.#directory = directory;
    this.#settings = settings;
    this.#number = before.number;
    this.#lastSeq = before.lastSeq;
    this.head = before.head;
    this.#complete = [...before.complete];
  }

  get isOpen(): boolean {
    return this.#file !== null;
  }

  /** Every frame is on stable storage. */
  get isSynced(): boolean {
    return this.#file?.isSynced ?? true;
  }

  /** Writes a frame whose body is in place; throws what the system says, and then nothing of it counts. */
  write(frame: Uint8Array, facts: SegmentFacts, session: Session, lost: number): void {
    const { digester, segmentBytes } = this.#settings;
    const full = this.#file !== null && this.#file.frames > 0 && this.#file.size + frame.length > segmentBytes;
    if (full) this.#complete.push(this.#finish());
    const file = this.#file ?? this.#begin(facts.firstSeq, session, lost);
    const tag = session.journalId.subarray(0, 4);
    const digest = sealFrame(frame, { ...facts, tag, before: this.head }, digester);
    // Of two frames that are not synced a crash could keep the second only: damage, not a torn end.
    if (this.#settings.mode === 'durable' && !file.isSynced) file.syncNow();
    const at = file.size;
    file.write(frame);
    file.frames++;
    this.lastFrame = { segment: file.number, at };
    this.head = digest;
    this.#lastSeq = facts.firstSeq + facts.count - 1;
    this.frames++;
    this.bytes += frame.length;
  }

  /** Bytes that a frame's header takes before its body. */
  static readonly headerBytes = FRAME_HEADER_BYTES;

  sync(): Promise<void> {
    return this.#file?.sync() ?? Promise.resolve();
  }

  /** Lets go of a segment that cannot be written any more; the next frame begins another. */
  abandon(): void {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    this.#complete.push(this.#kept(file));
    file.close();
  }

  /**
   * What is too old can go before the next segment is begun; to look whether it may costs something, so not at every frame.
   */
  get isAgeDue(): boolean {
    const { ageMs } = this.#settings.retention;
    if (ageMs === undefined || this.#complete.length === 0) return false;
    const nowMs = this.#nowMs();
    return nowMs >= this.#nextLookMs && nowMs - this.#complete[0].endedMs > ageMs;
  }

  /** Deletes what retention says, and gives the seq of the last event that is gone, or 0; throws what the system says. */
  expire(): number {
    const { retention, neededFrom } = this.#settings;
    this.#nextLookMs = this.#nowMs() + AGE_LOOK_MS;
    const now = { ms: this.#nowMs(), currentBytes: this.#file?.size ?? 0, neededFrom: neededFrom() };
    const expired = expiredSegments(this.#complete, retention, now);
    let goneSeq = 0;
    for (let left = expired; left > 0; left--) {
      // A crash could bring back this one alone, without those behind it, and the journal would have a gap.
      if (this.#isGoing) this.#syncNames();
      this.#isGoing = true;
      unlinkSync(this.#complete[0].path);
      goneSeq = this.#complete[0].lastSeq;
      this.#complete.shift();
    }
    return goneSeq;
  }

  #syncNames(): void {
    syncDirectory(this.#directory);
    this.#isGoing = false;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #begin(firstSeq: number, session: Session, lost: number): SegmentFile {
    const { mode, key, contentDigests, digester, recoveryPoint, onFailure } = this.#settings;
    const isDurable = mode === 'durable';
    const { journalId, opened, epochMs } = session;
    const header: SegmentHeader = {
      journalId,
      number: this.#number + 1,
      firstSeq,
      openedSeq: opened.seq,
      lost,
      epochMs,
      before: this.head,
      keyCheck: key === null ? null : keyCheck(key, journalId),
      payloads: isDurable,
      contentDigests,
      marked: isDurable,
      continues: isDurable && onFailure === 'continue',
      identity: opened.identity,
      config: opened.config,
      recovery: recoveryPoint(),
    };
    const bytes = encodeSegmentHeader(header);
    const file = new SegmentFile(this.#directory, segmentName(header.number, firstSeq), header.number, firstSeq);
    try {
      file.write(bytes);
      // Frames without their header would be no torn end but damage.
      file.syncNow();
      this.#syncNames();
      // What was lost is stated now, in the header.
      if (isDurable) markComplete(this.#directory);
    } catch (error) {
      file.close();
      unlinkSync(file.path);
      throw error;
    }
    this.#number = header.number;
    this.#file = file;
    this.head = chainAfterHeader(bytes, digester);
    this.bytes += bytes.length;
    this.segments++;
    return file;
  }

  #finish(): KeptSegment {
    const file = this.#file;
    if (file === null) throw new TypeError('a segment is open');
    // What follows is acknowledged by a sync of the next file, which says nothing of this one.
    if (this.#settings.mode === 'durable') file.syncNow();
    this.#file = null;
    file.close();
    return this.#kept(file);
  }

  #kept(file: SegmentFile): KeptSegment {
    return { path: file.path, lastSeq: this.#lastSeq, bytes: file.size, endedMs: this.#nowMs() };
  }

  #nowMs(): number {
    const { clock } = this.#settings;
    return clock.epochMs + clock.now() / 1e6;
  }
}
