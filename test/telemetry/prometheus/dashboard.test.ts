import { expect } from 'chai';
import { METRIC_ATTRIBUTE, METRICS, type MetricName } from '../../../src/telemetry/index.js';
import { dashboard, dataPanels, prometheusNames } from './dashboard.js';

const names = Object.keys(METRICS) as MetricName[];

describe('the Grafana dashboard', () => {
  const board = dashboard();
  const queries = dataPanels(board).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it('has a title, a schema that Grafana 12 and 13 read, and a variable for its data source', () => {
    expect(board).to.include({ uid: 'cachetrail', title: 'cachetrail', schemaVersion: 42 });
    const source = board.templating.list.find(({ name }) => name === 'datasource');
    expect(source).to.include({ type: 'datasource', query: 'prometheus' });
  });

  it('has panels with a description, a unit and a query each, from that data source', () => {
    for (const { title, description, fieldConfig, targets, datasource } of dataPanels(board)) {
      expect(description, title).to.match(/^[A-Z].*\.$/);
      expect(fieldConfig?.defaults.unit, title).to.be.a('string').and.not.equal('');
      expect(targets, title).to.not.be.empty;
      for (const { expr, legendFormat } of targets ?? [])
        expect(expr.length * legendFormat.length, title).to.be.above(0);
      expect(datasource?.type, title).to.equal('prometheus');
      expect(datasource?.uid, title).to.match(/^\$\{datasource\}$/);
    }
  });

  it('has panels that do not overlap, each with an id of its own', () => {
    const { panels } = board;
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    const cells = panels.flatMap(({ title, gridPos: { x, y, w, h } }) => {
      expect(x + w, title).to.be.at.most(24);
      return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
    });
    expect(new Set(cells).size).to.equal(cells.length);
  });

  it('asks for metrics that exist, and for every one of them', () => {
    const known = new Set(names.flatMap(prometheusNames));
    const asked = new Set(queries.flatMap((expr) => expr.match(/\bcachetrail_\w+(?=[{[])/g) ?? []));
    expect([...asked].filter((name) => !known.has(name))).to.deep.equal([]);
    const unasked = names.filter((name) => !prometheusNames(name).some((spelled) => asked.has(spelled)));
    expect(unasked).to.deep.equal([]);
    for (const { query } of board.templating.list) {
      const text = typeof query === 'string' ? query : query.query;
      for (const name of text.match(/\bcachetrail_\w+/g) ?? []) expect(known).to.include(name);
    }
  });

  it('groups by attributes that its metrics have', () => {
    const labels = Object.values(METRIC_ATTRIBUTE).map((attribute) => attribute.replaceAll('.', '_'));
    const grouped = queries.flatMap((expr) =>
      [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap((found) => found[1].split(', ')),
    );
    expect(grouped.filter((label) => ![...labels, 'le'].includes(label))).to.deep.equal([]);
    for (const { targets = [], title } of dataPanels(board)) {
      for (const { legendFormat, expr } of targets) {
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect(expr, title).to.match(new RegExp(`by \\([^)]*${label}`));
      }
    }
  });
});
