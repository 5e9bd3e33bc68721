import fs from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { sizeByReading } from '../../src/device/device-size.js';
import { type BlockDevice, openFileDevice } from '../../src/device/index.js';
import { deviceNumber, diskName } from '../../src/device/sysfs.js';
import { generator } from '../../src/device/random.js';
import { imageFolder } from './images.js';
import { attachLoop, detachLoop, skipWithoutLoops } from './loop.js';
import { childOutcome, killChildren } from './processes.js';
import { anyRejection, rejection } from './support.js';

const images = imageFolder();
const MIB = 1024 * 1024;

function bytes(length: number, seed: number): Uint8Array {
  const next = generator(seed);
  return Uint8Array.from({ length }, () => next() * 256);
}

describe('a file device', () => {
  afterEach(killChildren);

  it('is named by its real path and inode, which last when its file system is mounted anew', async () => {
    const path = images.make('image', 4096);
    fs.symlinkSync(path, images.path('link'));
    const device = await openFileDevice(images.path('link'));
    const { ino } = fs.statSync(path, { bigint: true });
    expect(device.identity).to.equal(`${fs.realpathSync(path)} (inode ${ino})`);
    await device.close();
  });

  it('has its descriptor while it is open', async () => {
    const device = await openFileDevice(images.make('image', 4096));
    expect(fs.fstatSync(device.fd ?? -1).size).to.equal(4096);
    await device.close();
    expect(device.fd).to.equal(undefined);
  });

  it('reads short where the file has become shorter, and keeps its size', async () => {
    const contents = bytes(10_000, 1);
    const device = await openFileDevice(images.make('image', contents));
    fs.truncateSync(images.path('image'), 6000);
    const into = new Uint8Array(8000);
    expect(await device.read(1000, [into.subarray(0, 100), into.subarray(100)])).to.equal(5000);
    expect(Buffer.compare(into.subarray(0, 5000), contents.subarray(1000, 6000))).to.equal(0);
    expect(await device.read(9000, [into.subarray(0, 1000)])).to.equal(0);
    expect(device.sizeBytes).to.equal(10_000);
    await device.close();
  });

  it('carries on where the system stops short', async () => {
    const contents = bytes(50_000, 2);
    const device = await openFileDevice(images.make('image', contents));
    const whole = { readv: fs.readv, writev: fs.writev };
    const calls = { readv: 0, writev: 0 };
    for (const name of ['readv', 'writev'] as const) {
      // The real call, of at most 777 bytes.
      Object.assign(fs, {
        [name](fd: number, buffers: readonly Uint8Array[], position: number, answer: () => void) {
          calls[name]++;
          let left = 777;
          const some = buffers.map((buffer) => {
            const part = buffer.subarray(0, left);
            left -= part.length;
            return part;
          });
          whole[name](fd, some, position, answer);
        },
      });
    }
    try {
      const data = bytes(20_000, 3);
      const parts = [data.subarray(0, 0), data.subarray(0, 1000), data.subarray(1000, 1001), data.subarray(1001)];
      expect(await device.write(333, parts)).to.equal(20_000);
      contents.set(data, 333);
      const into = new Uint8Array(50_000);
      expect(await device.read(0, [into.subarray(0, 5), into.subarray(5, 5), into.subarray(5)])).to.equal(50_000);
      expect(Buffer.compare(into, contents)).to.equal(0);
      expect(calls).to.deep.equal({ readv: Math.ceil(50_000 / 777), writev: Math.ceil(20_000 / 777) });
    } finally {
      Object.assign(fs, whole);
    }
    await device.close();
  });

  it('gives the system’s own error for a write that the system takes a part of', async () => {
    const path = images.make('image', 64 * 1024);
    // Blocks of 512 or 1024 bytes, as the shell has it: the limit lies within the write either way.
    const task = { path, write: { offset: 10_000, length: 50_000 } };
    const outcome = await childOutcome(task, { fileBlocksMax: 40 });
    expect(outcome.code).to.equal('EFBIG');
    const written = fs.readFileSync(path).filter((byte) => byte === 7).length;
    expect(written).to.be.oneOf([40 * 512 - 10_000, 40 * 1024 - 10_000]);
  });

  it('gives the system’s own errors as they are', async () => {
    const device = await openFileDevice(images.make('image', 4096));
    fs.closeSync(device.fd ?? -1);
    const calls: [string, Promise<unknown>][] = [
      ['read', device.read(0, [new Uint8Array(1)])],
      ['write', device.write(0, [new Uint8Array(1)])],
      ['fdatasync', device.barrier()],
      ['close', device.close()],
    ];
    for (const [syscall, call] of calls) {
      const error = await anyRejection(call);
      expect(error).to.include({ code: 'EBADF', syscall });
    }
    expect(await anyRejection(device.close())).to.include({ code: 'EBADF' });
    expect((await rejection(device.barrier())).code).to.equal('CACHETRAIL_CLOSED');
  });
});

