/** What a cache has to do with OpenTelemetry: the package's entry `cachetrail/telemetry`. */
export { activeTrace } from './context.js';
