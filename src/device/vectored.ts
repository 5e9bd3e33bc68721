/** Vectored transfers between a descriptor and buffers, carried on where the system stops short. */
import fs from 'node:fs';

/** Most buffers that a system takes in one call: IOV_MAX of Linux and macOS. */
const BUFFERS_MAX = 1024;

type Call = (
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
  answer: (error: NodeJS.ErrnoException | null, bytes: number) => void,
) => void;

/** Resolves with the bytes read: fewer than `length` only where the file ends. */
export function readAll(fd: number, offset: number, buffers: readonly Uint8Array[], length: number): Promise<number> {
  return transfer(fs.readv, fd, offset, buffers, length);
}

/** Resolves with the bytes written: fewer than `length` only if the system takes no more and gives no error. */
export function writeAll(fd: number, offset: number, buffers: readonly Uint8Array[], length: number): Promise<number> {
  return transfer(fs.writev, fd, offset, buffers, length);
}

const ZEROS = new Uint8Array(64 * 1024);
const ZEROS_PER_CALL = 16;

/** Writes zeros, a mebibyte a call. Resolves with the bytes written. */
export async function writeZeros(fd: number, offset: number, length: number): Promise<number> {
  let done = 0;
  while (done < length) {
    const wanted = Math.min(length - done, ZEROS.byteLength * ZEROS_PER_CALL);
    const whole = Math.floor(wanted / ZEROS.byteLength);
    const buffers = new Array<Uint8Array>(whole).fill(ZEROS);
    buffers.push(ZEROS.subarray(0, wanted - whole * ZEROS.byteLength));
    const written = await writeAll(fd, offset + done, buffers, wanted);
    done += written;
    if (written < wanted) break;
  }
  return done;
}

/** The callback forms of `fs`, since a FileHandle costs more for each call. Gives the system's own errors, as they are. */
function transfer(
  call: Call,
  fd: number,
  offset: number,
  buffers: readonly Uint8Array[],
  length: number,
): Promise<number> {
  if (length === 0) return Promise.resolve(0);
  return new Promise((resolve, reject) => {
    let done = 0;
    const answer = (error: NodeJS.ErrnoException | null, bytes: number): void => {
      if (error !== null) {
        reject(error);
        return;
      }
      done += bytes;
      if (bytes === 0 || done === length) resolve(done);
      else call(fd, buffersFrom(buffers, done), offset + done, answer);
    };
    call(fd, buffers.length > BUFFERS_MAX ? buffersFrom(buffers, 0) : buffers, offset, answer);
  });
}

/** What follows the first `skip` bytes, as far as one call takes. Empty buffers are left out: only they could be a 0. */
function buffersFrom(buffers: readonly Uint8Array[], skip: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let left = skip;
  for (const buffer of buffers) {
    if (left >= buffer.byteLength) {
      left -= buffer.byteLength;
    } else {
      rest.push(left === 0 ? buffer : buffer.subarray(left));
      left = 0;
      if (rest.length === BUFFERS_MAX) break;
    }
  }
  return rest;
}
