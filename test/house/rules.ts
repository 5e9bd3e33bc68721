import os from 'node:os';
import path from 'node:path';
import { functionBlocks } from './functions.js';
import { importsOf, lineAt, root, type Source } from './sources.js';

export interface Rule {
  /** A true sentence about sources that keep it. */
  readonly name: string;
  readonly findings: (source: Source) => string[];
  /** Sources that break it: what shows that the rule can fail. */
  readonly broken: readonly (readonly [path: string, text: string])[];
  /** Sources that look as if they broke it, and don't. */
  readonly kept: readonly (readonly [path: string, text: string])[];
}

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 500;
const lines = (count: number): string => 'x();\n'.repeat(count);

/** From the device up. A folder imports from itself and from those before it. */
const LAYERS = ['device', 'cache', 'streams', 'telemetry', 'adapters', 'testing', 'cli'];
/** The only files of the device layer that the closed core may see: plain values, no Node. */
const CORE_MAY_IMPORT = ['src/device/errors.ts', 'src/device/error-codes.ts', 'src/device/geometry.ts'];

export const RULES: readonly Rule[] = [
  {
    name: 'time comes from the clock seam alone',
    findings: (source) => {
      if (!inside(source, 'src') || inside(source, 'src/cli') || source.path === 'src/streams/clock.ts') return [];
      const timers = source.path === 'src/device/latency.ts' ? '' : '|setTimeout|setInterval|setImmediate';
      const pattern = `\\bDate\\.now\\b|\\bnew Date\\(\\)|\\bperformance\\b|\\bhrtime\\b|\\btimers\\b${timers}`;
      return matches(source, new RegExp(pattern, 'g'));
    },
    broken: [
      ['src/cache/a.ts', 'const at = Date.now();'],
      ['src/streams/a.ts', 'setTimeout(f, 1);'],
      ['src/device/a.ts', 'const t = process.hrtime.bigint();'],
      ['src/device/latency.ts', 'const t = performance.now();'],
      ['src/telemetry/a.ts', 'const text = `${new Date()}`;'],
    ],
    kept: [
      ['src/streams/clock.ts', 'setTimeout(f, 1);'],
      ['src/device/latency.ts', 'const wait = setTimeout;'],
      ['src/cache/a.ts', "// Date.now()\nconst name = 'setTimeout'; /* hrtime */"],
      ['src/streams/a.ts', 'clock.setTimer(1, f);'],
    ],
  },
  {
    name: 'chance comes from seeded generators alone',
    findings: (source) => matches(source, /\bMath\.random\b|\brandom(UUID|Bytes|Int)\b|\bgetRandomValues\b/g),
    broken: [['test/a.ts', 'const x = Math.random();']],
    kept: [['test/a.ts', 'const x = generator.random();']],
  },
  {
    name: 'the core imports only itself and three plain files of the device layer',
    findings: (source) => {
      if (!inside(source, 'src/cache')) return [];
      return importFindings(source, (_module, file) => {
        return file !== undefined && (file.startsWith('src/cache/') || CORE_MAY_IMPORT.includes(file));
      });
    },
    broken: [
      ['src/cache/a.ts', "import fs from 'node:fs';"],
      ['src/cache/a.ts', "import { Subject } from 'rxjs';"],
      ['src/cache/deep/a.ts', "export type { B } from '../../device/block-device.js';"],
      ['src/cache/a.ts', "const later = await import('../streams/clock.js');"],
    ],
    kept: [
      ['src/cache/a.ts', "import { assert } from '../device/errors.js';\nimport type { X } from './x.js';"],
      ['src/cache/a.ts', "/** import x from 'rxjs' */"],
    ],
  },
  {
    name: 'the core is synchronous and reads no environment',
    findings: (source) => {
      if (!inside(source, 'src/cache')) return [];
      return matches(
        source,
        /\b(async|await|Promise|globalThis|Buffer|queueMicrotask|fetch)\b|(?<![.\w])(process|console)\./g,
      );
    },
    broken: [
      ['src/cache/a.ts', 'export async function f() {}'],
      ['src/cache/a.ts', "if (process.env['X']) f();"],
      ['src/cache/a.ts', 'const bytes: Buffer = x;'],
    ],
    kept: [['src/cache/a.ts', 'batch.process.start(); // await it']],
  },
  {
    name: 'imports go down the layers',
    findings: (source) => importFindings(source, (_module, file) => file === undefined || mayImport(source.path, file)),
    broken: [
      ['src/device/a.ts', "import { x } from '../cache/x.js';"],
      ['src/streams/journal/a.ts', "import { x } from '../../telemetry/x.js';"],
      ['src/index.ts', "export * from './cli/main.js';"],
      ['src/cli/a.ts', "import { x } from '../index.js';"],
      ['src/cli/a.ts', "import { x } from '../../test/support/x.js';"],
    ],
    kept: [
      ['src/streams/a.ts', "import { x } from '../cache/x.js';\nimport { y } from '../device/y.js';"],
      ['src/index.ts', "export { x } from './streams/x.js';"],
      ['test/a.ts', "import { x } from '../src/cli/x.js';"],
    ],
  },
  {
    name: 'only the telemetry imports OpenTelemetry, and only its sdk.ts the SDK',
    findings: (source) => {
      if (!inside(source, 'src')) return [];
      return importFindings(source, (module) => {
        if (module === '@opentelemetry/api') return inside(source, 'src/telemetry');
        if (!module.startsWith('@opentelemetry/')) return true;
        return (
          source.path === 'src/telemetry/sdk.ts' || (inside(source, 'src/telemetry') && !module.includes('sdk-node'))
        );
      });
    },
    broken: [
      ['src/streams/a.ts', "import { trace } from '@opentelemetry/api';"],
      ['src/telemetry/a.ts', "import { NodeSDK } from '@opentelemetry/sdk-node';"],
    ],
    kept: [
      ['src/telemetry/a.ts', "import { trace } from '@opentelemetry/api';"],
      ['src/telemetry/sdk.ts', "import { NodeSDK } from '@opentelemetry/sdk-node';"],
    ],
  },
  {
    name: 'RxJS begins at the streams',
    findings: (source) => {
      if (!inside(source, 'src/device') && !inside(source, 'src/cache')) return [];
      return importFindings(source, (module) => !/^rxjs($|\/)/.test(module));
    },
    broken: [['src/device/a.ts', "import { map } from 'rxjs/operators';"]],
    kept: [['src/streams/a.ts', "import { map } from 'rxjs';"]],
  },
  {
    name: 'types are neither given up nor silenced',
    findings: (source) => [
      ...matches(source, /(?<![.\w])any\b(?!\s*[:(])/g),
      ...matches(source, /@ts-(?:ignore|nocheck|expect-error)|biome-ignore-(?:all)/g, source.text),
    ],
    broken: [
      ['src/a.ts', 'const x: any = 1;'],
      ['src/a.ts', 'const x = y as unknown as Map<string, any>;'],
      ['test/a.ts', `// @ts-${'ignore'}: says the sample\n`],
    ],
    kept: [['src/a.ts', 'const signal = AbortSignal.any([a, b]); // any of them']],
  },
  {
    name: 'no test is left out or run alone in its file',
    findings: (source) =>
      matches(source, /\b(?:it|test|specify|describe|context|suite)\.(?:only|skip)\(|\bx(?:it|describe)\(/g),
    broken: [
      ['test/a.ts', `it.${'only'}('does', () => {});`],
      ['test/a.ts', `describe.${'skip'}('a part', () => {});`],
    ],
    kept: [['test/a.ts', 'this.skip(); // it.only(']],
  },
  {
    name: `functions have at most ${FUNCTION_LINES_MAX} lines`,
    findings: (source) =>
      functionBlocks(source)
        .filter((block) => block.to - block.from + 1 > FUNCTION_LINES_MAX)
        .map(({ from, to, header }) => `${source.path}:${from}: ${to - from + 1} lines: ${header.split('\n')[0]}`),
    broken: [
      ['src/a.ts', `export function f(x: number): void {\n${lines(69)}}`],
      ['src/a.ts', `export function f(): { a: number } {\n${lines(69)}}`],
      ['src/a.ts', `class A extends B {\n  f(): Map<K, V> {\n${lines(69)}}\n${lines(40)}}`],
      ['src/a.ts', `const f = (x = {}) => {\n${lines(69)}};`],
      ['src/a.ts', `const o = {\n  f() {\n${lines(69)}},\n};`],
      ['test/a.ts', `describe('a', () => {\n  it(\`\${f({})} {\`, async () => {\n${lines(69)}});\n});`],
    ],
    kept: [
      ['src/a.ts', `export function f(x: number): void {\n${lines(68)}}`],
      ['src/a.ts', `class A extends B {\n${lines(100)}}`],
      ['src/a.ts', `export const TABLE = {\n${lines(100)}};`],
      ['src/a.ts', `export interface A {\n${lines(100)}}`],
      ['test/a.ts', `describe(\`of \${x}\`, () => {\n${lines(100)}});`],
    ],
  },
  {
    name: `files have at most ${FILE_LINES_MAX} lines`,
    findings: ({ path: file, text }) => {
      const count = text.trimEnd().split('\n').length;
      return count > FILE_LINES_MAX ? [`${file}: ${count} lines`] : [];
    },
    broken: [['src/a.ts', lines(FILE_LINES_MAX + 1)]],
    kept: [['src/a.ts', lines(FILE_LINES_MAX)]],
  },
  {
    name: 'no path of one machine is named',
    findings: (source) => [
      ...matches(source, /(?<![\w.$/}:-])\/(?:home|root|Users|mnt)\/\w/g, source.text),
      ...matches(source, /\b[A-Z]:\\\\?Users\b/g, source.text),
      ...[root, os.homedir()]
        .filter((place) => namedIn(source, place))
        .map((place) => `${source.path}: names ${place}`),
    ],
    broken: [
      ['scripts/a.mjs', `const image = '/${'home'}/me/disk.img';`],
      ['src/a.ts', `// as in ${path.join(root, 'x')}`],
    ],
    kept: [['src/a.ts', "import { x } from '../home/x.js';\nconst url = 'https://example.org/home/x';"]],
  },
];

function inside(source: Source, folder: string): boolean {
  return source.path.startsWith(`${folder}/`);
}

function matches(source: Source, pattern: RegExp, text = source.code): string[] {
  return [...text.matchAll(pattern)].map(({ index, 0: found }) => `${source.path}:${lineAt(text, index)}: ${found}`);
}

/** Imports that `allowed` does not let pass. `file` is the source file of a relative import. */
function importFindings(source: Source, allowed: (module: string, file: string | undefined) => boolean): string[] {
  return importsOf(source)
    .filter(({ module }) => !allowed(module, fileOf(source.path, module)))
    .map(({ module, index }) => `${source.path}:${lineAt(source.code, index)}: imports ${module}`);
}

function fileOf(importer: string, module: string): string | undefined {
  if (!module.startsWith('.')) return undefined;
  return path.posix.join(path.posix.dirname(importer), module).replace(/\.js$/, '.ts');
}

function mayImport(importer: string, file: string): boolean {
  if (!importer.startsWith('src/')) return true;
  const from = importer.split('/')[1];
  const [top, to] = file.split('/');
  if (top !== 'src') return false;
  if (from === 'index.ts') return to !== 'cli';
  return LAYERS.includes(to) && LAYERS.indexOf(to) <= LAYERS.indexOf(from);
}

/** A checkout or home directly below the root of the file system has a name too short to tell from a word. */
function namedIn({ text }: Source, place: string): boolean {
  return place.split(path.sep).length > 2 && text.includes(place);
}
