/**
 * Reads from the cache and writes over a block that was dirty already. A busy block has thousands between two steps that
 * matter, so they are told together.
 */
import type { CacheEvent } from '../../../cache/events.js';
import { plural, wholeText } from '../text.js';
import type { LifeEntry } from './entry.js';

interface Access {
  readonly seq: number;
  readonly at: number;
  readonly actor: string;
  readonly traceId: string;
}

/** Names and traces told; the rest is counted. */
const TOLD_MAX = 3;

class Group {
  #count = 0;
  #first: Access | null = null;
  #last = 0;
  #epochMs = 0;
  readonly #actors = new Map<string, number>();
  readonly #traces = new Set<string>();
  readonly #kind: 'used' | 'rewritten';

  constructor(kind: 'used' | 'rewritten') {
    this.#kind = kind;
  }

  add(access: Access, epochMs: number): void {
    this.#first ??= access;
    this.#count++;
    this.#last = access.seq;
    this.#epochMs = epochMs;
    if (this.#actors.size < 100 || this.#actors.has(access.actor)) {
      this.#actors.set(access.actor, (this.#actors.get(access.actor) ?? 0) + 1);
    }
    if (access.traceId !== '' && this.#traces.size <= TOLD_MAX) this.#traces.add(access.traceId);
  }

  /** What was gathered, with `more` behind it; then begins anew. */
  take(what: string, more: string): LifeEntry[] {
    const first = this.#first;
    if (first === null) return [];
    const traces = [...this.#traces];
    const text = `${what} ${this.#count === 1 ? 'once' : `${wholeText(this.#count)} times`}${this.#by()}${more}`;
    const entry: LifeEntry = {
      kind: this.#kind,
      seq: first.seq,
      lastSeq: this.#last,
      at: first.at,
      epochMs: this.#epochMs,
      text: traces.length > 1 ? `${text}, traces ${tracesText(traces)}` : text,
      traceId: traces.length === 1 ? traces[0] : '',
      facts: { count: this.#count },
    };
    this.#count = 0;
    this.#first = null;
    this.#actors.clear();
    this.#traces.clear();
    return [entry];
  }

  #by(): string {
    const actors = [...this.#actors].filter(([name]) => name !== '').sort((a, b) => b[1] - a[1]);
    if (actors.length === 0) return '';
    const told = actors.slice(0, TOLD_MAX).map(([name]) => name);
    const more = actors.length > TOLD_MAX ? ` and ${plural(actors.length - TOLD_MAX, 'other')}` : '';
    return ` by ${told.join(', ')}${more}`;
  }
}

export class Accesses {
  readonly #reads = new Group('used');
  readonly #rewrites = new Group('rewritten');
  #newest = 0;

  read(event: Extract<CacheEvent, { type: 'read' | 'readMissed' }>, epochMs: number): void {
    this.#reads.add(accessOf(event), epochMs);
  }

  rewritten(event: Extract<CacheEvent, { type: 'written' }>, epochMs: number): void {
    this.#rewrites.add(accessOf(event), epochMs);
    this.#newest = event.generation;
  }

  take(): LifeEntry[] {
    const reads = this.#reads.take('read from the cache', '');
    const rewrites = this.#rewrites.take('written again while dirty', `, now generation ${this.#newest}`);
    return [...reads, ...rewrites].sort((a, b) => a.seq - b.seq);
  }
}

function accessOf({ seq, at, actor, trace }: Extract<CacheEvent, { actor: string }>): Access {
  return { seq, at, actor, traceId: trace?.traceId ?? '' };
}

function tracesText(traces: readonly string[]): string {
  return traces.length > TOLD_MAX ? `${traces.slice(0, TOLD_MAX).join(', ')}, …` : traces.join(', ');
}
