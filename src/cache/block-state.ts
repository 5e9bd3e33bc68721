/** The states of a block and the one table of transitions between them. `docs/STATE_MACHINE.md` is held against it. */
import { assert } from '../device/errors.js';

export const BLOCK_STATES = ['absent', 'loading', 'clean', 'dirty', 'writing', 'unsynced'] as const;
export type BlockState = (typeof BLOCK_STATES)[number];

/** What can happen to a block. */
export const BLOCK_TRIGGERS = [
  'fillStarted',
  'filled',
  'fillFailed',
  'written',
  'writebackStarted',
  'writtenBack',
  'writtenBackStale',
  'writebackFailed',
  'synced',
  'syncFailed',
  'evicted',
  'invalidated',
  'discarded',
] as const;
export type BlockTrigger = (typeof BLOCK_TRIGGERS)[number];

/**
 * The next state for every state and trigger; a pair that is not here is impossible, and asserted so.
 *
 * `writtenBack` is a completion that carried the block's newest generation and that no failed barrier has put in doubt,
 * `writtenBackStale` any other. `syncFailed` leaves a writing block writing: its completion will then be stale.
 * `discarded` is the only way out for bytes that are not durable, and never for a block that the device is taking.
 */
export const TRANSITIONS: Readonly<Record<BlockState, Partial<Record<BlockTrigger, BlockState>>>> = {
  absent: { fillStarted: 'loading', written: 'dirty' },
  loading: {
    filled: 'clean',
    fillFailed: 'absent',
    written: 'dirty',
    invalidated: 'absent',
    discarded: 'absent',
  },
  clean: { written: 'dirty', evicted: 'absent', invalidated: 'absent', discarded: 'absent' },
  dirty: { written: 'dirty', writebackStarted: 'writing', synced: 'dirty', syncFailed: 'dirty', discarded: 'absent' },
  writing: {
    written: 'writing',
    writtenBack: 'unsynced',
    writtenBackStale: 'dirty',
    writebackFailed: 'dirty',
    synced: 'writing',
    syncFailed: 'writing',
  },
  unsynced: { written: 'dirty', synced: 'clean', syncFailed: 'dirty', discarded: 'absent' },
};

export const ABSENT = 0;
export const LOADING = 1;
export const CLEAN = 2;
export const DIRTY = 3;
export const WRITING = 4;
export const UNSYNCED = 5;

const IMPOSSIBLE = 255;
const codes = new Map<BlockTrigger, number>(BLOCK_TRIGGERS.map((trigger, code) => [trigger, code]));
const table = new Uint8Array(BLOCK_STATES.length * BLOCK_TRIGGERS.length).fill(IMPOSSIBLE);
for (const [from, state] of BLOCK_STATES.entries()) {
  for (const [trigger, to] of Object.entries(TRANSITIONS[state])) {
    table[from * BLOCK_TRIGGERS.length + codeOfTrigger(trigger as BlockTrigger)] = BLOCK_STATES.indexOf(to);
  }
}

/** A trigger's row in the compiled table. Looked up once, when a module loads. */
export function codeOfTrigger(trigger: BlockTrigger): number {
  const code = codes.get(trigger);
  assert(code !== undefined, `${trigger} is a trigger`);
  return code;
}

/** The state that follows; an impossible pair is a bug and stops the cache. */
export function nextState(from: number, trigger: number): number {
  const to = table[from * BLOCK_TRIGGERS.length + trigger];
  if (to === IMPOSSIBLE)
    assert(false, `${BLOCK_TRIGGERS[trigger]} cannot happen to a block that is ${BLOCK_STATES[from]}`);
  return to;
}
