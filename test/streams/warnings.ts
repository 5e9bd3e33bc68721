/** The warnings that the process emits while something is done, which are not shown then. */
export async function warningsOf(work: () => Promise<void>): Promise<Error[]> {
  const warnings: Error[] = [];
  const shown = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => warnings.push(warning));
  try {
    await work();
    // Node emits a warning in the next tick.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.removeAllListeners('warning');
    for (const listener of shown) process.on('warning', listener);
  }
  return warnings;
}
