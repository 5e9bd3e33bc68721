/** Where spans go: into a file, to a collector, or both, a line of OTLP JSON at a time. */
import { type FileHandle, open } from 'node:fs/promises';
import { type OtlpSource, type OtlpSpan, otlpJson } from '../../telemetry/otlp.js';
import { SCOPE } from '../../telemetry/index.js';
import type { OtlpEndpoint } from '../otlp/endpoint.js';
import { OtlpSender, type SendCounts } from '../otlp/sender.js';
import { Lines } from '../output.js';

export interface TracePlaces {
  /** A path; `-` is stdout. */
  readonly file: string | null;
  readonly endpoint: OtlpEndpoint | null;
}

export interface TraceCounts {
  readonly spans: number;
  /** Those of them that failed. */
  readonly errors: number;
  readonly traces: number;
  /** There were more traces than are counted. */
  readonly tracesAreMore: boolean;
  /** The first traces. */
  readonly traceIds: readonly string[];
  readonly file: { readonly path: string; readonly bytes: number } | null;
  readonly collector: (SendCounts & { readonly url: string }) | null;
}

/** A line has so many spans, or fewer with many links: a few hundred thousand characters at most. */
const LINE_WEIGHT_MAX = 256;
const LINKS_PER_WEIGHT = 4;
/** What is remembered of traces, so that a journal of any length can be counted. */
const TRACES_COUNTED_MAX = 65_536;
const TRACES_NAMED_MAX = 3;
const ERROR = 2;

export class TraceOutput {
  readonly #places: TracePlaces;
  readonly #source: OtlpSource;
  readonly #file: LineFile | null;
  readonly #sender: OtlpSender | null;
  readonly #traces = new Set<string>();
  #line: OtlpSpan[] = [];
  #weight = 0;
  #spans = 0;
  #errors = 0;
  #tracesAreMore = false;

  private constructor(places: TracePlaces, journalId: string, file: LineFile | null) {
    this.#places = places;
    this.#source = sourceOf(journalId, process.env);
    this.#file = file;
    this.#sender = places.endpoint === null ? null : new OtlpSender(places.endpoint);
  }

  /** Rejects with the system's error for a file that cannot be written. */
  static async open(places: TracePlaces, journalId: string): Promise<TraceOutput> {
    return new TraceOutput(places, journalId, places.file === null ? null : await LineFile.open(places.file));
  }

  /** Resolves at once unless a line is full. Rejects where it cannot be written or sent. */
  add(span: OtlpSpan): Promise<void> | undefined {
    this.#spans++;
    if (span.status.code === ERROR) this.#errors++;
    if (this.#traces.size < TRACES_COUNTED_MAX) this.#traces.add(span.traceId);
    else this.#tracesAreMore ||= !this.#traces.has(span.traceId);
    this.#line.push(span);
    this.#weight += 1 + span.links.length / LINKS_PER_WEIGHT;
    return this.#weight < LINE_WEIGHT_MAX ? undefined : this.#flush();
  }

  async end(): Promise<TraceCounts> {
    if (this.#line.length > 0) await this.#flush();
    const file = (await this.#file?.close()) ?? null;
    const counts = (await this.#sender?.end()) ?? null;
    const { endpoint } = this.#places;
    return {
      spans: this.#spans,
      errors: this.#errors,
      traces: this.#traces.size,
      tracesAreMore: this.#tracesAreMore,
      traceIds: [...this.#traces].slice(0, TRACES_NAMED_MAX),
      file,
      collector: counts === null || endpoint === null ? null : { url: endpoint.url.href, ...counts },
    };
  }

  /** After a failure: lets go of the file. */
  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const spans = this.#line;
    this.#line = [];
    this.#weight = 0;
    const line = otlpJson(spans, this.#source);
    await this.#file?.write(line);
    await this.#sender?.send(line, spans.length);
  }
}

/**
 * The same wherever the journal is read: nothing of this host and process. Jaeger takes spans of no host for spans of clocks of
 * their own, and warns of each that outlives its parent; all of a journal have one clock, so the journal stands for the host.
 */
function sourceOf(journalId: string, { OTEL_SERVICE_NAME: name }: NodeJS.ProcessEnv): OtlpSource {
  const service = name === undefined || name === '' ? 'cachetrail' : name;
  return { resource: { 'service.name': service, 'host.id': journalId }, scope: SCOPE };
}

class LineFile {
  readonly #path: string;
  readonly #handle: FileHandle | null;
  readonly #stdout = new Lines();
  #bytes = 0;

  private constructor(path: string, handle: FileHandle | null) {
    this.#path = path;
    this.#handle = handle;
  }

  static async open(path: string): Promise<LineFile> {
    return new LineFile(path, path === '-' ? null : await open(path, 'w'));
  }

  async write(line: string): Promise<void> {
    this.#bytes += Buffer.byteLength(line) + 1;
    if (this.#handle === null) await this.#stdout.write(line);
    else await this.#handle.appendFile(`${line}\n`);
  }

  async close(): Promise<{ readonly path: string; readonly bytes: number }> {
    if (this.#handle === null) await this.#stdout.flush();
    else await this.#handle.close();
    return { path: this.#path, bytes: this.#bytes };
  }
}
