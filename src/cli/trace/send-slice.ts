/** What `--otlp URL` does for a command that reads a journal: the spans of what it was asked for go to a collector. */
import type { JournalFilter } from '../../streams/journal/index.js';
import { renderFailure, failureOf } from '../failure.js';
import type { OtlpEndpoint } from '../otlp/endpoint.js';
import { type JournalSlice, writeSpans } from './journal-spans.js';
import { traceLines, traceReport } from './report.js';
import type { SpanFilter } from './span-filter.js';

/** True if the collector has taken all of them; stderr says how many, or why not. */
export async function sendSlice(slice: JournalSlice, endpoint: OtlpEndpoint): Promise<boolean> {
  try {
    const { counts } = await writeSpans(slice, { file: null, endpoint });
    process.stderr.write(`${traceLines(await traceReport(counts, endpoint)).join('\n')}\n`);
    return counts.collector?.rejected === 0;
  } catch (error) {
    process.stderr.write(renderFailure(failureOf(error)));
    return false;
  }
}

/** The spans of the events that match. Types are of events alone. */
export function spanFilterOf({ types: _, ...filter }: JournalFilter): SpanFilter {
  return filter;
}
