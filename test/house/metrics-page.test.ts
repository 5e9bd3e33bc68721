import { expect } from 'chai';
import { ATTRIBUTE } from '../../src/telemetry/names.js';
import { METRIC_ATTRIBUTE, METRIC_BUCKETS, METRICS } from '../../src/telemetry/metric-names.js';
import { codeIn, page, sectionsOf, tableHeading, tableRows } from './markdown.js';

describe('the metrics in docs/TELEMETRY.md', () => {
  const body = (): string =>
    sectionsOf(page('docs/TELEMETRY.md')).find(({ heading }) => heading === 'Metrics')?.body ?? '';

  it('are those of the code, with their kinds, units, attributes and meanings', () => {
    expect(tableHeading(body())).to.deep.equal(['metric', 'kind', 'unit', 'attributes', 'meaning']);
    const listed = tableRows(body()).map(([name, kind, unit, attributes, meaning]) => [
      codeIn(name),
      { kind, unit: codeIn(unit), attributes: attributes === '' ? [] : attributes.split(', ').map(codeIn), meaning },
    ]);
    expect(Object.fromEntries(listed)).to.deep.equal(METRICS);
    expect(listed.length, 'each once').to.equal(Object.keys(METRICS).length);
  });

  it('have names, units and attributes as OpenTelemetry wants them', () => {
    const names = Object.keys(METRICS);
    for (const [name, { unit, meaning }] of Object.entries(METRICS)) {
      expect(name).to.match(/^cachetrail(\.[a-z]+(_[a-z]+)*)+$/);
      expect(unit, name).to.match(/^(s|By|\{[a-z]+\})$/);
      expect(meaning, name).to.match(/^[A-Z].*\.$/);
      expect(
        names.some((other) => other.startsWith(`${name}.`)),
        `${name} is no namespace`,
      ).to.equal(false);
    }
    for (const [key, name] of Object.entries(METRIC_ATTRIBUTE)) {
      if (key in ATTRIBUTE) expect(name).to.equal(ATTRIBUTE[key as keyof typeof ATTRIBUTE]);
    }
  });

  it('have buckets that rise', () => {
    for (const [name, bounds] of Object.entries(METRIC_BUCKETS)) {
      expect(bounds, name).to.deep.equal([...new Set(bounds)].sort((a, b) => a - b));
    }
  });
});
