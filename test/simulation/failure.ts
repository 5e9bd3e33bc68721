/** The cache broke a promise: what the simulator looks for. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
}

export function demand(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new SimulationFailure(typeof message === 'string' ? message : message());
}
