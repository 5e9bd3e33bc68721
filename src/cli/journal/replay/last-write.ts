/** Who wrote a block last, found from the end: the newest write is seldom far from the moment that is asked for. */
import type { Written } from '../../../cache/events.js';
import { openJournal } from '../../../streams/journal/index.js';
import type { JournalSource } from '../source.js';

export interface LastWrite {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly ms: number;
  readonly op: number;
  /** '' for no label. */
  readonly actor: string;
  readonly traceId: string | null;
  readonly generation: number;
}

const WINDOW_FIRST = 16_384;
const NS_PER_MS = 1e6;

/** The newest write of a block up to `seq`, not before `from`; null if there was none. */
export async function lastWriteOf(
  source: JournalSource,
  block: number,
  from: number,
  seq: number,
): Promise<LastWrite | null> {
  const journal = await openJournal(source.directory, source);
  let window = WINDOW_FIRST;
  for (let to = seq; to >= from; window *= 2) {
    const start = Math.max(from, to - window + 1);
    let found: { readonly event: Written; readonly epochMs: number } | null = null;
    const options = { from: start, to, blocks: [block], types: ['written'] as const, onProblem: () => undefined };
    for await (const { event, epochMs } of journal.records(options)) {
      if (event.type === 'written') found = { event, epochMs };
    }
    if (found !== null) return lastWrite(found.event, found.epochMs);
    to = start - 1;
  }
  return null;
}

function lastWrite({ seq, at, op, actor, trace, generation }: Written, epochMs: number): LastWrite {
  return { seq, ms: epochMs + at / NS_PER_MS, op, actor, traceId: trace?.traceId ?? null, generation };
}
