/** A Prometheus on loopback, with its data in a folder, that scrapes one target every second. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const START_MS_MAX = 60_000;

/** The program that `PROMETHEUS_BIN` names, or the one on the path; null where there is none. */
export function prometheusBinary(): string | null {
  const given = process.env['PROMETHEUS_BIN'] ?? '';
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const candidates = given === '' ? folders.map((folder) => path.join(folder, 'prometheus')) : [given];
  return candidates.find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

export class Prometheus {
  readonly #child: ChildProcess;
  readonly #address: string;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.#address = address;
  }

  /** Rejects, with what it printed, if it ends or is not ready in time. */
  static async start(binary: string, folder: string, target: string): Promise<Prometheus> {
    const config = path.join(folder, 'prometheus.yml');
    const job = `{ job_name: cachetrail, static_configs: [{ targets: ['${target}'] }] }`;
    fs.writeFileSync(config, `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs: [${job}]\n`);
    const address = `127.0.0.1:${await freePort()}`;
    const data = path.join(folder, 'prometheus');
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${address}`];
    const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    child.on('error', (error) => {
      printed += error.message;
    });
    for (let waited = 0; waited < START_MS_MAX && child.exitCode === null; waited += 100) {
      if (await isReady(address)) return new Prometheus(child, address);
      await wait(100);
    }
    child.kill('SIGKILL');
    throw new Error(`${binary} is not ready: ${printed}`);
  }

  async query(expression: string): Promise<Sample[]> {
    const response = await fetch(`http://${this.#address}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { status, error, data } = (await response.json()) as Answer;
    if (status !== 'success' || data === undefined) throw new Error(`${expression}: ${error}`);
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

async function isReady(address: string): Promise<boolean> {
  return fetch(`http://${address}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
