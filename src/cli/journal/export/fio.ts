/**
 * fio's log of operations, version 3, which `fio --read_iolog` replays: `MICROSECONDS FILE ACTION OFFSET LENGTH`, in the order
 * in which the operations were begun.
 */
import type { CacheEvent } from '../../../cache/events.js';
import type { Exporter, ExportOptions } from './formats.js';

const NS_PER_US = 1000;
const US_PER_MS = 1000;

type Action = readonly [action: 'read' | 'write' | 'trim' | 'datasync', offset: number, length: number];

export function fioExport({ file, requests }: ExportOptions): Exporter {
  const device = new Geometry();
  const actionOf = requests ? askedAction : deviceAction;
  let startMs: number | null = null;
  return {
    header: ['fio version 3 iolog', `0 ${file} add`, `0 ${file} open`],
    line(event, epochMs) {
      device.accept(event);
      const action = actionOf(event, device);
      if (action === null) return null;
      // Operations of caches that were opened one after the other have one clock.
      startMs ??= epochMs;
      const micros = Math.max(0, Math.round((epochMs - startMs) * US_PER_MS + event.at / NS_PER_US));
      return `${micros} ${file} ${action.join(' ')}`;
    },
    footer: [`0 ${file} close`],
  };
}

/** Where blocks are. */
class Geometry {
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

/** What the device was asked for, failed operations included. fio has no zero: its trim comes closest. */
function deviceAction(event: CacheEvent, device: Geometry): Action | null {
  switch (event.type) {
    case 'fillStarted':
      return ['read', ...device.bytesOf(event)];
    case 'writebackStarted':
      return ['write', ...device.bytesOf(event)];
    case 'clearStarted':
      return ['trim', ...device.bytesOf(event)];
    case 'barrierStarted':
      return ['datasync', 0, 0];
    default:
      return null;
  }
}

/** What the cache was asked for. */
function askedAction(event: CacheEvent, device: Geometry): Action | null {
  switch (event.type) {
    case 'read':
    case 'readMissed':
      return ['read', ...device.bytesOf(event)];
    case 'written':
      return ['write', event.offset, event.length];
    case 'clearQueued':
      return event.kind === 'drop' ? null : ['trim', ...device.bytesOf(event)];
    case 'flushStarted':
      return ['datasync', 0, 0];
    default:
      return null;
  }
}
