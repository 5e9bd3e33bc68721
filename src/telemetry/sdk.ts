/**
 * An OpenTelemetry SDK for programs that have none: the package's entry `cachetrail/telemetry/sdk`. The only importer of
 * `@opentelemetry/sdk-node`, which is loaded when it is asked for.
 */
import { createRequire } from 'node:module';
import { CachetrailError } from '../device/errors.js';
import type { TelemetryStats } from '../streams/stats.js';
import { type Exporter, SpanQueue } from './span-queue.js';
import { journalIds } from './spans/journal-ids.js';
import { telemetryStats } from './telemetry-stats.js';

export interface TelemetryOptions {
  /** Default: what `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say, else `cachetrail`. */
  readonly serviceName?: string;
  /** Where the collector is, as in `OTEL_EXPORTER_OTLP_ENDPOINT`: `http://localhost:4318`, say. */
  readonly endpoint?: string;
}

export interface Telemetry {
  stats(): TelemetryStats;
  /** Resolves when all spans that had ended are exported, or counted as dropped. */
  forceFlush(): Promise<void>;
  /** The same, and ends the SDK. */
  shutdown(): Promise<void>;
}

type Sdk = typeof import('@opentelemetry/sdk-node');
type SpanExporter = Sdk['tracing']['ConsoleSpanExporter']['prototype'];
type ReadableSpan = Parameters<SpanExporter['export']>[0][number];
type NewExporter = new (config: { readonly url?: string }) => Exporter<ReadableSpan>;

/**
 * Starts `@opentelemetry/sdk-node` with the standard `OTEL_*` environment variables (exporter, endpoint, sampler, limits, queue),
 * the ids of the journal for the spans of caches, and a queue that counts what it drops. Rejects with CachetrailError
 * CACHETRAIL_MISSING_DEPENDENCY where the package is not installed.
 */
export async function startTelemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  const sdk = await loadSdk();
  const quietly = (work: () => void) => {
    const { active, with: within } = sdk.api.context;
    within.call(sdk.api.context, sdk.core.suppressTracing(active.call(sdk.api.context)), work);
  };
  const queues = exportersOf(sdk, options).map(
    (exporter) => new SpanQueue(exporter, { ...queueOptions(sdk), quietly }),
  );
  const serviceName = options.serviceName ?? (isServiceNamed(sdk) ? undefined : 'cachetrail');
  const node = new sdk.NodeSDK({
    idGenerator: journalIds(new sdk.tracing.RandomIdGenerator()),
    spanProcessors: queues,
    ...(serviceName === undefined ? {} : { serviceName }),
  });
  node.start();
  const forceFlush = async () => {
    for (const queue of queues) await queue.forceFlush();
  };
  return { stats: telemetryStats, forceFlush, shutdown: () => node.shutdown() };
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@opentelemetry/sdk-node');
  } catch (cause) {
    const message = 'this needs the package @opentelemetry/sdk-node: npm install @opentelemetry/sdk-node@~0.223.0';
    throw new CachetrailError('CACHETRAIL_MISSING_DEPENDENCY', message, { cause });
  }
}

/** What `OTEL_TRACES_EXPORTER` names: `otlp` unless it says otherwise. */
function exportersOf(sdk: Sdk, { endpoint }: TelemetryOptions): Exporter<ReadableSpan>[] {
  const named = sdk.core.getStringListFromEnv('OTEL_TRACES_EXPORTER') ?? [];
  const names = new Set(named.length === 0 ? ['otlp'] : named);
  if (names.has('none')) return [];
  return [...names].flatMap((name) => {
    if (name === 'otlp') return [otlpExporter(sdk, endpoint)];
    if (name === 'console') return [new sdk.tracing.ConsoleSpanExporter()];
    sdk.api.diag.warn(`OTEL_TRACES_EXPORTER: ${name} is not known; otlp, console and none are`);
    return [];
  });
}

function otlpExporter({ core, api }: Sdk, endpoint: string | undefined): Exporter<ReadableSpan> {
  const protocol =
    core.getStringFromEnv('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ??
    core.getStringFromEnv('OTEL_EXPORTER_OTLP_PROTOCOL') ??
    'http/protobuf';
  const packages: Readonly<Record<string, string>> = {
    grpc: '@opentelemetry/exporter-trace-otlp-grpc',
    'http/json': '@opentelemetry/exporter-trace-otlp-http',
    'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto',
  };
  if (packages[protocol] === undefined) api.diag.warn(`unknown OTLP protocol ${protocol}: http/protobuf is used`);
  const name = packages[protocol] ?? packages['http/protobuf'];
  // A dependency of the SDK, not ours: found from where the SDK is.
  const fromSdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
  const { OTLPTraceExporter }: { OTLPTraceExporter: NewExporter } = fromSdk(name);
  if (endpoint === undefined) return new OTLPTraceExporter({});
  const url = protocol === 'grpc' ? endpoint : `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  return new OTLPTraceExporter({ url });
}

/** The batch processor's variables. Its usual bound of 2048 spans is less than one turn of a busy cache can end. */
function queueOptions({ core }: Sdk) {
  const given = {
    spansMax: core.getNumberFromEnv('OTEL_BSP_MAX_QUEUE_SIZE'),
    batchMax: core.getNumberFromEnv('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
    delayMs: core.getNumberFromEnv('OTEL_BSP_SCHEDULE_DELAY'),
    timeoutMs: core.getNumberFromEnv('OTEL_BSP_EXPORT_TIMEOUT'),
  };
  const isSet = ([, value]: readonly [string, number | undefined]) => value !== undefined && value > 0;
  return Object.fromEntries(Object.entries(given).filter(isSet));
}

function isServiceNamed({ core }: Sdk): boolean {
  const attributes = core.getStringFromEnv('OTEL_RESOURCE_ATTRIBUTES') ?? '';
  return core.getStringFromEnv('OTEL_SERVICE_NAME') !== undefined || /(^|,)\s*service\.name=/.test(attributes);
}
