/** The packages as a program gets them: packed, installed into a project of its own, used as the README says. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Nimd, directory } from './support/nimd.mjs';

const exec = promisify(execFile);
const here = fileURLToPath(new URL('..', import.meta.url));

/** The code blocks of a README: [language, text]. */
function blocks(file) {
  const text = fs.readFileSync(path.join(here, file), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((m) => [m[1], m[2]]);
}

describe('packages', () => {
  const cleanUps = [];
  let project;
  let nimd;
  before(async () => {
    nimd = await Nimd.start();
    project = directory({ after: (f) => cleanUps.push(f) });
    const { stdout } = await exec(process.execPath, [path.join(here, 'scripts', 'pack.mjs')]);
    const archives = stdout.trim().split('\n');
    assert.equal(archives.length, 2, stdout);
    await npm('init', '-y');
    await npm('install', '--prefer-offline', ...archives);
    const own = JSON.parse(fs.readFileSync(path.join(here, 'package.json'), 'utf8')).devDependencies;
    await npm('install', '--prefer-offline', '--save-dev', `typescript@${own.typescript}`, `@types/node@${own['@types/node']}`);
  });
  const npm = (...args) => exec('npm', [...args, '--no-fund', '--no-audit', '--loglevel=error'], { cwd: project });
  after(async () => {
    await nimd.stop();
    cleanUps.forEach((f) => f());
  });

  const node = (...args) => {
    const { LIBNIM_PATH: _, ...env } = process.env;
    return exec(process.execPath, args, { cwd: project, env: { ...env, HOME: project, XDG_DATA_HOME: '', XDG_CONFIG_HOME: '' } });
  };
  const tsc = (...args) =>
    node('node_modules/typescript/bin/tsc', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', ...args);

  test('the library comes from the package of the platform', async () => {
    const script = `console.log(require('libnim/native').Native.load().path)`;
    const { stdout } = await node('-e', script);
    assert.ok(stdout.includes(path.join('node_modules', '@libnim', `${process.platform}-${process.arch}`)), stdout);
  });

  test('nothing runs at installation', () => {
    for (const name of ['libnim', `@libnim/${process.platform}-${process.arch}`]) {
      const manifest = JSON.parse(fs.readFileSync(path.join(project, 'node_modules', name, 'package.json'), 'utf8'));
      assert.equal(manifest.scripts, undefined);
    }
  });

  test('the program of the README', async () => {
    await nimd.addAccount('alice');
    await nimd.addAccount('bob');
    const [, program] = blocks('README.md').find(([language]) => language === 'ts');
    fs.writeFileSync(path.join(project, 'chat.mts'), program);
    await tsc('chat.mts');
    const run = (...args) => node('chat.mjs', nimd.link, nimd.ready.app_key, ...args);
    const good = await run('alice', 'secret', 'bob', 'hello, bob');
    assert.equal(good.stderr, '');
    assert.match(good.stdout, /^connecting\nlogged in as alice, other devices: 0\nconnected\nthe server has it, id [0-9a-f]{32}\n$/);
    assert.match((await run('bob', 'secret')).stdout, /^connecting\nlogged in as bob, other devices: 0\nconnected\nalice: hello, bob\n$/);
    assert.match((await run('alice', 'not-the-token')).stdout, /failed: 302 /);
  });

  test('the Electron programs of the README have the right types', async () => {
    const [main, page, guarded] = blocks('README.md').filter(([language]) => language === 'ts').slice(1);
    fs.writeFileSync(path.join(project, 'main.mts'), main[1]);
    fs.writeFileSync(path.join(project, 'page.mts'), page[1]);
    fs.writeFileSync(path.join(project, 'guarded.mts'), guarded[1]);
    const electron = `declare module 'electron' {
      export const app: { whenReady(): Promise<void> };
      export class BrowserWindow { constructor(o: object); loadFile(f: string): Promise<void> }
    }`;
    fs.writeFileSync(path.join(project, 'electron.d.ts'), electron);
    await tsc('--noEmit', 'main.mts', 'page.mts', 'guarded.mts', 'electron.d.ts');
  });

  test('the types say no to what is wrong', async () => {
    fs.copyFileSync(path.join(here, 'test', 'types.mts'), path.join(project, 'types.mts'));
    await tsc('--noEmit', '--exactOptionalPropertyTypes', 'types.mts');
  });

  test('every module system and resolution finds the types', async () => {
    fs.copyFileSync(path.join(here, 'test', 'types.mts'), path.join(project, 'types.mts'));
    const cjs = `import { getSDK } from 'libnim'; import { initMain } from 'libnim/electron/main'; import { Native } from 'libnim/native';
      export const used: string = [getSDK().version, initMain().uuid(), Native.load().path].join();`;
    fs.writeFileSync(path.join(project, 'common.cts'), cjs);
    for (const [module, resolution] of [['node16', 'node16'], ['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
      await tsc('--noEmit', '--module', module, '--moduleResolution', resolution, 'types.mts', 'common.cts');
    }
  });

  test('the types fit other versions of the types of Node', async () => {
    fs.copyFileSync(path.join(here, 'test', 'types.mts'), path.join(project, 'types.mts'));
    for (const version of ['18', '26']) {
      await npm('install', '--prefer-offline', '--save-dev', `@types/node@${version}`);
      await tsc('--noEmit', 'types.mts');
    }
  });
});

test('the two READMEs keep step', () => {
  const parts = (file) => {
    const text = fs.readFileSync(path.join(here, file), 'utf8');
    const lines = text.replace(/^```[\s\S]*?^```$/gm, '').split('\n');
    return {
      headings: lines.filter((l) => /^#+ /.test(l)).map((l) => l.match(/^#+/)[0]),
      rows: lines.filter((l) => l.startsWith('|')).length,
      names: [...new Set(text.replace(/^```[\s\S]*?^```$/gm, '').match(/`[^`\n]+`/g))].sort(),
    };
  };
  assert.deepEqual(blocks('README.zh-CN.md'), blocks('README.md'));
  assert.deepEqual(parts('README.zh-CN.md'), parts('README.md'));
});
