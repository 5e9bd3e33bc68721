import { expect } from 'chai';
import { type Curve, axesOf, capacityText, isCurve, ratioText } from '../../../../src/cli/journal/replay/curve.js';
import { curveSvg } from '../../../../src/cli/journal/replay/curve-svg.js';
import { curveText } from '../../../../src/cli/journal/replay/curve-text.js';

const CURVE: Curve = {
  blockSize: 4096,
  recorded: { capacity: 1024, missRatio: 0.1 },
  series: [
    { label: 'lru', points: [16, 64, 256, 1024].map((capacity, at) => ({ capacity, missRatio: 0.4 - at * 0.1 })) },
    {
      label: 'priority & <more>',
      points: [
        { capacity: 16, missRatio: 0.3 },
        { capacity: 1024, missRatio: 0 },
      ],
    },
  ],
};
const ESCAPE = '\u001b';

describe('a curve of misses', () => {
  it('has axes that hold all points, with whole numbers at them', () => {
    const axes = axesOf(CURVE, 10);
    expect(axes).to.include({ from: 16, to: 1024, top: 0.4 });
    expect(axes.capacities).to.deep.equal([16, 32, 64, 128, 256, 512, 1024]);
    expect(axes.ratios.map((ratio) => ratioText(ratio, axes))).to.deep.equal(['0 %', '10 %', '20 %', '30 %', '40 %']);
    const fine = axesOf({ ...CURVE, recorded: { capacity: 16, missRatio: 0.004 }, series: [] }, 10);
    expect(fine.ratios.map((ratio) => ratioText(ratio, fine)).at(-1)).to.equal('0.500 %');
    expect([1000, 1024, 65_536, 2 ** 20, 3 * 1024].map(capacityText)).to.deep.equal([
      '1000',
      '1Ki',
      '64Ki',
      '1Mi',
      '3Ki',
    ]);
  });

  it('is one only where some line has two capacities', () => {
    expect(isCurve(CURVE)).to.equal(true);
    const one = [{ capacity: 16, missRatio: 0 }];
    expect(
      isCurve({
        ...CURVE,
        series: [
          { label: 'lru', points: one },
          { label: 'priority', points: one },
        ],
      }),
    ).to.equal(false);
  });

  describe('in a terminal', () => {
    it('fits into 80 columns, or fewer, and falls from left to right', () => {
      for (const columns of [200, 80, 50]) {
        const lines = curveText(CURVE, { columns, colors: false }).split('\n');
        expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(Math.min(columns, 80));
        const marks = lines.flatMap((line, row) => [...line.matchAll(/●/g)].map(({ index }) => ({ row, index })));
        const rising = marks.filter(({ row }, at) => at > 0 && row <= marks[at - 1].row);
        // The last point is under the mark of the recording; the fourth mark is the legend's.
        expect([marks.length, rising]).to.deep.equal([4, []]);
      }
    });

    it('has a legend with every line, the recording and units', () => {
      const text = curveText(CURVE, { columns: 80, colors: false });
      for (const part of ['● lru', '◆ priority & <more>', '✕ recorded', 'blocks of 4,096 bytes', '40 %', '1Ki']) {
        expect(text).to.include(part);
      }
      expect(text).to.not.include(ESCAPE);
    });

    it('has a color for each line if it may', () => {
      const text = curveText(CURVE, { columns: 80, colors: true });
      expect(text).to.include(`${ESCAPE}[36m`).and.include(`${ESCAPE}[33m`);
      const plain = text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '');
      expect(plain).to.equal(curveText(CURVE, { columns: 80, colors: false }));
    });
  });

  describe('as SVG', () => {
    it('is well-formed, with all text escaped', () => {
      const svg = curveSvg(CURVE);
      expect(unclosed(svg)).to.deep.equal([]);
      expect(svg).to.match(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
      expect(svg).to.include('priority &amp; &lt;more&gt;').and.not.include('<more>');
    });

    it('has a point for each value inside the plot, units, a legend, and colors for dark pages', () => {
      const svg = curveSvg(CURVE);
      const points = [...svg.matchAll(/<circle [^>]*cx="([\d.]+)" cy="([\d.]+)"/g)].map((match) =>
        match.slice(1).map(Number),
      );
      expect(points).to.have.length(6);
      for (const [x, y] of points) {
        expect(x).to.be.within(72, 700);
        expect(y).to.be.within(48, 350);
      }
      for (const part of ['prefers-color-scheme:dark', 'blocks of 4,096 bytes', '>lru<', '>recorded<', '>40 %<']) {
        expect(svg).to.include(part);
      }
    });
  });
});

/** Elements that are opened and not closed, or closed and not opened: enough for what is generated without comments. */
function unclosed(xml: string): string[] {
  const open: string[] = [];
  for (const [, slash, name, end] of xml.matchAll(/<(\/?)([a-z]+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (slash === '') open.push(name);
    if (slash === '' && end === '') continue;
    if (open.pop() !== name) return [...open, name];
  }
  return xml.replaceAll(/<\/?[a-z][^<>]*>/g, '').includes('<') ? ['<'] : open;
}
