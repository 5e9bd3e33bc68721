/** `--device`: what the device of a replay answers. */
import type { DeviceOperationKind, ModelledOperation, WorkloadDevice } from '../../../streams/journal/index.js';
import { usage } from '../arguments.js';

export const DEVICE_HELP = `modelled: never fails, as quick as the recorded one was for an operation of that size (default);
                     recorded: each operation answered as the recorded one on the same blocks was, failures included;
                     or latencies, such as read=80us,write=100us,barrier=5ms (also discard, zero; else 0)`;

export interface DeviceOption {
  readonly device: WorkloadDevice;
  /** In words, for a table. */
  readonly words: string;
  /** Times were given: what takes how long is of interest. */
  readonly times: boolean;
}

const UNITS_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };
const KINDS: readonly DeviceOperationKind[] = ['read', 'write', 'barrier', 'discard', 'zero'];

/** Throws UsageError. */
export function deviceFrom(value: string | undefined): DeviceOption {
  if (value === undefined || value === 'modelled') {
    return { device: 'modelled', words: 'on a device that does not fail', times: false };
  }
  if (value === 'recorded') return { device: 'recorded', words: 'the device answering as it did', times: false };
  const latencies = new Map<DeviceOperationKind, number>();
  for (const piece of value.split(',')) {
    const [, name, number, unit] = /^([a-z]+)=(\d+(?:\.\d+)?)(ns|us|µs|ms|s)$/.exec(piece) ?? [];
    const kind = KINDS.find((known) => known === name);
    if (kind === undefined) {
      throw usage(`--device takes modelled, recorded, or latencies such as read=80us,write=1ms, not '${value}'`);
    }
    latencies.set(kind, Number(number) * UNITS_NS[unit]);
  }
  const device = ({ kind }: ModelledOperation) => latencies.get(kind) ?? 0;
  return { device, words: `on a device with ${value}`, times: true };
}
