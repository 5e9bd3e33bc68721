// Remakes assets/demo.ext4.gz, the file system that `cachetrail demo` works on: node scripts/make-image.mjs [FILE.gz]
//
// The same bytes come out every time: identifiers, times and the tree are fixed here, features and sizes are named
// instead of taken from the host's mke2fs.conf, and the tree is filled in sorted order by debugfs, because `mke2fs -d`
// takes over the host's order of directory entries and its change times. Needs mke2fs and debugfs (e2fsprogs; the shipped
// image was made with 1.47.0).
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const IMAGE_BYTES = 64 * 1024 * 1024;
const MADE_AT_S = 1_735_689_600; // 2025-01-01T00:00:00Z
const FEATURES =
  'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,' +
  'dir_nlink,extra_isize,metadata_csum';
const MKE2FS_OPTIONS = [
  ...['-q', '-F', '-t', 'ext4', '-L', 'cachetrail', '-b', '4096', '-I', '256', '-N', '4096', '-m', '0', '-J', 'size=4'],
  ...['-O', FEATURES, '-U', 'c0ffee00-0b10-4c4b-8c5e-cac4e7ae1100'],
  ...[
    '-E',
    'hash_seed=c0ffee00-0b10-4c4b-8c5e-cac4e7ae1101,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard',
  ],
];

/** What the image holds before the demo: enough to see that it leaves the files of others alone. */
const TREE = [
  { dir: 'data' },
  { dir: 'data/notes' },
  { file: 'data/notes/empty.txt', text: '' },
  { file: 'data/notes/lines.txt', text: numberedLines(4_000) },
  { file: 'data/notes/one-block.txt', text: numberedLines(200).slice(0, 4096) },
  { link: 'data/latest.txt', to: 'notes/lines.txt' },
  { dir: 'etc' },
  { file: 'etc/hostname', text: 'cachetrail\n' },
  { file: 'etc/motd', text: 'A small ext4 file system, made by mke2fs for cachetrail’s demo.\n' },
  { dir: 'var' },
  { dir: 'var/log' },
  { file: 'var/log/boot.log', text: numberedLines(900) },
];

const target = path.resolve(process.argv[2] ?? path.join(path.dirname(import.meta.dirname), 'assets', 'demo.ext4.gz'));
const work = mkdtempSync(path.join(tmpdir(), 'cachetrail-image-'));
try {
  writeFileSync(target, gzipSync(makeImage(work), { level: 9 }));
  process.stdout.write(`${target}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function makeImage(directory) {
  const image = path.join(directory, 'image');
  writeFileSync(image, '');
  truncateSync(image, IMAGE_BYTES);
  const config = path.join(directory, 'mke2fs.conf');
  writeFileSync(
    config,
    '[defaults]\n[fs_types]\n ext4 = {\n  inode_size = 256\n }\n small = {\n  inode_size = 256\n }\n',
  );
  run('mke2fs', [...MKE2FS_OPTIONS, image], { MKE2FS_CONFIG: config });
  const commands = path.join(directory, 'commands');
  writeFileSync(commands, TREE.map((entry, index) => commandOf(entry, directory, index)).join(''));
  run('debugfs', ['-w', '-f', commands, image], {});
  return readFileSync(image);
}

/** debugfs takes the mode from the file on the host, and cuts its commands at spaces: names here have none. */
function commandOf(entry, directory, index) {
  if (entry.dir) return `mkdir /${entry.dir}\n`;
  if (entry.link) return `symlink /${entry.link} ${entry.to}\n`;
  const source = path.join(directory, `source-${index}`);
  writeFileSync(source, entry.text);
  chmodSync(source, 0o644);
  return `write ${source} /${entry.file}\n`;
}

/** Both tools take their clock from this variable; PATH is widened because Debian keeps them out of a user's. */
function run(tool, args, env) {
  const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
  const fixed = { ...env, PATH, E2FSPROGS_FAKE_TIME: String(MADE_AT_S), LC_ALL: 'C', TZ: 'UTC' };
  const { status, error, stderr } = spawnSync(tool, args, { env: fixed, encoding: 'utf8' });
  // debugfs ends with 0 even if a command failed; its first line on stderr is its version.
  const complaints = (stderr ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('debugfs '));
  if (error || status !== 0 || complaints.length > 0) {
    throw new Error(`${tool} failed: ${error?.message ?? complaints.join('; ')}`);
  }
}

function numberedLines(count) {
  let text = '';
  for (let line = 1; line <= count; line++) text += `${line}: the quick brown block is written behind the lazy disk\n`;
  return text;
}
