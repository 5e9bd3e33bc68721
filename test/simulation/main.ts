/** `npm run sim`: many runs, one after the other. Exit code 1 if one fails, 2 if the command line is wrong. */
import { parseArgs } from 'node:util';
import { draw } from './drawn.js';
import { simulate } from './run.js';
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '1' },
  },
});
const t = process.hrtime.bigint();
let failures = 0;
const runs = Number(values.runs);
const seen = new Map<string, number>();
for (let i = 0; i < runs; i++) {
  const seed = Number(values.seed) + i;
  const result = await simulate({ seed, steps: Number(values.steps), leftOut: new Set(), replay: i % 8 === 0 });
  if (result.failure !== null) {
    failures++;
    const message = result.failure instanceof Error ? (result.failure.stack ?? '') : String(result.failure);
    const key = message.split('\n')[0].replace(/\d+/g, 'N').slice(0, 120);
    if (!seen.has(key))
      console.log(
        seed,
        result.steps,
        message,
        result.failure instanceof Error ? result.failure.cause : '',
        runs === 1 ? result.events.join('\n') : '',
        runs === 1 ? JSON.stringify(draw(seed, Number(values.steps), new Set())) : '',
      );
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
}
console.log({ runs, failures, ms: Number(process.hrtime.bigint() - t) / 1e6 }, seen);
