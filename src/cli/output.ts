/** Lines to stdout, many at once, and no faster than they are taken. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';

const CHUNK_CHARS = 1 << 15;

export class Lines {
  readonly #stream: NodeJS.WriteStream;
  #waiting = '';

  constructor(stream: NodeJS.WriteStream = process.stdout) {
    this.#stream = stream;
  }

  /** Resolves at once unless the reader is slow. */
  async write(line: string): Promise<void> {
    this.#waiting += `${line}\n`;
    if (this.#waiting.length >= CHUNK_CHARS) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = '';
    if (text === '' || this.#stream.write(text)) return;
    await drained(this.#stream);
  }
}

/** A stream that was full has room again, or is gone: that is told by an error. */
export async function drained(stream: Writable): Promise<void> {
  if (stream.destroyed) return;
  const waiting = new AbortController();
  const { signal } = waiting;
  const taken = [once(stream, 'drain', { signal }), once(stream, 'close', { signal })];
  await Promise.race(taken).catch(() => undefined);
  // The one that did not happen must not go on listening: there is a wait for each chunk.
  for (const other of taken) other.catch(() => undefined);
  waiting.abort();
}
