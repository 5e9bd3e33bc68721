import { execFileSync } from 'node:child_process';
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { type Exporter, exporterOf } from '../../../src/cli/journal/export/formats.js';
import { ExportOutput } from '../../../src/cli/journal/export/output.js';
import { openJournal } from '../../../src/streams/journal/index.js';
import type { CacheStats } from '../../../src/streams/stats.js';
import * as steps from '../../support/steps.js';
import { BLOCK as CORE_BLOCK } from '../../support/core.js';
import { cachetrail } from '../command.js';
import { leftOut, systemTool } from '../support.js';
import { coreThrough } from './lives.js';
import { BLOCK, journalFolder, recordTrouble, TRACE } from './recorded.js';

describe('cachetrail export', () => {
  const folder = journalFolder();
  let directory: string;
  let counted: CacheStats;
  let events: CacheEvent[];

  before(async () => {
    directory = folder('trouble');
    counted = await recordTrouble(directory);
    events = [];
    for await (const event of (await openJournal(directory)).read()) events.push(event);
  });

  const exported = async (...options: string[]) => {
    const { exitCode, stdout, stderr } = await cachetrail(['export', directory, ...options]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return stdout.trimEnd().split('\n');
  };

  it('gives every event as a line of JSON', async () => {
    const lines = (await exported('--format', 'jsonl')).map((line) => JSON.parse(line));
    expect(lines.map(({ time, ...event }) => event)).to.deep.equal(events);
  });

  it('gives every event as a row of CSV, from which nothing is missing', async () => {
    const rows = csvRows((await exported('--format', 'csv')).join('\n'));
    const [header, ...body] = rows;
    expect(body).to.have.length(events.length);
    for (const [index, row] of body.entries()) {
      const cells = Object.fromEntries(header.map((name, at) => [name, row[at]]));
      const rest = cells['rest'] === '' ? {} : JSON.parse(cells['rest']);
      for (const [name, value] of Object.entries(events[index])) {
        if (name === 'trace') continue;
        if (name in cells) expect(cells[name]).to.equal(String(value));
        else expect(rest[name]).to.deep.equal(value);
      }
    }
    const written = body.find((row) => row.includes('written')) ?? [];
    expect(written).to.include(TRACE);
  });

  it('filters as log does', async () => {
    expect(await exported('--format', 'jsonl', '--from', '3', '--to', '4')).to.have.length(2);
    const fio = await exported('--format', 'fio', '--type', 'barrierStarted');
    expect(fio.filter((line) => line.endsWith('datasync 0 0'))).to.have.length(counted.barriers);
    expect(fio).to.have.length(counted.barriers + 4);
  });

  it('gives fio each operation of the device', async () => {
    const lines = await exported('--format', 'fio', '--file', 'disk');
    expect(lines.slice(0, 3)).to.deep.equal(['fio version 3 iolog', '0 disk add', '0 disk open']);
    expect(lines.at(-1)).to.equal('0 disk close');
    const count = (action: string) => lines.filter((line) => line.split(' ')[2] === action).length;
    expect([count('read'), count('write'), count('datasync')]).to.deep.equal([
      counted.deviceReads,
      counted.deviceWrites,
      counted.barriers,
    ]);
    const times = lines.slice(3, -1).map((line) => Number(line.split(' ')[0]));
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
  });

  it('is replayed by fio', async function () {
    const fio = systemTool('fio');
    if (fio === undefined) return leftOut(this, 'fio is not installed');
    const log = folder('device.log');
    writeFileSync(log, (await cachetrail(['export', directory, '--format', 'fio'])).stdout);
    const image = folder('device.img');
    writeFileSync(image, '');
    truncateSync(image, 64 * BLOCK);
    const args = ['--name=replay', `--read_iolog=${log}`, `--replay_redirect=${image}`, '--output-format=json'];
    const output = execFileSync(fio, args, { encoding: 'utf8', cwd: folder('.') });
    const [job] = JSON.parse(output.slice(output.indexOf('{'))).jobs;
    const begun = (type: CacheEvent['type']) => events.filter((event) => event.type === type);
    const bytesOf = (type: CacheEvent['type']) =>
      begun(type).reduce((sum, event) => sum + ('count' in event ? event.count : 0) * BLOCK, 0);
    expect(job.error).to.equal(0);
    expect([job.read.total_ios, job.read.io_bytes]).to.deep.equal([counted.deviceReads, bytesOf('fillStarted')]);
    expect([job.write.total_ios, job.write.io_bytes]).to.deep.equal([
      counted.deviceWrites,
      bytesOf('writebackStarted'),
    ]);
  });

  const wrong: Record<string, string[]> = {
    'no format': [],
    'an unknown format': ['--format', 'xml'],
    'a name with a space for fio': ['--format', 'fio', '--file', 'my disk'],
  };
  for (const [what, options] of Object.entries(wrong)) {
    it(`refuses ${what} with exit code 2`, async () => {
      expect((await cachetrail(['export', directory, ...options])).exitCode).to.equal(2);
    });
  }
});

describe('an export into a file', () => {
  const folder = journalFolder();

  it('waits for the disk, however often, without a warning', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error) => void warnings.push(name);
    process.on('warning', note);
    try {
      const output = await ExportOutput.file(folder('large'));
      for (let piece = 0; piece < 64; piece++) await output.write(new Uint8Array(1 << 17));
      await output.end();
      await new Promise((resolve) => setImmediate(resolve));
      expect(statSync(folder('large')).size).to.equal(64 << 17);
    } finally {
      process.off('warning', note);
    }
    expect(warnings).to.deep.equal([]);
  });
});

