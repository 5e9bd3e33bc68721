/** The curve as an SVG of its own: it brings its colors and its background, for light and dark pages. */
import { type Axes, axesOf, capacityText, type Curve, type CurvePoint, placeOf, ratioText } from './curve.js';

const [WIDTH, HEIGHT] = [720, 440];
const PLOT = { left: 72, right: 700, top: 48, bottom: 350 };
const CAPACITIES_MAX = 12;
/** Colors that are told apart by the color-blind too (Okabe and Ito), on white and on black. */
const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#3b3b98'];
const DARK = ['#56b4e9', '#ff9d4d', '#35d0a0', '#f0a3cb', '#f0e442', '#a7a7ff'];
const DASHES = ['none', '7 4', '2 4', '10 4 2 4', '1 3', '14 4'];
const LEGEND_COLUMN = 314;
const LEGEND_ROW = 20;

export function curveSvg(curve: Curve): string {
  const axes = axesOf(curve, CAPACITIES_MAX);
  const entries = curve.series.length + 1;
  const height = HEIGHT + LEGEND_ROW * Math.max(0, Math.ceil(entries / 2) - 1);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="cachetrail-title cachetrail-desc">`,
    '<title id="cachetrail-title">Miss ratio of reads by capacity</title>',
    `<desc id="cachetrail-desc">${escaped(describe(curve))}</desc>`,
    `<style>${style()}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    `<text class="head" x="${PLOT.left}" y="28">Miss ratio of reads by capacity</text>`,
    ...ratioAxis(axes),
    ...capacityAxis(axes, curve.blockSize),
    ...curve.series.flatMap(({ points }, at) => seriesElements(points, at, axes)),
    recordedMark(place(curve.recorded, axes)),
    ...legend(curve),
    '</svg>',
  ].join('\n')}\n`;
}

function style(): string {
  const colors = (list: readonly string[]) =>
    list.map((color, at) => `.l${at}{stroke:${color}}.d${at}{fill:${color}}`).join('');
  return [
    'text{font:13px system-ui,sans-serif;fill:#222}.head{font-size:16px;font-weight:600}.page{fill:#fff}',
    '.grid{stroke:#ddd}.axis,.recorded{stroke:#222;fill:none}.recorded{stroke-width:2.5}.line{fill:none;stroke-width:2}',
    colors(LIGHT),
    `@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#14171a}.grid{stroke:#33383d}.axis,.recorded{stroke:#ddd}${colors(DARK)}}`,
  ].join('');
}

function ratioAxis(axes: Axes): string[] {
  const labels = axes.ratios.flatMap((ratio) => {
    const y = yOf(ratio, axes);
    return [
      `<line class="grid" x1="${PLOT.left}" y1="${y}" x2="${PLOT.right}" y2="${y}"/>`,
      `<text x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end">${ratioText(ratio, axes)}</text>`,
    ];
  });
  return [...labels, `<line class="axis" x1="${PLOT.left}" y1="${PLOT.top}" x2="${PLOT.left}" y2="${PLOT.bottom}"/>`];
}

function capacityAxis(axes: Axes, blockSize: number): string[] {
  const labels = axes.capacities.flatMap((capacity) => {
    const x = xOf(capacity, axes);
    return [
      `<line class="axis" x1="${x}" y1="${PLOT.bottom}" x2="${x}" y2="${PLOT.bottom + 5}"/>`,
      `<text x="${x}" y="${PLOT.bottom + 20}" text-anchor="middle">${capacityText(capacity)}</text>`,
    ];
  });
  const middle = (PLOT.left + PLOT.right) / 2;
  return [
    ...labels,
    `<line class="axis" x1="${PLOT.left}" y1="${PLOT.bottom}" x2="${PLOT.right}" y2="${PLOT.bottom}"/>`,
    `<text x="${middle}" y="${PLOT.bottom + 42}" text-anchor="middle">capacity, blocks of ${blockSize.toLocaleString('en-US')} bytes</text>`,
  ];
}

function seriesElements(points: readonly CurvePoint[], at: number, axes: Axes): string[] {
  const index = at % LIGHT.length;
  const places = points.map((point) => place(point, axes));
  const line = places.map(({ x, y }) => `${x},${y}`).join(' ');
  const dots = places.map(({ x, y }, point) => {
    const { capacity, missRatio } = points[point];
    return `<circle class="d${index}" cx="${x}" cy="${y}" r="4"><title>${capacity} blocks: ${(missRatio * 100).toFixed(2)} %</title></circle>`;
  });
  return [`<polyline class="line l${index}" stroke-dasharray="${DASHES[index]}" points="${line}"/>`, ...dots];
}

function recordedMark({ x, y }: Place): string {
  return `<path class="recorded" d="M${x - 6} ${y - 6}l12 12m0 -12l-12 12"><title>recorded</title></path>`;
}

function legend({ series }: Curve): string[] {
  const spots = [...series.map(({ label }) => label), 'recorded'].map((label, at) => {
    return { label, x: PLOT.left + (at % 2) * LEGEND_COLUMN, y: PLOT.bottom + 72 + Math.floor(at / 2) * LEGEND_ROW };
  });
  return spots.flatMap(({ label, x, y }, at) => {
    const index = at % LIGHT.length;
    const sign =
      at === series.length
        ? recordedMark({ x: x + 15, y: y - 4 })
        : `<line class="line l${index}" stroke-dasharray="${DASHES[index]}" x1="${x}" y1="${y - 4}" x2="${x + 30}" y2="${y - 4}"/>`;
    return [sign, `<text x="${x + 40}" y="${y}">${escaped(label)}</text>`];
  });
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function place({ capacity, missRatio }: CurvePoint, axes: Axes): Place {
  return { x: xOf(capacity, axes), y: yOf(missRatio, axes) };
}

function xOf(capacity: number, axes: Axes): number {
  return rounded(PLOT.left + placeOf(capacity, axes) * (PLOT.right - PLOT.left));
}

function yOf(ratio: number, { top }: Axes): number {
  return rounded(PLOT.bottom - (ratio / top) * (PLOT.bottom - PLOT.top));
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function describe({ series }: Curve): string {
  return series
    .map(({ label, points }) => {
      const ratios = points.map(({ capacity, missRatio }) => `${capacity} blocks ${(missRatio * 100).toFixed(1)} %`);
      return `${label}: ${ratios.join(', ')}`;
    })
    .join('; ');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
