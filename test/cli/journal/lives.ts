/** Lives told from the events of a real core. */
import { BlockLife } from '../../../src/cli/journal/life/block-life.js';
import type { LifeEntry } from '../../../src/cli/journal/life/entry.js';
import { OpLife } from '../../../src/cli/journal/life/op-life.js';
import { Core, open, type OpenOptions, type Step } from '../../support/core.js';

export interface Told {
  readonly entries: readonly LifeEntry[];
  readonly kinds: readonly string[];
  /** The texts, one a line. */
  readonly text: string;
  readonly standing: string;
}

export function coreThrough(steps: readonly Step[], options: OpenOptions = {}): Core {
  const core = new Core();
  for (const step of [open(options), ...steps]) core.take(step);
  return core;
}

/** The life of a block of a cache that goes through the steps. */
export function lifeOf(block: number, steps: readonly Step[], options: OpenOptions = {}): Told {
  return told(new BlockLife(block), coreThrough(steps, options).events);
}

export function opLifeOf(op: number, steps: readonly Step[], options: OpenOptions = {}): Told {
  return told(new OpLife(op), coreThrough(steps, options).events);
}

export function told(life: BlockLife | OpLife, events: Core['events']): Told {
  const entries = [...events.flatMap((event) => life.accept(event, 0)), ...life.end()];
  return {
    entries,
    kinds: entries.map(({ kind }) => kind),
    text: entries.map(({ text }) => text).join('\n'),
    standing: life.standing(),
  };
}
