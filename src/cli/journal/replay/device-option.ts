/** `--device`: what the device of a replay is. */
import { existsSync } from 'node:fs';
import type { DeviceOperationKind, ModelledOperation, WorkloadDevice } from '../../../streams/journal/index.js';
import { usage } from '../arguments.js';

export const DEVICE_HELP = `modelled: never fails, as quick as the recorded one was for an operation of that size (default);
                     recorded: each operation answered as the recorded one on the same blocks was, failures included;
                     or latencies, such as read=80us,write=100us,barrier=5ms (also discard, zero; else 0);
                     or PATH, a real one, asked for real, one operation after the other: in a folder a new sparse file
                     of the size of the recorded device, of an image a sparse copy beside it. Both vanish afterwards
  --overwrite        ask the image or disk at PATH itself: WHAT IS ON IT IS LOST. It must not be the recorded device`;

/** Answers are made up. */
export interface ModelledOption {
  readonly kind: 'modelled';
  readonly device: WorkloadDevice;
  /** In words, for a table. */
  readonly words: string;
  /** Times were given: what takes how long is of interest. */
  readonly times: boolean;
}

/** A folder, an image or a disk. */
export interface RealOption {
  readonly kind: 'real';
  readonly path: string;
  /** It may be written to. */
  readonly overwrite: boolean;
}

export type DeviceOption = ModelledOption | RealOption;

const UNITS_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };
const KINDS: readonly DeviceOperationKind[] = ['read', 'write', 'barrier', 'discard', 'zero'];

/** Throws UsageError. */
export function deviceFrom(value: string | undefined, overwrite: boolean): DeviceOption {
  const modelled = modelledFrom(value);
  if (modelled !== null && overwrite) throw usage('--overwrite is for --device PATH');
  if (modelled !== null) return modelled;
  if (value !== undefined && existsSync(value)) return { kind: 'real', path: value, overwrite };
  throw usage(
    `--device takes modelled, recorded, latencies such as read=80us,write=1ms, or the path of a folder, image or disk that is there, not '${value}'`,
  );
}

/** Null for what is none of these words. */
function modelledFrom(value: string | undefined): ModelledOption | null {
  if (value === undefined || value === 'modelled') {
    return { kind: 'modelled', device: 'modelled', words: 'on a device that does not fail', times: false };
  }
  if (value === 'recorded') {
    return { kind: 'modelled', device: 'recorded', words: 'the device answering as it did', times: false };
  }
  const latencies = new Map<DeviceOperationKind, number>();
  for (const piece of value.split(',')) {
    const [, name, number, unit] = /^([a-z]+)=(\d+(?:\.\d+)?)(ns|us|µs|ms|s)$/.exec(piece) ?? [];
    const kind = KINDS.find((known) => known === name);
    if (kind === undefined) return null;
    latencies.set(kind, Number(number) * UNITS_NS[unit]);
  }
  const device = ({ kind }: ModelledOperation) => latencies.get(kind) ?? 0;
  return { kind: 'modelled', device, words: `on a device with ${value}`, times: true };
}
