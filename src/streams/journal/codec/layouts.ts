/** The tables made ready for use: registers numbered, fields in order, each code with what it decodes to. */
import type { CacheEvent, EventType } from '../../../cache/events.js';
import { assert } from '../../../device/errors.js';
import type { AnyKind } from './kinds.js';
import { OLD_SCHEMAS, type OldSchema } from './old-schemas.js';
import { SCHEMAS } from './schemas.js';

export interface Field {
  readonly name: string;
  readonly kind: AnyKind;
  /** Of a number, text or word: the index of its register. */
  readonly register: number;
  /** Of a word: the words by number. */
  readonly words: readonly string[];
}

export interface Layout {
  readonly code: number;
  readonly type: EventType;
  readonly fields: readonly Field[];
  /** Of a code that is no longer written: what makes today's event of what was stored. */
  readonly upcast: ((stored: Readonly<Record<string, unknown>>) => CacheEvent) | null;
}

/** Two more bits are taken by what stands beside a `written`. */
const FIELDS_MAX = 28;

const numberRegisters = new Map<string, number>();
const textRegisters = new Map<string, number>();
const wordRegisters = new Map<string, number>();

/** Those that the hot paths name. */
export const AT = registerOf(numberRegisters, 'at');
export const OP = registerOf(numberRegisters, 'op');
export const BLOCK = registerOf(numberRegisters, 'block');
export const COUNT = registerOf(numberRegisters, 'count');
export const OFFSET = registerOf(numberRegisters, 'offset');
export const LENGTH = registerOf(numberRegisters, 'length');
export const GENERATION = registerOf(numberRegisters, 'generation');
export const ACTOR = registerOf(textRegisters, 'actor');

/** What is written. */
export const LAYOUTS: ReadonlyMap<EventType, Layout> = new Map(
  (Object.keys(SCHEMAS) as EventType[]).map((type) => {
    const { code, fields } = SCHEMAS[type];
    return [type, layoutOf(code, type, fields, null)];
  }),
);

/** What can be read, by code. */
export const LAYOUTS_BY_CODE: readonly (Layout | undefined)[] = byCode([...LAYOUTS.values()], OLD_SCHEMAS);

export const NUMBER_REGISTERS = numberRegisters.size;
export const TEXT_REGISTERS = textRegisters.size;
export const WORD_REGISTERS = wordRegisters.size;

export function byCode(current: readonly Layout[], old: readonly OldSchema[]): readonly (Layout | undefined)[] {
  const layouts: (Layout | undefined)[] = [];
  const older = old.map(({ code, type, fields, since }) => {
    return layoutOf(code, type, fields, (stored) => ({ ...stored, ...since }) as unknown as CacheEvent);
  });
  for (const layout of [...current, ...older]) {
    assert(layouts[layout.code] === undefined, `code ${layout.code} is used once`);
    layouts[layout.code] = layout;
  }
  return layouts;
}

function layoutOf(
  code: number,
  type: EventType,
  fields: Readonly<Record<string, AnyKind>>,
  upcast: Layout['upcast'],
): Layout {
  const list = Object.entries(fields).map(([name, kind]) => fieldOf(name, kind));
  assert(list.length <= FIELDS_MAX, 'the bits of a record fit in a small integer');
  return { code, type, fields: list, upcast };
}

function fieldOf(name: string, kind: AnyKind): Field {
  switch (kind.kind) {
    case 'number':
      return { name, kind, register: registerOf(numberRegisters, kind.register), words: [] };
    case 'text':
      return { name, kind, register: registerOf(textRegisters, kind.register), words: [] };
    case 'word': {
      const words: string[] = [];
      for (const [word, index] of Object.entries(kind.numbers)) words[index] = word;
      return { name, kind, register: registerOf(wordRegisters, kind.register), words };
    }
    default:
      return { name, kind, register: 0, words: [] };
  }
}

function registerOf(registers: Map<string, number>, name: string): number {
  const known = registers.get(name);
  if (known !== undefined) return known;
  registers.set(name, registers.size);
  return registers.size - 1;
}
