import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './sources.js';

export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export const manifest = manifestIn(root);

/** A project outside the checkout with the packed package, its peers and `extra` installed, and nothing else. */
export class InstalledProject {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-package-'));

  constructor(extra: readonly string[]) {
    this.write('package.json', '{ "private": true, "type": "module" }\n');
    const { name, version } = manifest;
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', this.folder], root);
    const packages = closureOf([...requiredPeers(), ...Object.keys(manifest.dependencies ?? {}), ...extra]);
    // What else it needs comes packed from the checkout's node_modules: the versions of the lock file, no registry needed.
    const options = [
      '--prefix',
      this.folder,
      '--offline',
      '--install-links',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
    ];
    run('npm', ['install', ...options, `./${name}-${version}.tgz`, ...packages.map(installedAt)], this.folder);
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.folder, file), text);
  }

  /** Runs this Node in the project. */
  node(...args: string[]): SpawnSyncReturns<string> {
    return spawnSync(process.execPath, args, { cwd: this.folder, encoding: 'utf8' });
  }

  at(file: string): string {
    return path.join(this.folder, file);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a command that must succeed, and gives what it printed. */
export function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed (${status ?? error}): ${stderr}${stdout}`);
  return stdout;
}

function requiredPeers(): string[] {
  const peers = Object.keys(manifest.peerDependencies ?? {});
  return peers.filter((name) => manifest.peerDependenciesMeta?.[name]?.optional !== true);
}

/** The packages and all that they depend on. */
function closureOf(names: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    Object.keys(manifestIn(installedAt(name)).dependencies ?? {}).forEach(add);
  };
  names.forEach(add);
  return [...found];
}

function installedAt(name: string): string {
  const folder = path.join(root, 'node_modules', name);
  if (!existsSync(folder)) throw new Error(`${name} is not in node_modules: run npm ci`);
  return folder;
}

function manifestIn(folder: string): PackageJson {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as PackageJson;
}
