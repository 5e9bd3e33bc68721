/** `npm run soak -- [--minutes N | --seconds N] [--seed N] [--json]`: exit code 1 if anything was lost, grew or was left. */
import { parseArgs } from 'node:util';
import { soak } from './soak.js';

const MIB = 1 << 20;

process.exitCode = await main();
// What is left must not keep it from telling that. Fires only if something is.
setTimeout(() => process.exit(), 1000).unref();

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { minutes: text, seconds: text, seed: text, json: { type: 'boolean' } } });
  const seconds = Number(values.seconds ?? Number(values.minutes ?? '30') * 60);
  if (!(seconds > 0)) {
    console.error('--minutes and --seconds take a positive number');
    return 2;
  }
  const progress = (share: number) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${(share * 100).toFixed(0)} % of ${seconds} s`);
  };
  const result = await soak({ seconds, seed: Number(values.seed ?? 1), progress });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const { requests, faults, events, memory, left, journal } = result;
  console.error(`${requests} requests, ${faults} faults, ${events} events in ${seconds} s; the journal is ${journal}`);
  if (memory === null) console.error('Too short to tell whether memory grows.');
  else
    for (const name of ['heapBytes', 'bufferBytes', 'cacheBytes'] as const) {
      const [early, late] = [memory.early[name] / MIB, memory.late[name] / MIB];
      console.error(`${name}: ${early.toFixed(2)} MiB in the second quarter, ${late.toFixed(2)} MiB in the last`);
    }
  console.error(left.length === 0 ? 'Nothing is left.' : `LEFT: ${left.join(', ')}`);
  if (values.json === true) console.log(JSON.stringify(result, null, 2));
  return memory?.isFlat !== false && left.length === 0 && journal === 'sound' ? 0 : 1;
}
