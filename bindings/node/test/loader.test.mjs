import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { getSDK, LibraryLoadError } from 'libnim';
import { Native } from 'libnim/native';
import { directory, products } from './support/nimd.mjs';
import { rejection } from './support/sdk.mjs';

const name = { win32: 'nim.dll', darwin: 'libnim.dylib' }[process.platform] ?? 'libnim.so';

function failureOf(libraryPath) {
  try {
    Native.load(libraryPath);
  } catch (e) {
    assert.ok(e instanceof LibraryLoadError);
    return e;
  }
  throw new Error('loaded');
}

test('a relative path is refused', () => {
  const e = failureOf('lib/libnim.so');
  assert.deepEqual(e.tried, [{ path: 'lib/libnim.so', error: 'the path is not absolute' }]);
});

test('a path without a file is named, and nothing else is tried', (t) => {
  const missing = path.join(directory(t), name);
  const e = failureOf(missing);
  assert.deepEqual(e.tried, [{ path: missing, error: 'no such file' }]);
  assert.ok(e.message.includes(`${missing}: no such file`));
  assert.ok(e.message.includes('LIBNIM_PATH'));
});

test('the reason of the system loader is told', (t) => {
  const dir = directory(t);
  fs.writeFileSync(path.join(dir, name), 'not a library');
  const e = failureOf(dir);
  assert.equal(e.tried[0].path, path.join(dir, name));
  assert.ok(e.tried[0].error.length > 0 && e.tried[0].error !== 'no such file', e.tried[0].error);
});

test('LIBNIM_PATH', (t) => {
  const missing = path.join(directory(t), 'elsewhere', name);
  process.env.LIBNIM_PATH = missing;
  t.after(() => delete process.env.LIBNIM_PATH);
  assert.equal(failureOf().tried[0].path, missing);
});

test('every place is listed where none is given', (t) => {
  const dir = directory(t);
  fs.cpSync(new URL('../lib', import.meta.url), path.join(dir, 'a', 'b', 'package', 'lib'), { recursive: true });
  fs.mkdirSync(path.join(dir, 'node_modules'));
  fs.symlinkSync(fileURLToPath(new URL('../node_modules/koffi', import.meta.url)), path.join(dir, 'node_modules/koffi'));
  const script = `try { require('./a/b/package/lib/native.js').Native.load() } catch (e) { console.log(JSON.stringify(e.tried)) }`;
  const { LIBNIM_PATH: _, ...env } = process.env;
  const tried = JSON.parse(execFileSync(process.execPath, ['-e', script], { cwd: dir, env }));
  assert.equal(tried[0].path, `@libnim/${process.platform}-${process.arch}`);
  assert.equal(tried[0].error, 'the package is not installed');
  assert.match(tried[1].path, new RegExp(`dist.*${name.replace('.', '\\.')}$`));
  assert.equal(tried[1].error, 'no such file');
});

test('the client rejects with the same error', async (t) => {
  const sdk = getSDK({ libraryPath: path.join(directory(t), name) });
  assert.ok((await rejection(sdk.login({ userID: 'alice', token: 'x' }))) instanceof LibraryLoadError);
  assert.equal(sdk.status, 0);
  assert.equal(sdk.userID, '');
});

test('a file beside an asar archive; then it stays loaded', (t) => {
  const dir = directory(t);
  const unpacked = path.join(dir, 'app.asar.unpacked', 'x');
  fs.mkdirSync(unpacked, { recursive: true });
  fs.symlinkSync(path.join(products, 'lib', name), path.join(unpacked, name));
  const native = Native.load(path.join(dir, 'app.asar', 'x', name));
  assert.equal(native.path, path.join(unpacked, name));
  assert.equal(Native.load(), native);
  assert.equal(native.fn.nimx_build_has('pull'), 1);
});
