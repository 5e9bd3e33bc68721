/** Whether each frame follows the one before, by seq and by digest. */
import type { Digester } from './chain.js';
import { digestOfFrame, hexOf, isSame } from './frame.js';
import type { FoundFrame } from './scan.js';
import type { FoundHeader } from './read-header.js';
import { chainAfterHeader } from './segment-header.js';
import { segmentName } from './segments.js';
import type { JournalProblem } from './types.js';

export type Report = (problem: JournalProblem) => void;

/** What a frame is worth: its events can be given, have been given before, or are not to be trusted. */
export type Verdict = 'good' | 'repeated' | 'altered';

export class Links {
  /** The chain after the last frame or header; null where damage has hidden it. */
  digest: Uint8Array | null = null;
  /** The seq that must come next; 0 before the first segment. */
  nextSeq = 0;
  /** The number that the next segment must have; 0 before the first. */
  nextNumber = 0;
  /** What lies before the first segment is not read, or is told otherwise: then it is not said what was lost there. */
  skipsBefore = false;
  readonly #digester: Digester | null;
  readonly #report: Report;
  /** Of the first segment. */
  #journalId: Uint8Array | null = null;
  /** The segment is that of another journal: nothing of it is given. */
  #isForeign = false;

  /** Without a digester only what the headers say is compared: for a keyed journal without its key. */
  constructor(digester: Digester | null, report: Report) {
    this.#digester = digester;
    this.#report = report;
  }

  segment(name: string, { header, headerBytes }: FoundHeader): void {
    const problem = { segment: name, start: 0, end: headerBytes.length };
    const expected = this.nextSeq + header.lost;
    this.#journalId ??= header.journalId;
    this.#isForeign = !isSame(header.journalId, this.#journalId);
    const should = segmentName(header.number, header.firstSeq);
    if (this.#isForeign || name !== should) {
      const message = this.#isForeign ? 'the segment is that of another journal' : `the segment is ${should}`;
      this.#report({ ...problem, kind: 'altered', fromSeq: this.nextSeq, toSeq: 0, message });
    } else if (this.nextNumber !== 0 && header.number !== this.nextNumber) {
      const message = `segment ${header.number} comes where ${this.nextNumber} should`;
      this.#report({ ...problem, kind: 'altered', fromSeq: this.nextSeq, toSeq: header.firstSeq - 1, message });
    } else if (this.nextSeq !== 0 && header.firstSeq !== expected) {
      // Damage at the end of the segment before has been named with what it hid.
      if (this.digest !== null) {
        const message = `the segment begins with seq ${header.firstSeq}, not ${expected}`;
        this.#report({ ...problem, kind: 'altered', fromSeq: this.nextSeq, toSeq: header.firstSeq - 1, message });
      }
    } else if (this.digest !== null && this.nextNumber !== 0 && !isSame(header.before, this.digest)) {
      const message = 'the segment does not continue the chain of the one before';
      this.#report({ ...problem, kind: 'altered', fromSeq: header.firstSeq, toSeq: header.firstSeq, message });
    }
    if (header.lost > 0 && (this.nextSeq !== 0 || !this.skipsBefore)) {
      const message = `${header.lost} events could not be written before this segment`;
      this.#report({
        ...problem,
        kind: 'lost',
        fromSeq: header.firstSeq - header.lost,
        toSeq: header.firstSeq - 1,
        message,
      });
    }
    this.nextNumber = header.number + 1;
    if (!this.#isForeign) this.nextSeq = Math.max(this.nextSeq, header.firstSeq);
    this.digest = this.#digester === null ? null : chainAfterHeader(headerBytes, this.#digester);
  }

  frame(segment: string, { start, end, header, bytes }: FoundFrame): Verdict {
    const lastSeq = header.firstSeq + header.count - 1;
    const problem = { segment, start, end, kind: 'altered', fromSeq: header.firstSeq, toSeq: lastSeq } as const;
    if (this.#isForeign) return 'altered';
    if (bytes !== null && this.#digester !== null && !isSame(digestOfFrame(bytes, this.#digester), header.digest)) {
      this.#report({ ...problem, message: 'the sums of the frame are right, and its digest is not' });
      this.digest = header.digest;
      // Its numbers are not to be trusted either.
      if (header.firstSeq === this.nextSeq) this.nextSeq = lastSeq + 1;
      return 'altered';
    }
    const follows = this.digest === null || isSame(header.before, this.digest);
    if (!follows) {
      const message = `the frame does not follow what is before it: ${hexOf(header.before).slice(0, 16)}…`;
      this.#report({ ...problem, message });
    } else if (header.firstSeq < this.nextSeq || (header.firstSeq > this.nextSeq && this.digest !== null)) {
      this.#report({ ...problem, message: `the frame begins with seq ${header.firstSeq}, not ${this.nextSeq}` });
    }
    // What was given is not given again, and not out of order.
    const verdict = header.firstSeq < this.nextSeq ? 'repeated' : 'good';
    this.digest = header.digest;
    this.nextSeq = Math.max(this.nextSeq, lastSeq + 1);
    return verdict;
  }

  /** Goes on behind a frame that was not read. */
  resume({ nextSeq, digest }: { readonly nextSeq: number; readonly digest: Uint8Array }): void {
    this.nextSeq = nextSeq;
    if (this.digest !== null) this.digest = digest;
  }

  /** What comes next has nothing before it. */
  begin(): void {
    this.skipsBefore = true;
    this.digest = null;
    this.nextSeq = 0;
    this.nextNumber = 0;
  }

  /** Bytes that are no frame: what follows cannot be held against what was before. */
  damage(): void {
    this.digest = null;
  }
}
