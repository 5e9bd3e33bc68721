import type { DeviceManifest } from '../../device/block-device.js';
import { assertHolds, type Case, noise } from './bench.js';

export function durabilityCases(supports: DeviceManifest, canReopen: boolean): Case[] {
  const cases: Case[] = [['passes barriers with nothing to do, one by one and together', passesIdly]];
  if (supports.write) cases.push(['passes barriers while it reads and writes', passesWhileBusy]);
  if (supports.write && supports.durable && canReopen) {
    cases.push(['has after a close what was written before a barrier', survivesClose]);
  }
  if (supports.zero && supports.durable && canReopen) {
    cases.push(['has after a close the zeros from before a barrier', zerosSurviveClose]);
  }
  return cases;
}

const passesIdly: Case[1] = async ({ device, contents }) => {
  await device.barrier();
  await device.barrier();
  await Promise.all([device.barrier(), device.barrier(), device.barrier()]);
  await assertHolds(device, contents);
};

const passesWhileBusy: Case[1] = async ({ device, contents }) => {
  const work: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    const data = noise(3000, i);
    contents.set(data, i * 3000);
    work.push(device.write(i * 3000, [data]), device.read(90_000, [new Uint8Array(4096)]));
    if (i % 3 === 0) work.push(device.barrier());
  }
  await Promise.all(work);
  await device.barrier();
  await assertHolds(device, contents);
};

const survivesClose: Case[1] = async (bench) => {
  const data = noise(30_000, 8);
  bench.contents.set(data, 1234);
  await bench.device.write(1234, [data]);
  await bench.device.barrier();
  await bench.reopen();
  await assertHolds(bench.device, bench.contents);
};

const zerosSurviveClose: Case[1] = async (bench) => {
  await bench.device.zero(1234, 30_000);
  await bench.device.barrier();
  await bench.reopen();
  await assertHolds(bench.device, bench.contents.fill(0, 1234, 31_234));
};
