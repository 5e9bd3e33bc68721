// Starts a Jaeger with its storage in memory, on loopback, and stops it when it is told to. `--help` says how.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { jaegerBinary } from './jaeger-binary.mjs';

const HELP = `scripts/jaeger: a Jaeger to look at traces with

usage: scripts/jaeger [OPTIONS]

Finds a Jaeger 2 (JAEGER_BIN, the path, the cache folder) or builds it once with Go, starts it on loopback with its storage
in memory, says where it listens once it is healthy, and goes on until Ctrl-C.

  --free-ports   any free ports, instead of 4318 (OTLP over HTTP), 16686 (UI and query), 16685 and 13133
  --json         print the endpoints as one line of JSON
  --with-stdin   end when stdin does, so that no Jaeger outlives the program that started it
  --path         only find or build it, and print where it is
  --no-build     fail where it would have to be built
`;

const HOST = '127.0.0.1';
const PORTS = { otlp: 4318, query: 16686, queryGrpc: 16685, health: 13133 };
const HEALTHY_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
const ASK_EVERY_MS = 100;
/** Between finding free ports and listening on them another program may take one. */
const STARTS_MAX = 3;

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
}

async function main() {
  const flag = { type: 'boolean', default: false };
  const options = { help: flag, 'free-ports': flag, json: flag, 'with-stdin': flag, path: flag, 'no-build': flag };
  const { values } = parseArgs({ options, strict: true });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { file, origin } = await jaegerBinary({ build: !values['no-build'] });
  if (values.path) {
    process.stdout.write(`${file}\n`);
    return 0;
  }
  process.stderr.write(`Jaeger: ${file} (${origin})\n`);
  const stop = stopSignal(values['with-stdin']);
  const { child, ports } = await started(file, values['free-ports'] ? STARTS_MAX : 1, values['free-ports'], stop);
  if (!stop.aborted) announce(ports, values.json);
  return await untilStopped(child, stop);
}

/** Aborts on the first signal, or where stdin ends. */
function stopSignal(withStdin) {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => controller.abort());
  if (withStdin) process.stdin.on('end', () => controller.abort()).resume();
  return controller.signal;
}

async function started(file, tries, free, stop) {
  const ports = free ? await freePorts() : PORTS;
  const env = { ...process.env, OTEL_TRACES_SAMPLER: 'always_off' };
  const child = spawn(file, [`--config=yaml:${JSON.stringify(configuration(ports))}`], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-2000);
    });
  }
  try {
    await once(child, 'spawn');
    await healthy(child, ports.health, stop);
    return { child, ports };
  } catch (error) {
    await ended(child);
    if (tries > 1 && !stop.aborted) return await started(file, tries - 1, free, stop);
    throw new Error(`Jaeger did not start: ${error.message}\n${said.trim()}`);
  }
}

/** No grpc receiver and no telemetry of its own: it takes only the ports that are named. JSON is YAML too. */
function configuration(ports) {
  const at = (port) => ({ endpoint: `${HOST}:${port}` });
  return {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query', 'healthcheckv2'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: {
        resource: { 'service.name': 'jaeger' },
        metrics: { level: 'none' },
        logs: { level: 'warn' },
      },
    },
    extensions: {
      jaeger_query: {
        storage: { traces: 'memory' },
        enable_tracing: false,
        http: at(ports.query),
        grpc: at(ports.queryGrpc),
      },
      jaeger_storage: { backends: { memory: { memory: { max_traces: 100_000 } } } },
      healthcheckv2: { use_v2: true, http: at(ports.health) },
    },
    receivers: { otlp: { protocols: { http: at(ports.otlp) } } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
  };
}

async function freePorts() {
  const servers = await Promise.all(Object.keys(PORTS).map(() => listening()));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.fromEntries(Object.keys(PORTS).map((name, index) => [name, ports[index]]));
}

async function listening() {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  return server;
}

async function healthy(child, port, stop) {
  const deadline = performance.now() + HEALTHY_MS_MAX;
  while (!stop.aborted) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it has ended');
    if (await isHealthy(port)) return;
    if (performance.now() > deadline) throw new Error(`it was not healthy within ${HEALTHY_MS_MAX / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

async function isHealthy(port) {
  try {
    const response = await fetch(`http://${HOST}:${port}/status`, { signal: AbortSignal.timeout(1000) });
    return response.ok && (await response.json()).healthy === true;
  } catch {
    return false;
  }
}

function announce({ otlp, query, health }, json) {
  const endpoints = {
    otlp: `http://${HOST}:${otlp}`,
    query: `http://${HOST}:${query}`,
    health: `http://${HOST}:${health}/status`,
  };
  const lines = [
    `OTLP over HTTP  ${endpoints.otlp}`,
    `UI and query    ${endpoints.query}`,
    `health          ${endpoints.health}`,
  ];
  process.stdout.write(json ? `${JSON.stringify(endpoints)}\n` : `${lines.join('\n')}\n`);
}

async function untilStopped(child, stop) {
  if (!stop.aborted) {
    await Promise.race([once(child, 'exit'), once(stop, 'abort')]);
  }
  const byItself = child.exitCode !== null || child.signalCode !== null;
  await ended(child);
  process.stdin.destroy();
  if (byItself && !stop.aborted) throw new Error(`Jaeger has ended by itself (${child.exitCode ?? child.signalCode})`);
  return 0;
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await exit;
  clearTimeout(kill);
}
