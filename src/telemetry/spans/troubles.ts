/**
 * The end of an error's path: blocks that are dirty because something failed, until they are durable or given up. What
 * becomes of them is told in the trace of what failed, by short spans that link to where it happened. State: one entry for
 * each such block.
 */
import { ATTRIBUTE, RELATION, SPAN, type SpanName } from '../names.js';
import { type Blocks, entriesIn, type Run } from './event.js';
import type { SpanAttributes, SpanLink, SpanRef } from './span-sink.js';
import { link, type Spans } from './spans.js';

interface Moment {
  readonly seq: number;
  readonly at: number;
}

/** Something that failed, because of which blocks are still dirty. */
export interface Trouble {
  /** The span of what failed: a writeback, a barrier or a clear. */
  readonly ref: SpanRef;
  readonly code: string;
}

interface Placed {
  readonly trouble: Trouble;
  /** Of the event since when it is the reason for the block to be dirty. */
  readonly seq: number;
}

interface Survivors extends Moment {
  readonly op: number;
  readonly blocks: readonly number[];
  readonly codes: readonly string[];
}

export class Troubles {
  readonly #spans: Spans;
  readonly #blocks = new Map<number, Placed>();

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  /** The block is dirty because of this, and no more because of what there was before. */
  put({ block, count }: Run, trouble: Trouble, seq: number): void {
    for (let at = block; at < block + count; at++) this.#blocks.set(at, { trouble, seq });
  }

  /** What is behind the run's blocks being dirty, for a writeback that begins. */
  linksFor(blocks: Blocks): SpanLink[] {
    return [...this.#behind(blocks).keys()].map((trouble) => link(trouble.ref, RELATION.retries));
  }

  /** A new writeback of the run has begun. */
  retried(blocks: Blocks, { seq, at }: Moment, by: SpanRef): void {
    for (const [trouble, again] of this.#behind(blocks)) {
      const links = [link(by, RELATION.retriedBy)];
      this.#tell(SPAN.retried, `retried ${seq} ${again[0]}`, trouble, again, { seq, at }, links);
    }
  }

  /** A barrier has made durable what the device took of the blocks by an event: what went wrong before is mended. */
  cured(blocks: Blocks, { seq, at }: Moment, writtenSeq: number, by: SpanRef): void {
    for (const [trouble, cured] of this.#behind(blocks, writtenSeq)) {
      this.#tell(SPAN.cured, `cured ${seq} ${cured[0]}`, trouble, cured, { seq, at }, [link(by, RELATION.curedBy)]);
      this.#drop(cured);
    }
  }

  discarded(blocks: Blocks, { seq, at }: Moment, reason: string, by: SpanRef | null): void {
    for (const [trouble, lost] of this.#behind(blocks)) {
      const links = by === null ? [] : [link(by, RELATION.discardedBy)];
      const attributes = { [ATTRIBUTE.reason]: reason };
      this.#tell(SPAN.discarded, `given up ${seq} ${lost[0]}`, trouble, lost, { seq, at }, links, attributes);
      this.#drop(lost);
    }
  }

  /** A caller is told that blocks are not safe: links to why, for the request's span. */
  reported(survivors: Survivors, by: SpanRef | null, otherwise: (index: number) => Trouble | null): SpanLink[] {
    const found = new Map<Trouble, number[]>();
    for (const [index, block] of survivors.blocks.entries()) {
      const trouble = this.#blocks.get(block)?.trouble ?? otherwise(index);
      if (trouble !== null) addTo(found, trouble, block);
    }
    for (const [trouble, blocks] of found) {
      const links = by === null ? [] : [link(by, RELATION.reportedBy)];
      const attributes = { [ATTRIBUTE.op]: survivors.op };
      const key = `report ${survivors.seq} ${blocks[0]}`;
      this.#tell(SPAN.report, key, trouble, blocks, survivors, links, attributes, trouble.code);
    }
    return [...found.keys()].map((trouble) => link(trouble.ref, RELATION.reports));
  }

  get size(): number {
    return this.#blocks.size;
  }

  finish(): void {
    this.#blocks.clear();
  }

  /** What is the reason for any of the blocks to be dirty, since before `seq`. */
  #behind(blocks: Blocks, seq = Number.POSITIVE_INFINITY): Map<Trouble, number[]> {
    const found = new Map<Trouble, number[]>();
    for (const [block, placed] of entriesIn(this.#blocks, blocks)) {
      if (placed.seq < seq) addTo(found, placed.trouble, block);
    }
    return found;
  }

  #drop(blocks: readonly number[]): void {
    for (const block of blocks) this.#blocks.delete(block);
  }

  #tell(
    name: SpanName,
    key: string,
    trouble: Trouble,
    blocks: readonly number[],
    { seq, at }: Moment,
    links: readonly SpanLink[],
    more: SpanAttributes = {},
    error = '',
  ): void {
    const own = { [ATTRIBUTE.seq]: seq, [ATTRIBUTE.block]: blocks[0], [ATTRIBUTE.blocks]: blocks.length, ...more };
    this.#spans.whole({ key, name, at, parent: trouble.ref, attributes: own, links }, { at, error });
  }
}

function addTo(found: Map<Trouble, number[]>, trouble: Trouble, block: number): void {
  const blocks = found.get(trouble);
  if (blocks === undefined) found.set(trouble, [block]);
  else blocks.push(block);
}
