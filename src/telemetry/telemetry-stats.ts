/** What becomes of spans in this process, as plain fields: read by `stats()` and by metrics. */
import type { TelemetryStats } from '../streams/stats.js';

export const SPAN_COUNTS = { started: 0, ended: 0, dropped: 0 };

/** Spans of all instrumented caches of this process; `spansDropped` counts those that `cachetrail/telemetry/sdk` could not export. */
export function telemetryStats(): TelemetryStats {
  const { started, ended, dropped } = SPAN_COUNTS;
  return { spansStarted: started, spansEnded: ended, spansDropped: dropped };
}
