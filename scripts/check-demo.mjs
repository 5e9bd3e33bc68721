// Reads what `npm start -- --json` prints and checks what it promises. Says what does not hold, and exits 1.
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';

const output = await text(process.stdin);
// npm's own banner comes before.
const demo = JSON.parse(output.slice(output.search(/^\{/m)));
const { withCache, withoutCache, writeErrors } = demo;

const problems = [];
const expect = (holds, problem) => {
  if (!holds) problems.push(problem);
};

for (const side of ['withCache', 'withoutCache']) {
  for (const field of ['deviceReads', 'deviceWrites', 'barriers', 'bytesRead', 'bytesWritten', 'ms']) {
    expect(Number.isFinite(demo[side]?.[field]), `${side}.${field} is ${demo[side]?.[field]}, no number`);
  }
}
for (const field of ['requests', 'hits', 'batches', 'filesCompared']) {
  expect(Number(demo[field]) > 0, `${field} is ${demo[field]}, not above 0`);
}
expect(isNone(demo.differences), `differences: ${JSON.stringify(demo.differences)}`);
atMost('deviceWrites', 1 / 6);
atMost('deviceReads', 1 / 3);
expect(Array.isArray(writeErrors) && writeErrors.length > 0, 'writeErrors is no list with entries');
for (const entry of writeErrors ?? []) {
  const missing = ['block', 'code', 'path', 'outcome'].filter((field) => entry[field] === undefined);
  expect(missing.length === 0, `a write error has no ${missing.join(', ')}`);
}
expect(demo.journalCheck?.status === 'sound', `the journal is ${demo.journalCheck?.status}`);
expect(existsSync(demo.journal ?? ''), `the journal is not in ${demo.journal}`);
expect(/^[0-9a-f]{32}$/.test(demo.trace), `trace is ${demo.trace}, no trace id`);
expect(existsSync(demo.traceOutput?.file ?? ''), `the trace is not in ${demo.traceOutput?.file}`);

for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);

function atMost(field, share) {
  const [ours, without] = [withCache?.[field], withoutCache?.[field]];
  expect(without > 0 && ours <= without * share, `${field}: ${ours} with the cache, ${without} without`);
}

function isNone(differences) {
  return differences === 0 || (Array.isArray(differences) && differences.length === 0);
}
