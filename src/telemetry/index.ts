/** What a cache has to do with OpenTelemetry: the package's entry `cachetrail/telemetry`. */
export { activeTrace } from './context.js';
export { instrument, type Instrumentation, type InstrumentOptions } from './instrument.js';
export { METRIC_ATTRIBUTE, METRIC_BUCKETS, METRICS, type MetricName } from './metric-names.js';
export { instrumentMetrics, type MetricsHandle, type MetricsOptions } from './metrics/instrument-metrics.js';
export { ATTRIBUTE, RELATION, type Relation, SCOPE, SPAN, type SpanName } from './names.js';
export { type Exporter, SpanQueue, type SpanQueueOptions } from './span-queue.js';
export { projectSpans, type ProjectSpansOptions, type RecordedEvent, SpanProjector } from './spans/project-spans.js';
export type { SpanData, SpanDataStatus } from './spans/span-data.js';
export { type IdGenerator, journalIds } from './spans/journal-ids.js';
export type { SpanAttributes, SpanLink, SpanRef } from './spans/span-sink.js';
export { telemetryStats } from './telemetry-stats.js';
