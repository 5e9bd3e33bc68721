/** Bugs in who is told of which failure, and in how a device is replaced. */
import type { Mutation } from './catalogue.js';

const DEVICE = 'cache/evolve/device';
const CONTROL = 'cache/evolve/control';
const REMEMBERED = 'cache/evolve/remembered';

export const OWED_MUTATIONS: readonly Mutation[] = [
  {
    name: 'tells a handle of failures that were over before it was opened',
    edits: [
      {
        file: CONTROL,
        from: 'state.handles.set(event.op, newHandle(event.op, event.seq));',
        to: 'state.handles.set(event.op, newHandle(event.op, event.seq)); for (const failure of state.resolved) failure.owed.push(event.op);',
      },
    ],
    runs: 100,
  },
  {
    name: 'tells a handle twice of a failure that is over',
    edits: [
      {
        file: REMEMBERED,
        from: 'if (isOwed(failure, number, told)) failure.owed = without(failure.owed, number);',
        to: ';',
      },
    ],
    runs: 100,
  },
  {
    name: 'tells only one handle of a failure that is over',
    edits: [
      {
        file: REMEMBERED,
        from: 'if (isOwed(failure, number, told)) failure.owed = without(failure.owed, number);',
        to: 'if (isOwed(failure, number, told)) failure.owed = [];',
      },
    ],
    runs: 200,
  },
  {
    name: 'never tells a handle of a failure that is over',
    edits: [{ file: REMEMBERED, from: 'if (known.owed.length === 0) return;', to: 'return;' }],
    runs: 50,
  },
  {
    name: 'tells a handle of a failure that is over although it was told while that lasted',
    edits: [{ file: REMEMBERED, from: 'if (known !== undefined) known.owed = without(known.owed, handle);', to: ';' }],
    runs: 50,
  },
  {
    name: 'takes a failure for over when the device has taken the block, before any barrier',
    edits: [
      {
        file: DEVICE,
        from: 'state.failures.delete(block); } } function writebackFailed',
        to: 'state.failures.delete(block); resolve(state, block, { at: event.at, io: event.io, end: "durable" }); } } function writebackFailed',
      },
    ],
    runs: 50,
  },
  {
    name: 'takes a failure for over at any barrier',
    edits: [{ file: DEVICE, from: 'if (!state.failures.has(block)) resolve(', to: 'resolve(' }],
    runs: 200,
  },
  {
    name: 'tells of failures that are over by the numbers that blocks had before a change of the block size',
    edits: [{ file: CONTROL, from: 'renumber(state, event.from, event.to);', to: '' }],
    runs: 1000,
  },
  {
    name: 'forgets that there were failures when the block size changes',
    edits: [{ file: CONTROL, from: 'renumber(state, event.from, event.to);', to: 'state.resolved = [];' }],
    runs: 1000,
  },
  {
    name: 'asks a device that takes the place of another before that is closed',
    edits: [
      {
        file: 'streams/pipeline',
        from: 'this.#laneTo(gatedDevice(zeroingDevice(caller.device), gate));',
        to: 'this.#laneTo(zeroingDevice(caller.device));',
      },
    ],
    runs: 2000,
  },
  {
    name: 'does not write again to a new device what the old one had taken',
    edits: [{ file: DEVICE, from: 'doubtUnsynced(state, { at: event.at, io: 0, code: REPLACED_CODE });', to: '' }],
    runs: 500,
  },
  {
    name: 'goes on listening to a device that was replaced',
    edits: [{ file: 'streams/pipeline', from: 'this.#lane.unsubscribe(); const gate', to: 'const gate' }],
    runs: 500,
  },
  {
    name: 'takes another device for its own',
    edits: [
      {
        file: 'cache/decide/replacement',
        from: "? '' : 'CACHETRAIL_DEVICE_OTHER';",
        to: "? '' : '';",
      },
    ],
    runs: 100,
  },
  {
    name: 'waits for what a device that was replaced has not answered',
    edits: [
      {
        file: 'cache/decide/replacement',
        from: "else if (io.kind === 'barrier') barrierAnswered(",
        to: "else if (io.kind === 'barrier') ; else if (io.kind === 'nothing') barrierAnswered(",
      },
    ],
    runs: 200,
  },
];
