/**
 * fio's log of operations, version 3, which `fio --read_iolog` replays: `MICROSECONDS FILE ACTION OFFSET LENGTH`, in the order
 * in which the operations were begun.
 */
import type { CacheEvent } from '../../../cache/events.js';
import type { Exporter, ExportOptions } from './formats.js';
import { Geometry } from './geometry.js';

const NS_PER_US = 1000;
const US_PER_MS = 1000;

type Action = readonly [action: 'read' | 'write' | 'trim' | 'datasync', offset: number, length: number];

export function fioExport({ file, requests, isWanted, shape }: ExportOptions): Exporter {
  const device = new Geometry(shape);
  const actionOf = requests ? askedAction : deviceAction;
  let startMs: number | null = null;
  return {
    begin: () => ['fio version 3 iolog', `0 ${file} add`, `0 ${file} open`],
    take(event, epochMs) {
      device.accept(event);
      const action = actionOf(event, device);
      if (action === null || !isWanted(event, epochMs)) return [];
      // Operations of caches that were opened one after the other have one clock.
      startMs ??= epochMs;
      const micros = Math.max(0, Math.round((epochMs - startMs) * US_PER_MS + event.at / NS_PER_US));
      return [`${micros} ${file} ${action.join(' ')}`];
    },
    end: () => [`0 ${file} close`],
  };
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
