/** Runs a command in this process: for what is asked so often that a process each would take too long. */
import { failureOf, renderFailure } from '../../src/cli/failure.js';
import { COMMANDS } from '../../src/cli/registry.js';
import type { Ended } from './command.js';

/** As `cachetrail`, but without `--otlp` and `--help`, which are not the command's own. */
export async function inProcess([name, ...args]: readonly string[]): Promise<Ended> {
  const registered = COMMANDS.find((command) => command.name === name);
  if (registered === undefined) throw new Error(`there is no command ${name}`);
  const command = await registered.load();
  const [stdout, stderr] = [captured(process.stdout), captured(process.stderr)];
  let exitCode: number;
  try {
    exitCode = await command.run(args);
  } catch (error) {
    const failure = failureOf(error);
    process.stderr.write(renderFailure(failure));
    exitCode = failure.exitCode;
  } finally {
    stdout.end();
    stderr.end();
  }
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function captured(stream: NodeJS.WriteStream): { readonly text: () => string; readonly end: () => void } {
  const pieces: Buffer[] = [];
  const write = stream.write.bind(stream);
  stream.write = (piece: string | Uint8Array) => {
    pieces.push(Buffer.from(piece));
    return true;
  };
  return {
    text: () => Buffer.concat(pieces).toString('utf8'),
    end: () => {
      stream.write = write;
    },
  };
}
