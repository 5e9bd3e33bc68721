/**
 * A slice of the spans: those that match, with all that they are part of, and all that happened below them, so that a story is
 * not cut off. Whether a span matches is known when it ends, and most of its children end before it: they are held until then. What is held
 * is bounded by what is open: a span that nothing can come after is forgotten.
 */
import type { SpanData } from '../../telemetry/index.js';
import { SpanDataSink } from '../../telemetry/spans/span-data.js';
import type { SpanTests } from './span-filter.js';
import type { SpanEnd, SpanRef, SpanSink, SpanStart } from '../../telemetry/spans/span-sink.js';

interface Node {
  readonly parent: Node | null;
  /** Its span, while it is not known whether it is wanted. */
  held: SpanData | null;
  hasEnded: boolean;
  /** Given out, or will be when it ends. */
  isWanted: boolean;
  /** All below it is wanted too. */
  isWhole: boolean;
  /** Ended, and not wanted so far. */
  below: Node[];
}

export class SliceSink implements SpanSink {
  readonly #tests: SpanTests;
  readonly #take: (span: SpanData) => void;
  readonly #sink: SpanDataSink;
  readonly #nodes = new WeakMap<SpanRef, Node>();
  /** The one that ends now. */
  #ending: SpanData | null = null;

  constructor(journalId: string, tests: SpanTests, take: (span: SpanData) => void) {
    this.#tests = tests;
    this.#take = take;
    this.#sink = new SpanDataSink(journalId, 0, (span) => {
      this.#ending = span;
    });
  }

  /** Of the cache whose events are projected: milliseconds since 1970 at `at` 0. */
  set epochMs(epochMs: number) {
    this.#sink.epochMs = epochMs;
  }

  start(start: SpanStart): SpanRef {
    const ref = this.#sink.start(start);
    const parent = start.parent === null ? null : (this.#nodes.get(start.parent) ?? null);
    this.#nodes.set(ref, { parent, held: null, hasEnded: false, isWanted: false, isWhole: false, below: [] });
    return ref;
  }

  end(ref: SpanRef, end: SpanEnd): void {
    this.#ending = null;
    this.#sink.end(ref, end);
    const [span, node]: [SpanData | null, Node | undefined] = [this.#ending, this.#nodes.get(ref)];
    // Of a trace that is not sampled there is nothing to give.
    if (span === null || node === undefined) return;
    node.held = span;
    node.hasEnded = true;
    if (this.#tests.matches(span) || (node.parent?.isWhole === true && this.#tests.comesAlong(span))) {
      this.#wantAbove(node);
      return this.#wantBelow(node);
    }
    if (node.isWanted) this.#give(node);
    // Where something above it is open, that may turn out to match.
    if (node.parent !== null && isOpenAbove(node)) node.parent.below.push(node);
    else node.below = [];
  }

  #wantAbove({ parent }: Node): void {
    if (parent === null || parent.isWanted) return;
    this.#wantAbove(parent);
    parent.isWanted = true;
    this.#give(parent);
  }

  #wantBelow(node: Node): void {
    node.isWanted = true;
    node.isWhole = true;
    this.#give(node);
    const { below } = node;
    node.below = [];
    for (const child of below) {
      if (child.held === null || this.#tests.comesAlong(child.held)) this.#wantBelow(child);
    }
  }

  #give(node: Node): void {
    if (node.held === null) return;
    this.#take(node.held);
    node.held = null;
  }
}

function isOpenAbove({ parent }: Node): boolean {
  return parent !== null && (!parent.hasEnded || isOpenAbove(parent));
}
