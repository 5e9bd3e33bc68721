import { type Attributes, createNoopMeter, type MeterProvider, metrics } from '@opentelemetry/api';
import type { BlockCache } from '../../streams/block-cache.js';
import { SCOPE } from '../names.js';
import { pointsOf } from './points.js';
import { type Measured, Registry } from './registry.js';
import { type PointAttributes, Tally } from './tally.js';

export interface MetricsOptions {
  /** Default: the one that the application has registered. */
  readonly meterProvider?: MeterProvider;
  /**
   * On every point of this cache, beside its own: what tells the caches of one process apart, `{ 'system.device': … }` say.
   * Caches with the same ones are added up. Values become strings.
   */
  readonly attributes?: Attributes;
}

export interface MetricsHandle extends Disposable {
  /** Ends it; what has been counted stays in the sums. The cache's end does the same. */
  stop(): void;
}

const registries = new WeakMap<MeterProvider, Registry>();
const handles = new WeakMap<BlockCache, Map<Registry, MetricsHandle>>();
const NOTHING: MetricsHandle = { stop() {}, [Symbol.dispose]() {} };

/**
 * Measures a cache until it is closed: see `docs/TELEMETRY.md` for the metrics. Call it when the SDK has been started: without
 * a meter provider it does nothing, then or later. A second call for the same cache gives the first one's handle.
 *
 * Hits cost nothing: the cache counts them anyway, and they are read when somebody collects.
 */
export function instrumentMetrics(cache: BlockCache, options: MetricsOptions = {}): MetricsHandle {
  const { meterProvider = metrics.getMeterProvider(), attributes = {} } = options;
  const meter = meterProvider.getMeter(SCOPE.name, SCOPE.version, { schemaUrl: SCOPE.schemaUrl });
  if (meter === createNoopMeter()) return NOTHING;
  const registry = registries.get(meterProvider) ?? new Registry(meter);
  registries.set(meterProvider, registry);
  const known = handles.get(cache) ?? new Map<Registry, MetricsHandle>();
  handles.set(cache, known);
  const first = known.get(registry);
  if (first !== undefined) return first;
  const handle = measure(cache, registry, stringsOf(attributes), () => known.delete(registry));
  known.set(registry, handle);
  return handle;
}

function measure(
  cache: BlockCache,
  registry: Registry,
  attributes: PointAttributes,
  stopped: () => void,
): MetricsHandle {
  const tally = new Tally(registry.record, attributes);
  const measured: Measured = { attributes, points: () => pointsOf(cache.stats(), tally) };
  registry.add(measured);
  const subscription = cache.slowEvents$.subscribe({
    next: (event) => tally.take(event),
    complete: () => registry.remove(measured),
  });
  const stop = () => {
    subscription.unsubscribe();
    registry.remove(measured);
    stopped();
  };
  return { stop, [Symbol.dispose]: stop };
}

function stringsOf(attributes: Attributes): PointAttributes {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}