describe('the formats', () => {
  const shape = { blockSize: CORE_BLOCK, deviceBytes: 64 * CORE_BLOCK };
  const options = { file: 'device', requests: false, isWanted: () => true, shape };
  const linesOf = (exporter: Exporter, all: readonly CacheEvent[], epochMs = 0) => {
    return all.flatMap((event) => exporter.take(event, epochMs)).map(String);
  };
  const actionsOf = (requests: boolean, ...given: Parameters<typeof coreThrough>) => {
    const lines = linesOf(exporterOf('fio', { ...options, requests }), coreThrough(...given).events);
    return lines.map((line) => line?.split(' ').slice(2).join(' '));
  };

  it('say where a short last block ends', () => {
    const given = [[steps.read(64), steps.settle], { deviceBytes: steps.SHORT_TAIL_BYTES }] as const;
    expect(actionsOf(false, ...given)).to.deep.equal([`read ${64 * CORE_BLOCK} 100`]);
    expect(actionsOf(true, ...given)).to.deep.equal([`read ${64 * CORE_BLOCK} 100`]);
  });

  it('know the sizes where the journal begins in the middle, as after retention', () => {
    const { events } = coreThrough([steps.read(3), steps.settle]);
    const lines = linesOf(exporterOf('fio', options), events.slice(1));
    expect(lines.map((line) => line.split(' ').slice(2).join(' '))).to.deep.equal([`read ${3 * CORE_BLOCK} 512`]);
  });

  it('follow a change of the block size', () => {
    const life = [steps.setBlockSize(1024), steps.settle, steps.read(2), steps.settle];
    expect(actionsOf(false, life)).to.include('read 2048 1024');
  });

  it('give fio what was asked of the cache with `requests`', () => {
    const life = [steps.writeBytes(512, 512), steps.read(1), steps.read(1), steps.clear('discard', 4), steps.settle];
    expect(actionsOf(true, life)).to.deep.equal(['write 512 512', 'read 512 512', 'read 512 512', 'trim 2048 512']);
    expect(actionsOf(false, life)).to.include('trim 2048 512').and.not.include('read 512 512');
  });

  it('give fio one clock for caches that were opened one after the other', () => {
    const { events } = coreThrough([steps.read(1)]);
    const exporter = exporterOf('fio', options);
    const [first] = linesOf(exporter, events, 5000);
    const [second] = linesOf(exporter, events, 7000);
    expect(Number(second?.split(' ')[0]) - Number(first?.split(' ')[0])).to.equal(2_000_000);
  });

  it('quote what CSV would take apart', () => {
    const event = { type: 'optionSet', seq: 1, at: 0, cause: 0, op: 1, actor: 'a, "b"', trace: null } as const;
    const [line] = linesOf(exporterOf('csv', options), [{ ...event, name: 'x', value: 1 }]);
    expect(csvRows(line)[0]).to.include('a, "b"');
  });
});

/** Rows of RFC 4180, read by a few lines of their own. */
function csvRows(text: string): string[][] {
  return text.split('\n').map((line) => {
    const cells = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? [];
    const values = cells.map((cell) => cell.replace(/,$/, ''));
    return values.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
  });
}
