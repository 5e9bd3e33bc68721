// Reads what `npm run -s bench -- --json` prints and checks that every figure is there. It does not judge them: that is for
// a quiet machine and the long form. Says what is missing, and exits 1.
import { text } from 'node:stream/consumers';

const NAMES = [
  'hit.readNow',
  'hit.read',
  'write.cached',
  'miss.clean',
  'zipf',
  'journal.append',
  'metrics.hit',
  'metrics.miss',
];
const BLOCKS = [1024, 65_536];

const rows = (await text(process.stdin))
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));
const problems = [];

for (const name of NAMES) {
  for (const blocks of BLOCKS) {
    const found = rows.filter((row) => row.name === name && row.blocks === blocks);
    if (found.length !== 1) problems.push(`${name} at ${blocks} blocks has ${found.length} lines`);
    for (const row of found) {
      const sound = row.ns > 0 && row.ratio > 0 && typeof row.against === 'string';
      if (!sound) problems.push(`${name} at ${blocks} blocks: ${JSON.stringify(row)}`);
    }
  }
}

for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
