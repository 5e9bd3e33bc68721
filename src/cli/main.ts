#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { codeOf } from '../device/errors.js';
import { type Command, EXIT, parsed, UsageError } from './command.js';
import { failureOf, renderFailure } from './failure.js';
import { endpointAt } from './otlp/endpoint.js';
import { packageVersion } from './package-files.js';
import { COMMANDS } from './registry.js';

let isOutputBroken = false;
process.stdout.on('error', (error) => {
  // A reader that has gone (`| head`) has had enough.
  if (codeOf(error) === 'EPIPE' || isOutputBroken) return;
  isOutputBroken = true;
  process.stderr.write(renderFailure(failureOf(error)));
  process.exitCode = EXIT.failed;
});
process.stderr.on('error', () => undefined);
const exitCode = await main(process.argv.slice(2));
// Not process.exit: what is still on its way to a pipe must arrive.
process.exitCode = isOutputBroken ? EXIT.failed : exitCode;

async function main(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    const failure = failureOf(error);
    process.stderr.write(renderFailure(failure));
    return failure.exitCode;
  }
}

async function dispatch([name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined || name.startsWith('-')) return withoutCommand(name === undefined ? [] : [name, ...rest]);
  const registered = COMMANDS.find((command) => command.name === name);
  if (registered === undefined) {
    throw new UsageError(
      'CACHETRAIL_INVALID_ARGUMENT',
      `unknown command '${name}'; there ${COMMANDS.length === 1 ? 'is' : 'are'}: ${COMMANDS.map((command) => command.name).join(', ')}`,
    );
  }
  const command = await registered.load();
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return EXIT.ok;
  }
  return command.slice === undefined ? await command.run(rest) : await runAndSend(command, rest);
}

/** What was asked for is shown first, and then sent. */
async function runAndSend(command: Command, args: readonly string[]): Promise<number> {
  const { rest, otlp } = withoutOtlp(args);
  const endpoint = otlp === null ? null : endpointAt(otlp);
  const exitCode = await command.run(rest);
  const slice = endpoint === null ? undefined : command.slice?.(rest);
  if (endpoint === null || slice === undefined) return exitCode;
  if (exitCode === EXIT.usage || exitCode === EXIT.interrupted) return exitCode;
  const { sendSlice } = await import('./trace/send-slice.js');
  const isSent = await sendSlice(slice, endpoint);
  return isSent || exitCode !== EXIT.ok ? exitCode : EXIT.different;
}

function withoutOtlp(args: readonly string[]): { readonly rest: readonly string[]; readonly otlp: string | null } {
  const at = args.findIndex((arg) => arg === '--otlp' || arg.startsWith('--otlp='));
  if (at < 0) return { rest: args, otlp: null };
  const isOne = args[at] !== '--otlp';
  const otlp = isOne ? args[at].slice('--otlp='.length) : (args[at + 1] ?? '');
  return { rest: [...args.slice(0, at), ...args.slice(at + (isOne ? 1 : 2))], otlp };
}

function withoutCommand(args: readonly string[]): number {
  const options = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options, strict: true, allowPositionals: false }));
  if (values.version) {
    process.stdout.write(`${packageVersion()}\n`);
    return EXIT.ok;
  }
  // Asked for nothing: the help is the answer, and it is not what a script wanted.
  const stream = values.help ? process.stdout : process.stderr;
  stream.write(topHelp());
  return values.help ? EXIT.ok : EXIT.usage;
}

function topHelp(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const list = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n');
  return `cachetrail: a write-back block cache in which the event stream is the truth

usage: cachetrail COMMAND [OPTIONS]
       cachetrail COMMAND --help

commands:
${list}

options:
  -h, --help     show this
  -v, --version  show the version

exit codes: 0 done, 2 wrong usage, 3 failed; a command's help says more
`;
}
