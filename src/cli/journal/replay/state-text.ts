/** A state, and a block of it, as plain text. */
import type { BlockInfo } from '../../../streams/stats.js';
import { plural, runText, timestamp, wholeText } from '../text.js';
import type { LastWrite } from './last-write.js';
import type { BlockRun, StateReport } from './state-report.js';

/** Items of a list that are shown; `--json` has them all. */
const LISTED_MAX = 8;

export function stateText(report: StateReport): string {
  const { stats } = report;
  const lines = [
    `after event #${report.seq}, ${timestamp(report.ms, 0)}: the cache is ${report.phase}`,
    `  ${report.blockCount === 1 ? 'a device of' : 'on a device of'} ${plural(report.blockCount, 'block')} of ${wholeText(report.blockSize)} bytes, ${report.policy}, ${report.mode}`,
    `  state hash ${report.hash}`,
    '',
    `${wholeText(stats.residentBlocks)} of ${wholeText(stats.capacityBlocks)} blocks cached`,
    ...countLines(report),
    '',
    listText(
      'requests under way',
      report.requests.map(({ op, kind, block, count, waitsFor }) => {
        const where = count === report.blockCount ? 'all' : runText(block, count);
        return `op ${op}  ${kind} ${where}, waits for ${waitsFor}`;
      }),
    ),
    listText(
      'device operations under way',
      report.operations.map(({ io, kind, block, count, timedOut }) => {
        const where = count === 0 ? '' : ` ${runText(block, count)}`;
        return `io ${io}  ${kind}${where}${timedOut ? ', timed out: not answered yet' : ''}`;
      }),
    ),
    ...(report.retries.length === 0
      ? []
      : [
          listText(
            'to be tried again',
            report.retries.map(({ block, count }) => runText(block, count)),
          ),
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

function countLines({ blocks, dirty, unsynced, parked, stats }: StateReport): string[] {
  const row = (name: string, count: number, note: string) =>
    `  ${name.padEnd(8)} ${wholeText(count).padStart(9)}${note === '' ? '' : `  ${note}`}`;
  return [
    row('clean', blocks.clean, stats.pinnedBlocks === 0 ? '' : `${plural(stats.pinnedBlocks, 'block')} borrowed`),
    row('dirty', blocks.dirty, runsText(dirty)),
    row('writing', blocks.writing, ''),
    row('unsynced', blocks.unsynced, runsText(unsynced)),
    row('loading', blocks.loading, ''),
    row('parked', parked.length, runsText(parked)),
  ];
}

function runsText(runs: readonly BlockRun[]): string {
  const told = runs
    .slice(0, LISTED_MAX)
    .map(({ block, count }) => (count === 1 ? `${block}` : `${block}-${block + count - 1}`));
  return told.join(' ') + (runs.length > LISTED_MAX ? ` … (${wholeText(runs.length)} runs)` : '');
}

function listText(title: string, items: readonly string[]): string {
  if (items.length === 0) return `${title}: none`;
  const more = items.length > LISTED_MAX ? [`  … and ${items.length - LISTED_MAX} more (--json has all)`] : [];
  return [`${title}`, ...items.slice(0, LISTED_MAX).map((item) => `  ${item}`), ...more].join('\n');
}

export function blockText(info: BlockInfo, write: LastWrite | null): string {
  const parked = info.parked ? ', parked' : '';
  const pins = info.pins === 0 ? '' : `, borrowed ${plural(info.pins, 'time')}`;
  const generation = info.generation === 0 ? '' : `, generation ${info.generation}`;
  const failed = info.lastError === null ? '' : `, last error ${info.lastError}`;
  const lines = [`block ${info.block}: ${info.state}${parked}${generation}${pins}${failed}`];
  if (write === null) lines.push('  not written since the cache was opened');
  else {
    const who = write.actor === '' ? 'a caller without a label' : write.actor;
    const trace = write.traceId === null ? '' : `, trace ${write.traceId}`;
    lines.push(
      `  last written by ${who} at ${timestamp(write.ms, 0)}: #${write.seq}, op ${write.op}, generation ${write.generation}${trace}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
