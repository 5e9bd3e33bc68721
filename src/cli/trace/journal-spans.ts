/** Projects a journal, or a slice of it, and gives the spans to an output. */
import { openJournal } from '../../streams/journal/index.js';
import type { SpanData } from '../../telemetry/index.js';
import type { OtlpSpan } from '../../telemetry/otlp.js';
import { SpanProjection } from '../../telemetry/spans/projection.js';
import { readJournal, type ReadingResult } from '../journal/reading.js';
import type { JournalSource } from '../journal/source.js';
import { type TraceCounts, TraceOutput, type TracePlaces } from './output.js';
import { SliceSink } from './slice.js';
import { type SpanFilter, spanTests } from './span-filter.js';

/** Part of a journal that spans are asked of. */
export interface JournalSlice extends JournalSource {
  readonly filter: SpanFilter;
}

export interface WrittenSpans extends ReadingResult {
  /** Read to make them. */
  readonly events: number;
  readonly counts: TraceCounts;
}

/** Rejects with JournalError for what is no journal, before anything is written, and with what the output rejects with. `more` spans follow. */
export async function writeSpans(
  slice: JournalSlice,
  places: TracePlaces,
  more: readonly OtlpSpan[] = [],
): Promise<WrittenSpans> {
  const journalId = await (await openJournal(slice.directory)).id();
  const output = await TraceOutput.open(places, journalId);
  try {
    const read = await projectInto(output, journalId, slice);
    for (const span of more) await output.add(span);
    return { ...read, counts: await output.end() };
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

async function projectInto(output: TraceOutput, journalId: string, slice: JournalSlice) {
  let finished: SpanData[] = [];
  const sink = new SliceSink(journalId, spanTests(slice.filter), (span) => finished.push(span));
  const projection = new SpanProjection(sink);
  const give = async () => {
    for (const span of finished) {
      const full = output.add(span);
      if (full !== undefined) await full;
    }
    finished = [];
  };
  let events = 0;
  // All events, whatever is asked for: what a span is part of, and what it carries, is told by those before.
  const result = await readJournal(slice, {}, ({ event, epochMs }) => {
    events++;
    // What the cache before has left unfinished ends by its own clock.
    if (event.type === 'opened') projection.finish();
    sink.epochMs = epochMs;
    projection.apply(event);
    return finished.length === 0 ? undefined : give();
  });
  projection.finish();
  await give();
  return { ...result, events };
}
