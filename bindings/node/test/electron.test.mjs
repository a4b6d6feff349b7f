import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Status } from 'libnim';
import { initMain, preloadPath } from 'libnim/electron/main';
import { Nimd, directory, products } from './support/nimd.mjs';
import { MainStandIn, Page } from './support/page.mjs';
import { rejection } from './support/sdk.mjs';

describe('electron, over a channel between two processes', () => {
  let nimd;
  let sdk;
  let electron;
  let refused = false;
  const cleanUps = [];
  before(async () => {
    nimd = await Nimd.start();
    await nimd.addAccount('alice', 'secret', { name: 'Alice' });
    await nimd.addAccount('bob');
    electron = new MainStandIn(directory({ after: (f) => cleanUps.push(f) }));
    sdk = initMain({
      electron,
      allow: () => !refused,
      link: nimd.link,
      appKey: nimd.ready.app_key,
      libraryPath: path.join(products, 'lib'),
    });
  });
  after(async () => {
    await sdk.destroy();
    await nimd.stop();
    cleanUps.forEach((f) => f());
  });

  test('a page has the same client', async (t) => {
    const page = Page.open(t, electron);
    const r = await page.sdk('login', { userID: 'alice', token: 'secret' }, 'from-a-page');
    assert.equal(r.errCode, 0);
    assert.equal(r.operationID, 'from-a-page');
    assert.equal(r.data.nickname, 'Alice');
    const ready = await page.call('until', 'ready');
    assert.equal(ready.operationID, 'from-a-page');
    assert.equal(await page.sdk('status'), Status.Online);
    assert.equal(await page.sdk('userID'), 'alice');
    assert.equal(await page.sdk('version'), sdk.version);
    assert.equal(sdk.userID, 'alice');
    assert.equal((await page.sdk('getLoginUser')).data, 'alice');
    assert.equal((await page.sdk('getLoginStatus')).data, 1);
    assert.equal(await page.sdk('asyncApi', 'getLoginUserID', 'op'), 'alice');
    assert.match(await page.sdk('uuid'), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.deepEqual((await page.call('names')).filter((n) => !['loginStep', 'dataSync'].includes(n)), [
      'connecting', 'connected', 'connectSuccess', 'ready',
    ]);
    await page.sdk('logout');
    await page.call('until', 'closed');
    assert.equal(await page.sdk('status'), Status.LoggedOut);
  });

  test('an answer comes before the events that it causes', async (t) => {
    const page = Page.open(t, electron);
    await page.call('loginThenMark', { userID: 'alice', token: 'secret' });
    await page.call('until', 'ready');
    const names = await page.call('names');
    assert.ok(names.indexOf('login resolved') < names.indexOf('ready'), names.join(' '));
    await page.sdk('logout');
  });

  test('errors keep what they are', async (t) => {
    const page = Page.open(t, electron);
    const e = await rejection(page.sdk('login', { userID: 'alice', token: 'not-the-token' }));
    assert.equal(e.errCode, 302);
    assert.equal(e.code, 70003);
    assert.equal(e.errName, 'token_invalid');
    assert.equal(await page.call('isNimError', 'kickOther', 'x'), true);
  });

  test('two pages share the session', async (t) => {
    const [one, two] = [Page.open(t, electron), Page.open(t, electron)];
    await two.sdk('getLoginStatus');
    await one.sdk('login', { userID: 'alice', userSig: 'secret' });
    await two.call('until', 'ready');
    assert.equal(await two.sdk('userID'), 'alice');
    await nimd.kick('alice', 'out');
    assert.equal((await one.call('until', 'kickedOut')).data.type, 'restApi');
    assert.equal((await two.call('until', 'kickedOut')).data.type, 'restApi');
    await one.close();
    await two.sdk('login', { userID: 'bob', token: 'secret' });
    await two.sdk('logout');
    assert.equal(sdk.listenerCount('ready'), 1);
  });

  test('a page gives tokens', async (t) => {
    const page = Page.open(t, electron);
    await page.call('offer', 'secret');
    const r = await page.sdk('login', { userID: 'bob' });
    assert.equal(r.data.userID, 'bob');
    assert.deepEqual(await page.call('asked'), ['login']);
    await page.sdk('logout');
    await page.close();
    assert.equal((await rejection(sdk.login({ userID: 'bob' }))).errCode, 414);
  });

  test('a page cannot name files, nor call what is not offered', async (t) => {
    const page = Page.open(t, electron);
    await page.sdk('init', { libraryPath: '/no/such/library.so', dataDir: '/no/such/directory', init: { nimx: { ca_file: '/x' } } });
    assert.equal((await page.sdk('login', { userID: 'alice', token: 'secret' })).data.userID, 'alice');
    await page.sdk('logout');
    const replies = [];
    const sender = { id: -1, send: (_, m) => replies.push(m), isDestroyed: () => false, once: (_, f) => t.after(f) };
    for (const message of [null, 'x', {}, { kind: 'call', id: 1, method: 'configure', args: [{}] },
      { kind: 'call', id: 1, method: 'constructor', args: [] }, { kind: 'call', id: 1, method: 'login' }, { kind: 'token', id: 9 }]) {
      electron.ipcMain.emit('libnim', { sender }, message);
    }
    assert.deepEqual(replies, []);
    refused = true;
    t.after(() => (refused = false));
    electron.ipcMain.emit('libnim', { sender }, { kind: 'hello' });
    assert.deepEqual(replies, []);
    refused = false;
    electron.ipcMain.emit('libnim', { sender }, { kind: 'hello' });
    assert.equal(replies[0].kind, 'state');
  });

  test('what a page loads needs no Node', async (t) => {
    const page = Page.open(t, electron);
    const modules = (file) =>
      [...fs.readFileSync(file, 'utf8').matchAll(/require\(['"]([^.'"][^'"]*)['"]\)/g)].map((m) => m[1]);
    const loaded = await page.call('loaded');
    assert.ok(loaded.length > 3);
    assert.deepEqual(loaded.flatMap(modules), []);
    assert.deepEqual(modules(preloadPath), ['electron']);
    assert.ok(path.isAbsolute(preloadPath));
  });

  test('a machine that wakes', async () => {
    await electron.app.whenReady();
    electron.powerMonitor.emit('resume');
    await sdk.init();
    electron.powerMonitor.emit('resume');
    assert.equal((await sdk.networkChanged()).code, 0);
  });
});
