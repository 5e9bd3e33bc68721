/**
 * `npm run bench`: what a block costs, beside what it costs elsewhere. Options: `--json` (an object a line), `--short`
 * (only to see that it works), `--filter TEXT` (cases whose name has the text).
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Case } from './case.js';
import { BLOCKS, CASES } from './cases/index.js';
import type { Figures } from './measure.js';

interface Row {
  readonly name: string;
  /** Blocks cached. */
  readonly blocks: number;
  /** Nanoseconds an operation, the median of the rounds. */
  readonly ns: number;
  readonly against: string;
  readonly againstNs: number;
  /** `ns` divided by `againstNs`: below 1 is faster than the peer. */
  readonly ratio: number;
  /** The largest ratio aimed at; null where none is. */
  readonly target: number | null;
  readonly met: boolean | null;
  /** Further peers of the same run. */
  readonly also: readonly { readonly against: string; readonly ns: number; readonly ratio: number }[];
  /** Bytes that an operation leaves on the heap; null where it is not measured. */
  readonly heapBytes: number | null;
  /** Bytes of its event alone: for a hit, nothing else should be left. */
  readonly eventBytes: number | null;
}

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    filter: { type: 'string', default: '' },
  },
});

const chosen = CASES.filter(({ name }) => name.includes(options.filter));
if (chosen.length === 0) {
  console.error(`No case has "${options.filter}" in its name: ${CASES.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
if (!options.json) console.log(line(['case', 'blocks', 'ns', 'peer', 'ns', 'ratio', 'target', '', 'heap B, event']));
for (const candidate of chosen) {
  for (const blocks of BLOCKS) await report(candidate, blocks);
}

async function report(candidate: Case, blocks: number): Promise<void> {
  progress(`${candidate.name}, ${blocks} blocks …`);
  const row = rowOf(candidate, blocks, await figuresOf(candidate.name, blocks));
  progress('');
  if (options.json) console.log(JSON.stringify(row));
  else for (const text of tableLines(row)) console.log(text);
}

async function figuresOf(name: string, blocks: number): Promise<Figures> {
  const child = path.join(import.meta.dirname, 'child.js');
  const args = ['--expose-gc', child, name, String(blocks), options.short ? 'short' : 'full'];
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise((resolve) => running.on('close', resolve));
  if (status !== 0) {
    console.error(`${name} at ${blocks} blocks failed (exit code ${status}).`);
    process.exit(1);
  }
  return JSON.parse(output) as Figures;
}

function rowOf(candidate: Case, blocks: number, { ns, peers, heapBytes, eventBytes }: Figures): Row {
  const [first, ...others] = peers.map((peer) => ({ ...peer, ns: round(peer.ns), ratio: round(ns / peer.ns, 3) }));
  const target = candidate.target(blocks) ?? null;
  return {
    name: candidate.name,
    blocks,
    ns: round(ns),
    against: first.against,
    againstNs: first.ns,
    ratio: first.ratio,
    target,
    met: target === null ? null : first.ratio <= target,
    also: others,
    heapBytes: heapBytes === undefined ? null : round(heapBytes),
    eventBytes: eventBytes === undefined ? null : round(eventBytes),
  };
}

function tableLines(row: Row): string[] {
  const target = row.target === null ? '' : `<= ${row.target}`;
  const met = row.met === null ? '' : row.met ? 'met' : 'MISSED';
  const heap = row.heapBytes === null ? '' : `${row.heapBytes}, ${row.eventBytes}`;
  const { name, blocks, ns, against, againstNs, ratio, also } = row;
  return [
    line([name, blocks, ns, against, againstNs, ratio.toFixed(2), target, met, heap]),
    ...also.map((peer) => line(['', '', '', peer.against, peer.ns, peer.ratio.toFixed(2), '', '', ''])),
  ];
}

function line(cells: readonly (string | number)[]): string {
  const widths = [-13, 7, 8, -10, 8, 6, 7, -7, 14];
  const padded = cells.map((cell, at) =>
    widths[at] < 0 ? String(cell).padEnd(-widths[at]) : String(cell).padStart(widths[at]),
  );
  return padded.join(' ').trimEnd();
}

/** What is being measured, on a terminal; cleared when it is done. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
