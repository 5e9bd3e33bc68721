/** Reads the kernel's log of writes (`dm-log-writes`), by its documentation: what the export and other writers have made. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';

export interface LogEntry {
  readonly kind: 'write' | 'discard' | 'flush' | 'mark';
  /** Bytes on the device. */
  readonly offset: number;
  readonly length: number;
  /** Of a write. */
  readonly bytes: Uint8Array;
  /** Of a mark. */
  readonly name: string;
}

export interface WriteLog {
  readonly sectorBytes: number;
  readonly entries: readonly LogEntry[];
}

const FLUSH = 1;
const FUA = 2;
const DISCARD = 4;
const MARK = 8;

export function readWriteLog(path: string): WriteLog {
  const log = readFileSync(path);
  const number = (at: number) => Number(log.readBigUInt64LE(at));
  expect(number(0), 'the magic').to.equal(Number(0x6a736677736872n));
  expect(number(8), 'the version').to.equal(1);
  const count = number(16);
  const sectorBytes = log.readUInt32LE(24);
  const entries: LogEntry[] = [];
  let at = sectorBytes;
  for (let entry = 0; entry < count; entry++) {
    const [sector, sectors, flags, dataBytes] = [0, 8, 16, 24].map((offset) => number(at + offset));
    expect(flags & ~(FLUSH | FUA | DISCARD | MARK), 'flags that are known').to.equal(0);
    const inline = log.subarray(at + 32, at + 32 + dataBytes);
    at += sectorBytes;
    const length = sectors * sectorBytes;
    const isWrite = (flags & (DISCARD | MARK)) === 0 && length > 0;
    const bytes = isWrite ? log.subarray(at, at + length) : new Uint8Array(0);
    if (isWrite) at += length;
    expect(bytes.length).to.equal(isWrite ? length : 0);
    const kind = flags & MARK ? 'mark' : flags & DISCARD ? 'discard' : isWrite ? 'write' : 'flush';
    if (kind === 'flush') expect(flags & FLUSH, 'an entry without bytes is a flush').to.equal(FLUSH);
    entries.push({ kind, offset: sector * sectorBytes, length, bytes, name: inline.toString('utf8') });
  }
  return { sectorBytes, entries };
}

/** What the device holds at each mark, from what it held before the log. */
export function* imagesAtMarks(log: WriteLog, before: Uint8Array): Generator<{ name: string; image: Uint8Array }> {
  const image = before.slice();
  for (const { kind, offset, length, bytes, name } of log.entries) {
    if (kind === 'mark') yield { name, image: image.slice() };
    // What lies behind the end of the device fills the last sector up.
    else if (kind === 'write') image.set(bytes.subarray(0, Math.max(0, image.length - offset)), offset);
    else if (kind === 'discard') image.fill(0, offset, Math.min(image.length, offset + length));
  }
}
