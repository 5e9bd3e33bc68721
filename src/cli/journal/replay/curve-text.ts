/** The curve as characters: lines of Braille dots, a mark at each point, 80 columns wide at most. */
import { type Axes, axesOf, capacityText, type Curve, type CurvePoint, placeOf, ratioText } from './curve.js';

export interface CurveTextOptions {
  /** Columns of the terminal. */
  readonly columns: number;
  readonly colors: boolean;
}

const COLUMNS_MAX = 80;
const COLUMNS_MIN = 40;
const ROWS = 14;
/** Room for `100 % ┤`. */
const MARGIN = 9;
const MARKS = ['●', '◆', '▲', '■', '○', '◇', '△', '□'];
const RECORDED_MARK = '✕';
/** Where points of several lines meet. */
const SHARED_MARK = '◎';
/** Cyan, yellow, magenta, green, blue, red. */
const COLORS = [36, 33, 35, 32, 34, 31];
/** Bits of the dots of a Braille character by row, left and right. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BRAILLE = 0x2800;

export function curveText(curve: Curve, { columns, colors }: CurveTextOptions): string {
  const width = Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, columns)) - MARGIN - 2;
  const axes = axesOf(curve, Math.floor(width / 7));
  const canvas = new Canvas(width, axes);
  for (const [index, { points }] of curve.series.entries()) {
    const series = index % COLORS.length;
    for (const [at, point] of points.slice(1).entries()) canvas.line(points[at], point, series);
  }
  // Marks last, so that no line hides them.
  for (const [index, { points }] of curve.series.entries()) {
    for (const point of points) canvas.mark(point, MARKS[index % MARKS.length], index % COLORS.length);
  }
  canvas.mark(curve.recorded, RECORDED_MARK, -1);
  const paint = (text: string, series: number) =>
    colors && series >= 0 ? `\u001b[${COLORS[series]}m${text}\u001b[0m` : text;
  const legend = [
    ...curve.series.map(({ label }, at) => ({ sign: MARKS[at % MARKS.length], label, series: at % COLORS.length })),
    ...(canvas.hasShared ? [{ sign: SHARED_MARK, label: 'several', series: -1 }] : []),
    { sign: RECORDED_MARK, label: 'recorded', series: -1 },
  ];
  const lines = [
    'miss ratio of reads by capacity',
    ...canvas.rows(paint).map((row, at) => `${ratioLabel(at, axes)}${row}`),
    `${' '.repeat(MARGIN - 2)}└${ticks(width, axes)}`,
    `${' '.repeat(MARGIN - 1)}${capacityLabels(width, axes)}`,
    `${' '.repeat(MARGIN - 1)}capacity in blocks of ${curve.blockSize.toLocaleString('en-US')} bytes`,
    ...legendLines(legend, width, paint),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

interface LegendEntry {
  readonly sign: string;
  readonly label: string;
  readonly series: number;
}

/** As many a line as fit. */
function legendLines(
  entries: readonly LegendEntry[],
  width: number,
  paint: (text: string, series: number) => string,
): string[] {
  const lines: string[] = [];
  let used = width;
  for (const { sign, label, series } of entries) {
    const length = label.length + 5;
    if (used + length > width) {
      lines.push(' '.repeat(MARGIN - 1));
      used = 0;
    }
    lines[lines.length - 1] += `${paint(`${sign} ${label}`, series)}   `;
    used += length;
  }
  return lines;
}

function ratioLabel(row: number, axes: Axes): string {
  const ratio = axes.ratios.find((value) => rowOf(value, axes.top) === row);
  const label = ratio === undefined ? '' : ratioText(ratio, axes);
  return `${label.padStart(MARGIN - 3)} ${ratio === undefined ? '│' : '┤'} `;
}

function ticks(width: number, axes: Axes): string {
  const line = new Array<string>(width + 1).fill('─');
  for (const capacity of axes.capacities) line[1 + columnOf(capacity, width, axes)] = '┬';
  return line.join('');
}

function capacityLabels(width: number, axes: Axes): string {
  let line = '';
  for (const capacity of axes.capacities) {
    const label = capacityText(capacity);
    const start = Math.max(0, 1 + columnOf(capacity, width, axes) - Math.floor(label.length / 2));
    if (line.length > 0 && start <= line.length) continue;
    line = line.padEnd(start) + label;
  }
  return line;
}

function columnOf(capacity: number, width: number, axes: Axes): number {
  return Math.round(placeOf(capacity, axes) * (width - 1));
}

function rowOf(ratio: number, top: number): number {
  return Math.round((1 - ratio / top) * (ROWS - 1));
}

interface Cell {
  dots: number;
  mark: string;
  /** Whose color it has; -1 for none. */
  series: number;
}

class Canvas {
  /** Points of several lines have met in a cell. */
  hasShared = false;
  readonly #width: number;
  readonly #axes: Axes;
  readonly #cells: Cell[][];

  constructor(width: number, axes: Axes) {
    this.#width = width;
    this.#axes = axes;
    this.#cells = Array.from({ length: ROWS }, () =>
      Array.from({ length: width }, () => ({ dots: 0, mark: '', series: -1 })),
    );
  }

  /** In dots, of which there are two in a column and four in a row; from the middle of one mark to that of the other. */
  line(from: CurvePoint, to: CurvePoint, series: number): void {
    const [left, right] = [this.#dotOf(from), this.#dotOf(to)];
    const steps = Math.max(1, Math.abs(right.x - left.x), Math.abs(right.y - left.y));
    for (let step = 0; step <= steps; step++) {
      const x = Math.round(left.x + ((right.x - left.x) * step) / steps);
      const y = Math.round(left.y + ((right.y - left.y) * step) / steps);
      const cell = this.#cells[y >> 2]?.[x >> 1];
      if (cell === undefined) continue;
      cell.dots |= DOTS[y & 3][x & 1];
      cell.series = series;
    }
  }

  mark({ capacity, missRatio }: CurvePoint, mark: string, series: number): void {
    const cell = this.#cells[rowOf(missRatio, this.#axes.top)]?.[columnOf(capacity, this.#width, this.#axes)];
    if (cell === undefined) return;
    const isShared = cell.mark !== '' && cell.mark !== mark && series >= 0;
    this.hasShared ||= isShared;
    cell.mark = isShared ? SHARED_MARK : mark;
    cell.series = isShared ? -1 : series;
  }

  rows(paint: (text: string, series: number) => string): string[] {
    return this.#cells.map((row) => row.map((cell) => this.#text(cell, paint)).join(''));
  }

  #text({ dots, mark, series }: Cell, paint: (text: string, series: number) => string): string {
    if (mark !== '') return paint(mark, series);
    return dots === 0 ? ' ' : paint(String.fromCharCode(BRAILLE | dots), series);
  }

  #dotOf({ capacity, missRatio }: CurvePoint): { readonly x: number; readonly y: number } {
    const x = Math.round(placeOf(capacity, this.#axes) * (this.#width - 1) * 2);
    return { x, y: Math.round((1 - missRatio / this.#axes.top) * (ROWS - 1) * 4) + 1 };
  }
}
