/** Makes ready the two images that the demo works on, and refuses what it cannot work on before anything is changed. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { BlockDevice } from '../../device/block-device.js';
import { openFileDevice } from '../../device/index.js';
import { shippedImagePath } from '../package-files.js';
import { copyImage, unpackImage } from './image.js';
import { ImageFileError } from './image-files.js';
import { readSuperblock, type Superblock } from './superblock.js';
import { temporaryDirectory } from './temp.js';
import type { Tree } from './tree.js';

export interface ImageOptions {
  /** Path of the user's image; the shipped one if undefined. */
  readonly image: string | undefined;
  readonly inPlace: boolean;
  /** A directory to leave the images in. */
  readonly keep: string | undefined;
}

export interface Images {
  /** Open for writing, and so locked: what the run with the cache works on. */
  readonly device: BlockDevice;
  readonly withCachePath: string;
  readonly withoutCachePath: string;
  readonly superblock: Superblock;
}

/** Rejects with the codes of `openFileDevice`, with CACHETRAIL_NO_FILE_SYSTEM, or with ENOSPC where the tree has no room. */
export async function prepareImages(options: ImageOptions, tree: Tree, signal: AbortSignal): Promise<Images> {
  const source = await openSource(options);
  try {
    const superblock = await readSuperblock(source.device);
    checkRoom(superblock, tree);
    const directory = options.keep ?? temporaryDirectory();
    mkdirSync(directory, { recursive: true });
    const withoutCachePath = path.join(directory, 'without-cache.ext4');
    await copyImage(source.device, withoutCachePath, signal);
    if (options.inPlace) return { device: source.device, withCachePath: source.path, withoutCachePath, superblock };
    const withCachePath = path.join(directory, 'with-cache.ext4');
    await copyImage(source.device, withCachePath, signal);
    await source.device.close();
    return { device: await openFileDevice(withCachePath), withCachePath, withoutCachePath, superblock };
  } catch (error) {
    await source.device.close();
    throw error;
  }
}

async function openSource({ image, inPlace }: ImageOptions): Promise<{ device: BlockDevice; path: string }> {
  if (image !== undefined) return { device: await openFileDevice(image, { readOnly: !inPlace }), path: image };
  const unpacked = path.join(temporaryDirectory(), 'demo.ext4');
  await unpackImage(shippedImagePath(), unpacked);
  return { device: await openFileDevice(unpacked, { readOnly: true }), path: unpacked };
}

/** What directories and maps of extents take beside the files, at most, for a tree of the demo's kind. */
const SLACK_BYTES = 512 * 1024;

function checkRoom({ blockSize, freeBytes, freeInodes }: Superblock, tree: Tree): void {
  const blocks = tree.files.reduce((sum, file) => sum + Math.ceil(file.sizeBytes / blockSize), tree.directories.length);
  const neededBytes = blocks * blockSize + SLACK_BYTES;
  const neededInodes = tree.files.length + tree.directories.length + 1;
  if (neededBytes <= freeBytes && neededInodes <= freeInodes) return;
  throw new ImageFileError(
    'ENOSPC',
    `the file system in the image has ${freeBytes} bytes and ${freeInodes} inodes free; the demo needs ${neededBytes} and ` +
      `${neededInodes}: give a smaller --files, or a larger image`,
  );
}