describe('discard and zero on a file device', () => {
  let device: BlockDevice;
  let path = '';
  const contents = bytes(3 * MIB + 5, 4);
  beforeEach(async function () {
    path = images.make('image', contents);
    device = await openFileDevice(path);
    if (device.supports.discard) return;
    console.log('    left out: holes, since this file system or platform has none');
    await device.close();
    this.skip();
  });
  afterEach(() => device.close());

  for (const operation of ['discard', 'zero'] as const) {
    it(`${operation} gives the space back and reads as zeros, and the file keeps its size`, async () => {
      await device.barrier();
      const before = fs.statSync(path);
      await device[operation](100, 3 * MIB - 200);
      await device.barrier();
      const after = fs.statSync(path);
      expect(after.size).to.equal(contents.length);
      expect(after.blocks * 512).to.be.lessThan(before.blocks * 512 - 2 * MIB);
      const expected = contents.slice().fill(0, 100, 3 * MIB - 100);
      expect(Buffer.compare(fs.readFileSync(path), expected)).to.equal(0);
    });
  }
});

describe('zero without holes', () => {
  afterEach(killChildren);

  it('writes zeros, more than a call takes, and discard is not supported', async () => {
    const contents = bytes(3 * MIB + 5, 5);
    const path = images.make('image', contents);
    const task = { path, options: { lock: false }, zero: { offset: 777, length: 2 * MIB + 70_001 } };
    const outcome = await childOutcome(task, { withoutNative: true });
    expect(outcome).to.deep.equal({ code: '', causeCode: '', discard: false, zero: true });
    contents.fill(0, 777, 777 + 2 * MIB + 70_001);
    expect(Buffer.compare(fs.readFileSync(path), contents)).to.equal(0);
  });
});

describe('the size by reading', () => {
  for (const size of [0, 1, 2, 3, 511, 512, 513, 4096, 100_003, 2 ** 31, 2 ** 32 + 1, 2 ** 40]) {
    it(`is right for ${size} bytes`, async () => {
      const path = images.path('sparse');
      fs.writeFileSync(path, '');
      fs.truncateSync(path, size);
      const fd = fs.openSync(path, 'r');
      try {
        expect(await sizeByReading(fd)).to.equal(size);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  describe('of a block device', () => {
    before(skipWithoutLoops);
    it('is right', async () => {
      const loop = attachLoop(images.make('image', 77 * 512));
      const fd = fs.openSync(loop, 'r');
      try {
        expect(await sizeByReading(fd)).to.equal(77 * 512);
      } finally {
        fs.closeSync(fd);
        detachLoop(loop);
      }
    });
  });
});

describe('the number of a block device', () => {
  // As makedev(3) of Linux packs them.
  const numbers: readonly (readonly [bigint, string])[] = [
    [0x701n, '7:1'],
    [0xfe00n, '254:0'],
    [0x1_0001_0307n, '259:1048583'],
    [0xff0_0000_0fff00n, '1048575:0'],
  ];
  for (const [rdev, text] of numbers) {
    it(`is ${text} for ${rdev}`, () => expect(deviceNumber(rdev)).to.equal(text));
  }
});

describe('the name of a disk', () => {
  /** A directory as Linux shows block devices: links by number to where the devices are. */
  function sysfs(files: Readonly<Record<string, string>>): string {
    const root = fs.mkdtempSync(images.path('sysfs-'));
    const disk = `${root}/devices/sdb`;
    fs.mkdirSync(`${disk}/sdb2`, { recursive: true });
    fs.symlinkSync('devices/sdb', `${root}/8:16`);
    fs.symlinkSync('devices/sdb/sdb2', `${root}/8:18`);
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(dirname(`${disk}/${name}`), { recursive: true });
      fs.writeFileSync(`${disk}/${name}`, `${text}\n`);
    }
    return root;
  }
  const disk = 0x810n;
  const partition = 0x812n;

  it('is the one that no other disk has, if there is one, and of a partition its number too', async () => {
    const root = sysfs({ 'device/wwid': 't10.ATA     A disk   S1', serial: 'S1', 'sdb2/partition': '2' });
    expect(await diskName(disk, root)).to.deep.equal({ name: 't10.ATA A disk S1', isUnique: true });
    expect(await diskName(partition, root)).to.deep.equal({ name: 't10.ATA A disk S1, partition 2', isUnique: true });
  });

  it('is else one that holds together with its place: a serial number, or its own', async () => {
    expect(await diskName(disk, sysfs({ serial: '0123456789' }))).to.deep.equal({
      name: '0123456789',
      isUnique: false,
    });
    expect(await diskName(disk, sysfs({}))).to.deep.equal({ name: '8:16', isUnique: false });
    expect(await diskName(disk, sysfs({ 'device/wwid': '' }))).to.deep.equal({ name: '8:16', isUnique: false });
  });

  describe('of a loop device', () => {
    before(skipWithoutLoops);
    it('is the file behind it, so that another file at the same place is another device', async () => {
      const [one, other] = [images.make('one', 4096), images.make('other', 4096)];
      const loop = attachLoop(one);
      const first = await openFileDevice(loop);
      await first.close();
      detachLoop(loop);
      const again = attachLoop(other);
      const second = await openFileDevice(again);
      await second.close();
      detachLoop(again);
      expect(first.identity).to.equal(`${loop} (${one})`);
      expect(second.identity).to.equal(`${again} (${other})`);
    });
  });
});
