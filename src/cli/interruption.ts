import { EXIT } from './command.js';

/**
 * A signal that aborts on the first Ctrl-C (or SIGTERM, SIGHUP), and when nobody reads stdout any more, so that images can
 * be unmounted and closed; the second Ctrl-C ends the process. `onAbort` is told once.
 */
export function interruption(onAbort: () => void): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const controller = new AbortController();
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
  process.stdout.on('error', abort);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of names) process.removeListener(name, stop);
      process.stdout.removeListener('error', abort);
    },
  };
}
