import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { InstalledProject, manifest, run } from './installed.js';
import { fencedBlocks, page, sectionsOf } from './markdown.js';
import { root } from './sources.js';

const PUBLIC_FILE =
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/[A-Z_]+\.md|assets\/[^/]+|dist\/.+\.(js|js\.map|d\.ts))$/;
const ASSETS_BYTES_MAX = 300_000;

interface PackedFile {
  readonly path: string;
  readonly size: number;
}

describe('the packed package', () => {
  let files: PackedFile[] = [];
  const paths = (): string[] => files.map((file) => file.path);

  before(() => {
    const output = run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], root);
    files = (JSON.parse(output) as { files: PackedFile[] }[])[0].files;
  });

  it('holds nothing but what a user needs', () => {
    expect(paths().filter((file) => !PUBLIC_FILE.test(file) || /\btests?\b/.test(file))).to.deep.equal([]);
  });

  it('holds the readme, the licence, the changes, the code, its types, the command and a small image', () => {
    const expected = ['README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js'];
    expect(expected.filter((file) => !paths().includes(file))).to.deep.equal([]);
    const assets = files.filter((file) => file.path.startsWith('assets/'));
    expect(assets).to.not.be.empty;
    expect(assets.reduce((sum, file) => sum + file.size, 0)).to.be.below(ASSETS_BYTES_MAX);
  });

  it('holds the source maps that its code names, each with its sources inside', () => {
    const code = paths().filter((file) => file.endsWith('.js'));
    for (const file of code) {
      const name = /\/\/# sourceMappingURL=(.+)\s*$/.exec(readFileSync(path.join(root, file), 'utf8'))?.[1];
      if (name === undefined) continue;
      const map = path.posix.join(path.posix.dirname(file), name);
      expect(paths()).to.include(map);
      const { sources, sourcesContent } = JSON.parse(readFileSync(path.join(root, map), 'utf8')) as SourceMap;
      expect(
        sourcesContent?.map((content) => typeof content),
        map,
      ).to.deep.equal(sources.map(() => 'string'));
    }
    expect(paths().filter((file) => file.endsWith('.map') && !code.includes(file.slice(0, -4)))).to.deep.equal([]);
  });
});

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

describe('the package, installed into an empty project', () => {
  let project: InstalledProject;
  const entries = Object.entries(manifest.exports);

  before(() => {
    project = new InstalledProject(['@types/node']);
  });
  after(() => project?.remove());

  it('can be imported by every name in its exports', () => {
    const names = entries.map(([entry]) => path.posix.join(manifest.name, entry));
    const lines = names.map((name) =>
      name.endsWith('.json') ? `await import('${name}', { with: { type: 'json' } });` : `await import('${name}');`,
    );
    project.write('imports.mjs', lines.join('\n'));
    const { stderr, status } = project.node('--no-warnings', 'imports.mjs');
    expect(stderr).to.equal('');
    expect(status).to.equal(0);
  });

  it('has types for every name in its exports', () => {
    for (const [entry, target] of entries) {
      if (typeof target === 'string') continue;
      expect(existsSync(project.at(`node_modules/${manifest.name}/${target.types}`)), entry).to.equal(true);
    }
  });

  it('hides what its exports do not name', () => {
    project.write('inside.mjs', `await import('${manifest.name}/dist/index.js');`);
    expect(project.node('inside.mjs').stderr).to.include('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('has a command that runs, and that says which package the demo misses', () => {
    const command = project.at(`node_modules/.bin/${manifest.name}`);
    expect(project.node(command, '--help').status).to.equal(0);
    const demo = project.node(command, 'demo');
    expect(demo.status).to.not.equal(0);
    expect(demo.stderr).to.include('CACHETRAIL_MISSING_DEPENDENCY').and.include('ext2fs');
  });

  it('says which package the telemetry’s SDK misses', () => {
    project.write(
      'sdk.mjs',
      `import { startTelemetry } from '${manifest.name}/telemetry/sdk';\nawait startTelemetry();`,
    );
    const { stderr, status } = project.node('sdk.mjs');
    expect(status).to.not.equal(0);
    expect(stderr).to.include('CACHETRAIL_MISSING_DEPENDENCY').and.include('@opentelemetry/sdk-node');
  });

  it('compiles in a strict TypeScript project that checks its declarations too', () => {
    const names = entries
      .map(([entry]) => path.posix.join(manifest.name, entry))
      .filter((name) => !name.endsWith('.json'));
    project.write('consumer.ts', CONSUMER + names.map((name, at) => `export * as n${at} from '${name}';\n`).join(''));
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--exactOptionalPropertyTypes',
      '--types',
      'node',
    ];
    const modules = ['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable'];
    const { stdout, status } = project.node(tsc, ...options, ...modules, 'consumer.ts');
    expect(stdout).to.equal('');
    expect(status).to.equal(0);
  });

  it('runs the first program of the README, which prints what the README says', () => {
    const section = sectionsOf(page('README.md')).find(({ heading }) => heading === 'A first program');
    expect(section, 'README.md has a section "A first program"').to.not.equal(undefined);
    const [program] = fencedBlocks(section?.body ?? '', 'js');
    const [output] = fencedBlocks(section?.body ?? '', 'text');
    expect(program, 'a js block in that section').to.be.a('string');
    expect(output, 'a text block in that section').to.be.a('string');
    expect(program.trimEnd().split('\n').length, 'lines of the program').to.be.at.most(20);
    project.write('first.mjs', program);
    const { stdout, stderr, status } = project.node('first.mjs');
    expect(stderr).to.equal('');
    expect(stdout.trimEnd()).to.equal(output.trimEnd());
    expect(status).to.equal(0);
  });
});

const CONSUMER = `
import { openCache, type BlockCache, type CacheEvent, type CacheOptions } from 'cachetrail';
import { memoryDevice, type BlockDevice } from 'cachetrail/device';

const options: CacheOptions = { capacity: 64, mode: 'writeback' };
const device: BlockDevice = memoryDevice({ sizeBytes: 1024 * 1024 });
await using cache: BlockCache = await openCache(device, options);
cache.events$.subscribe((event: CacheEvent) => {
  if (event.type === 'written') console.log(event.block, event.count, event.generation);
  // @ts-${'expect'}-error: a type that no event has
  if (event.type === 'nothing') console.log(event);
});
const bytes: Uint8Array = await cache.read(0);
await cache.write(1, bytes);
await cache.flush();
`;
