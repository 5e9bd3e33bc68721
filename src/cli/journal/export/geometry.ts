/** Where blocks are on the device, as the events so far tell. */
import type { CacheEvent } from '../../../cache/events.js';

export class Geometry {
  #blockSize = 1;
  #deviceBytes = Number.POSITIVE_INFINITY;

  accept(event: CacheEvent): void {
    if (event.type === 'opened') {
      this.#blockSize = event.config.blockSize;
      this.#deviceBytes = event.config.deviceBytes;
    }
    if (event.type === 'blockSizeChanged') this.#blockSize = event.to;
  }

  /** A device's last block may be short. */
  bytesOf({
    block,
    count,
  }: {
    readonly block: number;
    readonly count: number;
  }): readonly [offset: number, length: number] {
    const offset = block * this.#blockSize;
    return [offset, Math.min((block + count) * this.#blockSize, this.#deviceBytes) - offset];
  }
}
