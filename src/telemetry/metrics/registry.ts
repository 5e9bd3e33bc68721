/**
 * The instruments of one meter provider, shared by all caches that it measures: caches with the same attributes are added
 * up, and what a closed cache has counted stays in the sums, so that a counter never falls.
 */
import type { BatchObservableResult, Meter, Observable as Observed } from '@opentelemetry/api';
import {
  type HistogramName,
  METRIC_BUCKETS,
  METRICS,
  type MetricName,
  type MetricSpec,
  type ObservedName,
} from '../metric-names.js';
import { type Point, processPoints } from './points.js';
import type { PointAttributes } from './attribute-sets.js';
import type { RecordValue } from './tally.js';

/** One cache that is measured. */
export interface Measured {
  /** Part of the attributes of all its points. */
  readonly attributes: PointAttributes;
  readonly points: () => readonly Point[];
}

interface Sum {
  readonly metric: ObservedName;
  readonly attributes: PointAttributes;
  value: number;
}

export class Registry {
  readonly record: RecordValue;
  readonly #observed = new Map<ObservedName, Observed>();
  readonly #measured = new Set<Measured>();
  /** Counters of caches that are no longer measured. */
  readonly #past = new Map<string, Sum>();

  constructor(meter: Meter) {
    const histograms = histogramsOf(meter);
    this.record = (name, value, attributes) => histograms[name].record(value, attributes);
    for (const name of OBSERVED) this.#observed.set(name, observedOf(meter, name));
    meter.addBatchObservableCallback((result) => this.#observe(result), [...this.#observed.values()]);
  }

  add(measured: Measured): void {
    this.#measured.add(measured);
  }

  /** What it has counted is kept; what it held is gone. Of no effect the second time. */
  remove(measured: Measured): void {
    if (!this.#measured.delete(measured)) return;
    for (const point of measured.points()) {
      if (METRICS[point[0]].kind === 'counter') addTo(this.#past, point, measured.attributes);
    }
  }

  #observe(result: BatchObservableResult): void {
    const sums = new Map([...this.#past].map(([key, sum]) => [key, { ...sum }]));
    for (const point of processPoints()) addTo(sums, point, {});
    for (const measured of this.#measured) {
      for (const point of measured.points()) addTo(sums, point, measured.attributes);
    }
    for (const { metric, value, attributes } of sums.values()) {
      const instrument = this.#observed.get(metric);
      if (instrument !== undefined) result.observe(instrument, value, attributes);
    }
  }
}

const NAMES = Object.keys(METRICS) as MetricName[];
const OBSERVED = NAMES.filter((name): name is ObservedName => METRICS[name].kind !== 'histogram');

function addTo(sums: Map<string, Sum>, [metric, value, own]: Point, common: PointAttributes): void {
  const attributes = { ...common, ...own };
  const key = `${metric} ${JSON.stringify(Object.entries(attributes).sort())}`;
  const sum = sums.get(key);
  if (sum === undefined) sums.set(key, { metric, attributes, value });
  else sum.value = METRICS[metric].kind === 'gauge' ? Math.max(sum.value, value) : sum.value + value;
}

function observedOf(meter: Meter, name: ObservedName): Observed {
  const { kind } = METRICS[name];
  const options = optionsOf(METRICS[name]);
  if (kind === 'counter') return meter.createObservableCounter(name, options);
  return kind === 'gauge'
    ? meter.createObservableGauge(name, options)
    : meter.createObservableUpDownCounter(name, options);
}

function histogramsOf(meter: Meter) {
  const make = (name: HistogramName) =>
    meter.createHistogram(name, {
      ...optionsOf(METRICS[name]),
      advice: { explicitBucketBoundaries: [...METRIC_BUCKETS[name]] },
    });
  return {
    'cachetrail.admission.duration': make('cachetrail.admission.duration'),
    'cachetrail.device.operation.duration': make('cachetrail.device.operation.duration'),
    'cachetrail.device.queue.duration': make('cachetrail.device.queue.duration'),
    'cachetrail.batch.size': make('cachetrail.batch.size'),
  } satisfies Record<HistogramName, unknown>;
}

function optionsOf({ unit, meaning }: MetricSpec): { readonly unit: string; readonly description: string } {
  return { unit, description: meaning };
}
