import { EXIT } from './command.js';

export interface Interruption {
  readonly signal: AbortSignal;
  /** Nothing can be written to stdout any more: its reader has had enough, or it failed, which `main` tells. */
  readonly isOutputGone: () => boolean;
  readonly dispose: () => void;
}

/**
 * A signal that aborts on the first Ctrl-C (or SIGTERM, SIGHUP), and when nobody reads stdout any more, so that images can
 * be unmounted and closed; the second Ctrl-C ends the process. `onAbort` is told once.
 */
export function interruption(onAbort: () => void): Interruption {
  const controller = new AbortController();
  let isOutputGone = false;
  const abort = () => {
    if (controller.signal.aborted) return;
    controller.abort();
    onAbort();
  };
  const stop = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, stop);
  const outputGone = () => {
    isOutputGone = true;
    abort();
  };
  process.stdout.on('error', outputGone);
  return {
    signal: controller.signal,
    isOutputGone: () => isOutputGone,
    dispose: () => {
      for (const name of names) process.removeListener(name, stop);
      process.stdout.removeListener('error', outputGone);
    },
  };
}
