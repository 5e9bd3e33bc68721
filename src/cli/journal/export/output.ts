/** Where an export goes: stdout, or a file that was not there before. */
import { once } from 'node:events';
import { createWriteStream, unlinkSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { drained } from '../../output.js';
import type { Piece } from './formats.js';

const CHUNK_BYTES = 1 << 16;

export class ExportOutput {
  /** Bytes written so far. */
  bytes = 0;
  readonly #path: string | null;
  readonly #stream: Writable;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #text = '';
  #error: unknown = null;

  private constructor(path: string | null, stream: Writable) {
    this.#path = path;
    this.#stream = stream;
    if (path === null) return;
    stream.on('error', (error: unknown) => {
      this.#error = error;
    });
  }

  static stdout(): ExportOutput {
    return new ExportOutput(null, process.stdout);
  }

  /** Rejects with the system's error, EEXIST if there is a file already. */
  static async file(path: string): Promise<ExportOutput> {
    const stream = createWriteStream(path, { flags: 'wx' });
    await once(stream, 'open');
    return new ExportOutput(path, stream);
  }

  /** A text is a line. Gives something to wait for when enough has gathered. */
  write(piece: Piece): Promise<void> | undefined {
    if (typeof piece === 'string') {
      this.#text += `${piece}\n`;
    } else {
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    return this.#text.length + this.#waitingBytes >= CHUNK_BYTES ? this.#flush() : undefined;
  }

  /** Everything is written. Rejects with the system's error. */
  async end(): Promise<void> {
    await this.#flush();
    if (this.#path === null) return;
    this.#stream.end();
    await finished(this.#stream);
  }

  /** What was written in part is no export: a file is removed. */
  discard(): void {
    if (this.#path === null) return;
    this.#stream.destroy();
    unlinkSync(this.#path);
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat([...this.#waiting, Buffer.from(this.#text)]);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#text = '';
    this.bytes += bytes.length;
    if (bytes.length === 0 || this.#stream.write(bytes)) return;
    await drained(this.#stream);
    if (this.#error !== null) throw this.#error;
  }
}
