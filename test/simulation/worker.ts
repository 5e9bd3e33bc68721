/** Run as a process of its own: carries out the orders that it gets, and tells how each run has ended. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { carryOut, type Order } from './orders.js';

process.on('message', (order: Order) => {
  work(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});

async function work(order: Order): Promise<void> {
  for await (const outcome of carryOut(order)) {
    process.send?.(outcome);
    // The runs keep to microtasks: messages have their turn between them.
    await nextTurn();
  }
  process.send?.('done');
}
