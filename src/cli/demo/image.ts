/** The images that the demo works on: copies, unless the user's own is asked for. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import type { BlockDevice } from '../../device/block-device.js';

const PIECE_BYTES = 1024 * 1024;

/** Unpacks a gzipped image to a new file. */
export async function unpackImage(packed: string, target: string): Promise<void> {
  const stream = createReadStream(packed, { highWaterMark: PIECE_BYTES });
  const unpacked = createGunzip({ chunkSize: PIECE_BYTES });
  stream.on('error', (error) => unpacked.destroy(error));
  await writeSparse(stream.pipe(unpacked), target);
}

/** Copies a whole device to a new file. */
export async function copyImage(device: BlockDevice, target: string, signal: AbortSignal): Promise<void> {
  await writeSparse(piecesOf(device), target, signal);
}

async function* piecesOf(device: BlockDevice): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let at = 0; at < device.sizeBytes; at += PIECE_BYTES) {
    const part = piece.subarray(0, Math.min(PIECE_BYTES, device.sizeBytes - at));
    await device.read(at, [part]);
    yield part;
  }
}

/** Images are mostly zeros: those are left out, so that a large image takes no more room than its contents. */
async function writeSparse(pieces: AsyncIterable<Buffer>, target: string, signal?: AbortSignal): Promise<void> {
  const zeros = Buffer.alloc(PIECE_BYTES);
  const file = await open(target, 'wx');
  try {
    let at = 0;
    for await (const piece of pieces) {
      signal?.throwIfAborted();
      if (!piece.equals(zeros.subarray(0, piece.length))) await writeWhole(file, piece, at);
      at += piece.length;
    }
    await file.truncate(at);
  } finally {
    await file.close();
  }
}

async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}
