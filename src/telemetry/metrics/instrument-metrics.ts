import { type Attributes, createNoopMeter, type MeterProvider, metrics } from '@opentelemetry/api';
import type { Subscription } from 'rxjs';
import type { CacheEvent } from '../../cache/events.js';
import type { BlockCache } from '../../streams/block-cache.js';
import { SCOPE } from '../names.js';
import { pointsOf } from './points.js';
import { type Measured, Registry } from './registry.js';
import type { PointAttributes } from './attribute-sets.js';
import { Tally } from './tally.js';

export interface MetricsOptions {
  /** Default: the one that the application has registered, or will. */
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
/** Null stands for the registered provider. */
const handles = new WeakMap<BlockCache, Map<MeterProvider | null, MetricsHandle>>();

/**
 * Measures a cache until it is closed: `docs/TELEMETRY.md` has the metrics. Until the application has registered a meter
 * provider, each event that is no hit looks for one, and nothing else is done. A second call gives the first one's handle.
 *
 * Hits cost nothing: the cache counts them anyway, and they are read when somebody collects.
 */
export function instrumentMetrics(cache: BlockCache, options: MetricsOptions = {}): MetricsHandle {
  const key = options.meterProvider ?? null;
  const known = handles.get(cache) ?? new Map<MeterProvider | null, MetricsHandle>();
  handles.set(cache, known);
  const handle = known.get(key) ?? new CacheMetrics(cache, options, () => known.delete(key));
  known.set(key, handle);
  return handle;
}

class CacheMetrics implements MetricsHandle {
  readonly #cache: BlockCache;
  readonly #meterProvider: MeterProvider | undefined;
  readonly #attributes: PointAttributes;
  readonly #stopped: () => void;
  readonly #subscription: Subscription;
  #tally: Tally | null = null;
  #registered: { readonly registry: Registry; readonly measured: Measured } | null = null;

  constructor(cache: BlockCache, options: MetricsOptions, stopped: () => void) {
    this.#cache = cache;
    this.#meterProvider = options.meterProvider;
    this.#attributes = stringsOf(options.attributes ?? {});
    this.#stopped = stopped;
    this.#tally = this.#begin();
    this.#subscription = cache.slowEvents$.subscribe({
      next: (event) => this.#next(event),
      complete: () => this.#end(),
    });
  }

  stop(): void {
    this.#subscription.unsubscribe();
    this.#end();
    this.#stopped();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #next(event: CacheEvent): void {
    this.#tally ??= this.#begin();
    this.#tally?.take(event);
  }

  #begin(): Tally | null {
    const provider = this.#meterProvider ?? metrics.getMeterProvider();
    const registry = registries.get(provider) ?? registryOf(provider);
    if (registry === null) return null;
    const attributes = this.#attributes;
    const tally = new Tally(registry.record, attributes);
    const measured: Measured = { attributes, points: () => pointsOf(this.#cache.stats(), tally) };
    registry.add(measured);
    this.#registered = { registry, measured };
    return tally;
  }

  #end(): void {
    this.#registered?.registry.remove(this.#registered.measured);
    this.#registered = null;
  }
}

/** Null where nobody has registered a provider: what the API hands out then makes meters that do nothing. */
function registryOf(provider: MeterProvider): Registry | null {
  const meter = provider.getMeter(SCOPE.name, SCOPE.version, { schemaUrl: SCOPE.schemaUrl });
  if (meter === createNoopMeter()) return null;
  const registry = new Registry(meter);
  registries.set(provider, registry);
  return registry;
}

function stringsOf(attributes: Attributes): PointAttributes {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}
