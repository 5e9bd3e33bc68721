/** The Grafana dashboard, as its queries and panels are of interest to tests. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { METRICS, type MetricName } from '../../../src/telemetry/index.js';
import { root } from '../../house/sources.js';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(path.join(root, 'assets/grafana-dashboard.json'), 'utf8')) as Dashboard;
}

/** Panels with data: all but the headings of rows. */
export function dataPanels({ panels }: Dashboard): Panel[] {
  return panels.filter(({ type }) => type !== 'row');
}

/** A metric's names in Prometheus, as OpenTelemetry's exporter spells them. */
export function prometheusNames(name: MetricName): string[] {
  const base = name.replaceAll('.', '_');
  const { kind } = METRICS[name];
  if (kind === 'counter') return [`${base}_total`];
  return kind === 'histogram' ? [`${base}_bucket`, `${base}_sum`, `${base}_count`] : [base];
}
