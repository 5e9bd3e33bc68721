import { expect } from 'chai';
import { BLOCK_STATES, BLOCK_TRIGGERS, TRANSITIONS } from '../../src/cache/block-state.js';
import { eventTypesIn } from './event-types.js';
import { codeIn, page, sectionsOf, tableHeading, tableRows } from './markdown.js';
import { sourceOf } from './sources.js';

describe('docs/STATE_MACHINE.md', () => {
  const bodyOf = (heading: string): string => {
    const found = sectionsOf(page('docs/STATE_MACHINE.md')).find((section) => section.heading === heading);
    if (found === undefined) throw new Error(`docs/STATE_MACHINE.md has no section "${heading}"`);
    return found.body;
  };

  it('describes every state and every trigger', () => {
    expect(tableRows(bodyOf('States')).map(([state]) => codeIn(state))).to.deep.equal([...BLOCK_STATES]);
    expect(tableRows(bodyOf('Triggers')).map(([trigger]) => codeIn(trigger))).to.deep.equal([...BLOCK_TRIGGERS]);
  });

  it('has the transition table of the code, impossible pairs included', () => {
    const body = bodyOf('Transitions');
    expect(tableHeading(body)).to.deep.equal(['trigger', ...BLOCK_STATES.map((state) => `\`${state}\``)]);
    const table = tableRows(body).map(([trigger, ...cells]) => [codeIn(trigger), cells]);
    const code = BLOCK_TRIGGERS.map((trigger) => {
      const next = BLOCK_STATES.map((state) => TRANSITIONS[state][trigger]);
      return [trigger, next.map((state) => (state === undefined ? '—' : `\`${state}\``))];
    });
    expect(table).to.deep.equal(code);
  });

  it('names only events that exist', () => {
    const types = [...eventTypesIn(sourceOf('events.ts', page('src/cache/events.ts'))).keys()];
    for (const [, , events] of tableRows(bodyOf('Triggers'))) {
      expect(types).to.include.members(events.split(', ').map(codeIn));
    }
  });
});
