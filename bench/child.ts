/** Runs one case at one size in a process of its own, and prints its figures as a line of JSON. */
import { CASES } from './cases/index.js';
import { measure } from './measure.js';

const [name, blocks, length] = process.argv.slice(2);
const found = CASES.find((candidate) => candidate.name === name);
if (found === undefined) throw new Error(`no case ${name}`);
const short = length === 'short';
const contest = await found.prepare({ blocks: Number(blocks), short });
const figures = await measure(contest, short ? 1 : found.rounds, short ? 0 : 2);
await contest.close();
console.log(JSON.stringify(figures));
