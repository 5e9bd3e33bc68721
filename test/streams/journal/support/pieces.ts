/** The files of a journal taken apart, without the reader that is to be tested: by the lengths that stand in them. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const SEGMENT_LENGTH_AT = 12;
const BODY_LENGTH_AT = 20;
const FRAME_HEADER_BYTES = 112;

export interface Piece {
  readonly start: number;
  readonly end: number;
}

export async function segmentFiles(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ctj')).sort();
  return names.map((name) => path.join(directory, name));
}

export async function onlySegment(directory: string): Promise<{ readonly file: string; readonly bytes: Buffer }> {
  const [file, ...others] = await segmentFiles(directory);
  if (file === undefined || others.length > 0) throw new Error('the journal has one segment');
  return { file, bytes: await readFile(file) };
}

export function framesOf(bytes: Buffer): Piece[] {
  const frames: Piece[] = [];
  for (let start = bytes.readUInt32LE(SEGMENT_LENGTH_AT); start < bytes.length; ) {
    const end = start + FRAME_HEADER_BYTES + bytes.readUInt32LE(start + BODY_LENGTH_AT);
    frames.push({ start, end });
    start = end;
  }
  return frames;
}

/** The file with its frames in another order, or more or fewer of them. */
export async function withFrames(file: string, bytes: Buffer, order: readonly number[]): Promise<void> {
  const frames = framesOf(bytes);
  const head = bytes.subarray(0, frames[0].start);
  await writeFile(file, Buffer.concat([head, ...order.map((at) => bytes.subarray(frames[at].start, frames[at].end))]));
}

export async function flipped(file: string, bytes: Buffer, at: number, mask = 0xff): Promise<void> {
  const changed = Buffer.from(bytes);
  changed[at] ^= mask;
  await writeFile(file, changed);
}
