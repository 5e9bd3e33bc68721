/** What a real SDK collects. */
import { type Histogram, MeterProvider, type MetricData, MetricReader } from '@opentelemetry/sdk-metrics';
import { expect } from 'chai';
import type { MetricName } from '../../../../src/telemetry/index.js';

class OnDemand extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/** The numbers of a metric by the values of its attributes, in order of name: `EIO,parked`; '' for none. */
export type Values = Readonly<Record<string, number>>;

export interface Collected {
  readonly names: readonly string[];
  data(name: MetricName): MetricData | undefined;
  values(name: MetricName): Values;
  histograms(name: MetricName): Readonly<Record<string, Histogram>>;
}

export interface Collector {
  readonly meterProvider: MeterProvider;
  collect(): Promise<Collected>;
}

export function collector(): Collector {
  const reader = new OnDemand();
  const meterProvider = new MeterProvider({ readers: [reader] });
  const collect = async (): Promise<Collected> => {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).to.deep.equal([]);
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    const data = (name: MetricName) => all.find(({ descriptor }) => descriptor.name === name);
    const points = (name: MetricName) =>
      (data(name)?.dataPoints ?? []).map(({ attributes, value }) => {
        const key = Object.keys(attributes)
          .sort()
          .map((attribute) => String(attributes[attribute]));
        return [key.join(','), value] as const;
      });
    return {
      names: all.map(({ descriptor }) => descriptor.name),
      data,
      values: (name) =>
        Object.fromEntries(points(name).filter((point): point is [string, number] => typeof point[1] === 'number')),
      histograms: (name) =>
        Object.fromEntries(points(name).filter((point): point is [string, Histogram] => typeof point[1] !== 'number')),
    };
  };
  return { meterProvider, collect };
}
