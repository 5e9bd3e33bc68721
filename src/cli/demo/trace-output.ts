/** The demo's trace beside its journal, and at a collector where one listens. */
import path from 'node:path';
import { type Failure, failureOf } from '../failure.js';
import { defaultEndpoint, endpointFrom, isListening, isSilenced, type OtlpEndpoint } from '../otlp/endpoint.js';
import { plural, wholeText } from '../journal/text.js';
import { writeSpans } from '../trace/journal-spans.js';
import type { TraceCounts } from '../trace/output.js';
import { traceReport } from '../trace/report.js';
import type { EndedTrace } from './trace.js';

export interface DemoTraceReport {
  readonly traceId: string;
  readonly file: string;
  readonly counts: TraceCounts;
  /** Null where nobody listens. */
  readonly sent: SentTrace | UnsentTrace | null;
}

interface SentTrace {
  readonly isSent: true;
  readonly url: string;
  readonly taken: number;
  readonly rejected: number;
  readonly isAskedFor: boolean;
  /** Where Jaeger shows it, if it is there. */
  readonly link: string | null;
}

interface UnsentTrace {
  readonly isSent: false;
  readonly url: string;
  readonly failure: Failure;
  /** The user asked for it. */
  readonly isAskedFor: boolean;
}

/** `asked`: where `--otlp` says. Rejects where the file cannot be written; a collector that fails is in the report. */
export async function writeDemoTrace(
  directory: string,
  { traceId, spans }: EndedTrace,
  asked: OtlpEndpoint | null,
): Promise<DemoTraceReport> {
  const file = path.join(directory, 'trace.jsonl');
  const slice = { directory, filter: {} };
  const { counts } = await writeSpans(slice, { file, endpoint: null }, spans);
  const endpoint = asked ?? (await foundEndpoint());
  if (endpoint === null) return { traceId, file, counts, sent: null };
  const url = endpoint.url.href;
  const isAskedFor = asked !== null;
  try {
    const sent = (await writeSpans(slice, { file: null, endpoint }, spans)).counts;
    const { links } = await traceReport({ ...sent, traces: 1, traceIds: [traceId] }, endpoint);
    const { sent: taken = 0, rejected = 0 } = sent.collector ?? {};
    return { traceId, file, counts, sent: { isSent: true, url, taken, rejected, isAskedFor, link: links[0] ?? null } };
  } catch (error) {
    return { traceId, file, counts, sent: { isSent: false, url, failure: failureOf(error), isAskedFor } };
  }
}

/** What the environment names; else the usual place, if anything listens there. */
async function foundEndpoint(): Promise<OtlpEndpoint | null> {
  if (isSilenced()) return null;
  const named = endpointFrom();
  if (named !== null) return named;
  const usual = defaultEndpoint();
  return (await isListening(usual)) ? usual : null;
}

/** What the user asked to be sent has not been, or not all of it. */
export function isUnsent({ sent }: DemoTraceReport): boolean {
  return sent?.isAskedFor === true && (!sent.isSent || sent.rejected > 0);
}

export function demoTraceText({ traceId, file, counts, sent }: DemoTraceReport): string {
  const { spans, errors } = counts;
  const failed = errors === 0 ? '' : `, ${wholeText(errors)} of them of failures`;
  const lines = [`trace ${traceId}, in ${file}:`, `  ${plural(spans, 'span')}${failed}; Jaeger’s UI opens the file`];
  if (sent === null)
    lines.push('  no collector listens at http://localhost:4318 (scripts/jaeger starts one), so it is sent nowhere');
  else if (sent.isSent) {
    lines.push(
      `  sent to ${sent.url}${sent.rejected > 0 ? `, which has REJECTED ${wholeText(sent.rejected)} spans` : ''}`,
    );
    if (sent.link !== null) lines.push(`  in Jaeger: ${sent.link}`);
  } else {
    lines.push(`  NOT SENT to ${sent.url}: ${sent.failure.code}: ${sent.failure.message}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

export function demoTraceObject({ file, counts, sent }: DemoTraceReport): Record<string, unknown> {
  const { spans, errors, traces } = counts;
  return { file, spans, errors, traces, sent };
}
