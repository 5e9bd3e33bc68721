/** The native module: what Node has no call for. Loaded late, since it is built for some platforms only. */
import { arch, platform } from 'node:process';
import { DeviceError } from './errors.js';

export interface Native {
  tryLock(fd: number, options?: { readonly shared?: boolean }): boolean;
  trim(fd: number, offset: number, length: number): Promise<void>;
}

/** Undefined where the module can't be loaded. */
export async function loadNative(): Promise<Native | undefined> {
  return (await attempt()).native;
}

/** Rejects with DeviceError CACHETRAIL_MISSING_DEPENDENCY where the module can't be loaded. */
export async function requireNative(purpose: string, otherwise: string): Promise<Native> {
  const { native, cause } = await attempt();
  if (native !== undefined) return native;
  const message = `${purpose} needs the native module fs-native-extensions, which does not load on ${platform}-${arch}; ${otherwise}`;
  throw new DeviceError('CACHETRAIL_MISSING_DEPENDENCY', message, { cause });
}

interface Attempt {
  readonly native?: Native;
  readonly cause?: unknown;
}

/** Once: a journal or a device that is opened again needs no module loader, however that is set up. */
let attempted: Promise<Attempt> | undefined;

function attempt(): Promise<Attempt> {
  attempted ??= load();
  return attempted;
}

async function load(): Promise<Attempt> {
  try {
    const { tryLock, trim } = await import('fs-native-extensions');
    return { native: { tryLock, trim } };
  } catch (cause) {
    return { cause };
  }
}
