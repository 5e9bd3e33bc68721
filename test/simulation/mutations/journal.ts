/** Bugs in the journal, and in what is recovered from it. */
import type { Mutation } from './catalogue.js';

const EFFECTS = 'streams/effects';
const RECOVERY = 'streams/journal/pending-writes';
const NEEDED = 'streams/journal/needed-writes';

export const JOURNAL_MUTATIONS: readonly Mutation[] = [
  {
    name: 'acknowledges a write before the journal has it',
    edits: [
      {
        file: EFFECTS,
        from: "caller.kind === 'plain')) { callers.take(event.op); this.#parts.acknowledge(event.seq, caller, () => caller.succeed());",
        to: "caller.kind === 'plain')) { callers.take(event.op); caller.succeed();",
      },
    ],
    runs: 100,
  },
  {
    name: 'takes what was handed to the journal’s disk for synced',
    edits: [
      {
        file: 'streams/journal/segment-file',
        from: 'fdatasync(this.#fd, (error) =>',
        to: '((_fd, done) => queueMicrotask(() => done(null)))(this.#fd, (error) =>',
      },
    ],
    runs: 100,
  },
  {
    name: 'ends a zero before the journal knows',
    edits: [
      {
        file: EFFECTS,
        from: "if (caller?.kind === 'plain') acknowledge(event.seq, caller, () => caller.succeed());",
        to: "if (caller?.kind === 'plain') caller.succeed();",
      },
    ],
    runs: 5000,
  },
  {
    name: 'leaves out the last block when it recovers',
    edits: [{ file: RECOVERY, from: 'offsets.flatMap(', to: 'offsets.slice(0, -1).flatMap(' }],
    runs: 100,
  },
  {
    name: 'forgets at a barrier, when it recovers, what that has not covered',
    edits: [{ file: RECOVERY, from: "([, block]) => block.progress === 'covered'", to: '() => true' }],
    runs: 300,
  },
  {
    name: 'begins to recover behind a write that is not durable',
    edits: [{ file: NEEDED, from: 'from: checkpoints[0].seq + 1', to: 'from: seq + 1' }],
    runs: 500,
  },
  {
    name: 'cuts the torn end of a journal, and does not sync that',
    edits: [{ file: 'streams/journal/tail', from: 'await file.datasync();', to: '' }],
    runs: 500,
  },
  {
    name: 'deletes a segment before the one before it is gone for good',
    edits: [{ file: 'streams/journal/segment-writer', from: 'if (this.#isGoing) this.#syncNames();', to: '' }],
    runs: 500,
  },
];
