import type { CacheEvent, TraceRef, Written } from '../../cache/events.js';
import { LAYOUTS } from './codec/layouts.js';

/** Equal in every field, whatever the order of the fields. Hot in a verification. */
export function isSameEvent(a: CacheEvent, b: CacheEvent): boolean {
  if (a.type !== b.type || a.seq !== b.seq || a.at !== b.at || a.cause !== b.cause) return false;
  if (a.type === 'read' && b.type === 'read') {
    return (
      a.block === b.block && a.count === b.count && a.op === b.op && a.actor === b.actor && isSame(a.trace, b.trace)
    );
  }
  if (a.type === 'written' && b.type === 'written') return isSameWrite(a, b);
  const layout = LAYOUTS.get(a.type);
  if (layout === undefined) return false;
  // Both are of the type whose fields these are.
  const left = a as unknown as Readonly<Record<string, unknown>>;
  const right = b as unknown as Readonly<Record<string, unknown>>;
  for (const { name, kind } of layout.fields) {
    const value = left[name];
    const other = right[name];
    if (value === other) continue;
    switch (kind.kind) {
      case 'trace':
        if (!isSame(value as TraceRef | null, other as TraceRef | null)) return false;
        break;
      case 'numbers':
      case 'texts':
        if (!isSameList(value as readonly unknown[], other as readonly unknown[])) return false;
        break;
      case 'config':
        if (JSON.stringify(value) !== JSON.stringify(other)) return false;
        break;
      default:
        return false;
    }
  }
  return true;
}

function isSameWrite(a: Written, b: Written): boolean {
  return (
    a.block === b.block &&
    a.count === b.count &&
    a.offset === b.offset &&
    a.length === b.length &&
    a.generation === b.generation &&
    a.through === b.through &&
    a.borrowed === b.borrowed &&
    a.op === b.op &&
    a.actor === b.actor &&
    isSame(a.trace, b.trace)
  );
}

function isSame(a: TraceRef | null, b: TraceRef | null): boolean {
  if (a === b) return true;
  return a !== null && b !== null && a.traceId === b.traceId && a.spanId === b.spanId && a.flags === b.flags;
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
