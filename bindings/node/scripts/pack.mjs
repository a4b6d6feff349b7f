/**
 * Packs libnim, and the package with the library for this machine, into out/. With --all: those for
 * every platform, whose libraries must have been built (../../dist); this is for a release.
 *
 * libnim names these packages as optional dependencies of its own version: npm installs the one for the
 * machine, without a script that downloads.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('..', import.meta.url));
const root = path.resolve(here, '..', '..');
const out = path.join(here, 'out');
const version = fs.readFileSync(path.join(root, 'VERSION'), 'utf8').trim();

/** [platform of Node, architecture of Node, directory below dist, file, C library] */
const platforms = [
  ['linux', 'x64', 'linux-amd64', 'libnim.so', 'glibc'],
  ['linux', 'arm64', 'linux-arm64', 'libnim.so', 'glibc'],
  ['win32', 'x64', 'windows-amd64', 'nim.dll'],
  ['win32', 'ia32', 'windows-386', 'nim.dll'],
  ['darwin', 'x64', 'darwin-amd64', 'libnim.dylib'],
  ['darwin', 'arm64', 'darwin-arm64', 'libnim.dylib'],
];

function readJSON(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

function writeJSON(file, value) {
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Packs a directory and prints the name of the archive. */
function pack(directory) {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', directory, '--pack-destination', out, '--json', '--ignore-scripts'], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  console.log(path.join(out, filename));
}

function stage(name) {
  const directory = path.join(out, 'stage', name);
  fs.mkdirSync(directory, { recursive: true });
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(directory, 'LICENSE'));
  return directory;
}

/** Packs the library of one platform; gives the name of the package. */
function packPlatform([os, cpu, target, file, libc], license) {
  const library = path.join(root, 'dist', target, 'lib', file);
  if (!fs.existsSync(library)) {
    throw new Error(`${library} has not been built`);
  }
  const name = `@libnim/${os}-${cpu}`;
  const directory = stage(`${os}-${cpu}`);
  fs.copyFileSync(library, path.join(directory, file));
  fs.writeFileSync(path.join(directory, 'README.md'), `# ${name}\n\nThe library of the package libnim for ${os} on ${cpu}.\n`);
  writeJSON(path.join(directory, 'package.json'), {
    name,
    version,
    description: `The library of the package libnim for ${os} on ${cpu}`,
    license,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    files: [file],
    preferUnplugged: true,
  });
  pack(directory);
  return name;
}

const manifest = readJSON(path.join(here, 'package.json'));
if (manifest.version !== version) {
  throw new Error(`package.json says ${manifest.version}, VERSION says ${version}`);
}
if (!fs.existsSync(path.join(here, 'lib', 'index.js'))) {
  throw new Error('lib/ is missing: npm run build');
}
fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(out);
const all = process.argv.includes('--all');
const packed = platforms
  .filter(([os, cpu]) => all || (os === process.platform && cpu === process.arch))
  .map((platform) => packPlatform(platform, manifest.license));
const directory = stage('libnim');
fs.cpSync(path.join(here, 'lib'), path.join(directory, 'lib'), { recursive: true });
for (const file of ['README.md', 'README.zh-CN.md']) {
  fs.copyFileSync(path.join(here, file), path.join(directory, file));
}
const { scripts: _, devDependencies: __, ...published } = manifest;
writeJSON(path.join(directory, 'package.json'), {
  ...published,
  optionalDependencies: Object.fromEntries(packed.map((name) => [name, version])),
});
pack(directory);
fs.rmSync(path.join(out, 'stage'), { recursive: true });
