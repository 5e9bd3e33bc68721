/** What became of spans that were written or sent, for people and for machines. */
import { jaegerLink, type OtlpEndpoint } from '../otlp/endpoint.js';
import { plural } from '../journal/text.js';
import type { TraceCounts } from './output.js';

export interface TraceReport {
  readonly counts: TraceCounts;
  /** Addresses in Jaeger's UI of the traces, where it is known and they are few. */
  readonly links: readonly string[];
}

export async function traceReport(counts: TraceCounts, endpoint: OtlpEndpoint | null): Promise<TraceReport> {
  if (endpoint === null || counts.traces > counts.traceIds.length) return { counts, links: [] };
  const links = await Promise.all(counts.traceIds.map((traceId) => jaegerLink(endpoint, traceId)));
  return { counts, links: links.filter((link) => link !== null) };
}

export function traceLines({ counts, links }: TraceReport): string[] {
  const { spans, errors, traces, tracesAreMore, file, collector } = counts;
  const failed = errors === 0 ? '' : `, ${number(errors)} of them of failures`;
  const lines = [`${plural(spans, 'span')} in ${plural(traces, 'trace')}${tracesAreMore ? ' or more' : ''}${failed}`];
  if (file !== null && file.path !== '-') lines.push(`  written to ${file.path}, ${number(file.bytes)} bytes`);
  if (collector !== null) {
    lines.push(`  sent to ${collector.url}: ${number(collector.sent)} taken${rejectedText(collector)}`);
  }
  return [...lines, ...links.map((link) => `  ${link}`)];
}

export function traceObject({ counts, links }: TraceReport): Record<string, unknown> {
  const { spans, errors, traces, tracesAreMore, traceIds, file, collector } = counts;
  return { spans, errors, traces, tracesAreMore, traceIds, file, collector, links };
}

function rejectedText({ rejected, rejection }: { readonly rejected: number; readonly rejection: string }): string {
  if (rejected === 0) return '';
  return `, ${number(rejected)} REJECTED${rejection === '' ? '' : ` (${rejection})`}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
