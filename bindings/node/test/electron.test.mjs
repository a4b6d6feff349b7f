import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Status } from 'libnim';
import { initMain, preloadPath } from 'libnim/electron/main';
import { Device } from './support/device.mjs';
import { Nimd, directory, products } from './support/nimd.mjs';
import { MainStandIn, Page } from './support/page.mjs';
import { options, rejection } from './support/sdk.mjs';

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

  test('a page sends and receives messages', async (t) => {
    const page = Page.open(t, electron);
    const other = await Device.start(t, options(t, nimd));
    await other.call('login', { userID: 'bob', token: 'secret' });
    await page.sdk('login', { userID: 'alice', token: 'secret' });
    const { data: sent } = await page.sdk('sendMessage', { to: 'bob', text: 'from a page' });
    assert.equal((await other.until('messagesReceived')).data[0].message.client_msg_id, sent.client_msg_id);
    const text = await page.sdk('createTextMessage', { to: 'bob', conversationType: 'C2C', payload: { text: 'two' } });
    assert.equal((await page.sdk('sendMessage', text)).data.message.status, 'success');
    assert.equal((await page.sdk('createTextMessage', 'x')).data.sendID, 'alice');
    await other.call('sendMessage', { to: 'alice', text: 'to a page' });
    assert.equal((await page.call('until', 'messageReceived')).data[0].payload.text, 'to a page');
    assert.equal((await page.call('until', 'recvNewMessage')).data.textElem.content, 'to a page');
    assert.equal((await page.sdk('getHistory', { to: 'bob', limit: 10 })).data.length, 3);
    await page.close();
    assert.equal(sdk.listenerCount('messagesReceived'), 0);
    await other.call('sendMessage', { to: 'alice', text: 'no page' });
    const next = Page.open(t, electron);
    assert.equal((await next.call('until', 'messagesReceived')).data[0].message.msg_body, 'no page');
    await next.sdk('logout');
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

  /** A page that speaks the protocol itself: its messages to the main process, and the replies. */
  function bare(t, id, more = {}) {
    const replies = [];
    const waiting = new Set();
    const sender = {
      id,
      send: (_, m) => {
        replies.push(structuredClone(m));
        waiting.forEach((look) => look());
      },
      isDestroyed: () => false,
      once: (_, f) => t.after(f),
    };
    const say = (message) => electron.ipcMain.emit('libnim', { sender, ...more }, message);
    const reply = (match) =>
      new Promise((resolve) => {
        const look = () => {
          const found = replies.find(match);
          if (found !== undefined) {
            waiting.delete(look);
            resolve(found);
          }
        };
        waiting.add(look);
        look();
      });
    return { say, replies, reply };
  }

  test('a page that is loaded anew gets no answers of the one before', async (t) => {
    const { say, replies, reply } = bare(t, -2);
    say({ kind: 'hello' });
    say({ kind: 'call', id: 1, method: 'login', args: [{ userID: 'alice', token: 'secret' }] });
    say({ kind: 'hello' });
    say({ kind: 'call', id: 1, method: 'getLoginStatus', args: [] });
    await reply((m) => m.kind === 'event' && m.name === 'ready');
    const answer = await reply((m) => m.kind === 'result');
    assert.equal(typeof answer.value.data, 'number');
    await sdk.logout();
    assert.equal(replies.filter((m) => m.kind === 'result').length, 1);
  });

  test('a page that is loaded anew is not asked for tokens that the one before had', async (t) => {
    const { say, reply } = bare(t, -3);
    say({ kind: 'hello' });
    say({ kind: 'offerTokens', on: true });
    const asked = rejection(sdk.login({ userID: 'bob' }));
    await reply((m) => m.kind === 'askToken');
    say({ kind: 'hello' });
    assert.equal((await asked).errCode, 414); // no token came
    assert.equal((await rejection(sdk.login({ userID: 'bob' }))).errCode, 414);
  });

  test('a page that may not use the client is told so', async (t) => {
    refused = true;
    t.after(() => (refused = false));
    const page = Page.open(t, electron);
    const e = await rejection(page.sdk('login', { userID: 'alice', token: 'secret' }));
    assert.equal(e.errCode, 403);
    assert.equal(e.errName, 'forbidden');
    assert.equal(await page.sdk('status'), Status.LoggedOut);
    assert.equal(sdk.status, Status.LoggedOut);
  });

  test('a frame inside a page is not the page', (t) => {
    const frame = { url: 'https://elsewhere.example/', parent: { url: 'file:///index.html', parent: null } };
    const inner = bare(t, -4, { senderFrame: frame });
    inner.say({ kind: 'hello' });
    assert.deepEqual(inner.replies, []);
    const outer = bare(t, -4, { senderFrame: frame.parent });
    outer.say({ kind: 'hello' });
    assert.equal(outer.replies[0].kind, 'state');
  });

  test('what cannot be passed on is refused as every error is', async (t) => {
    const page = Page.open(t, electron);
    assert.equal(await page.call('loginWithFunction'), 414);
    assert.equal((await page.sdk('getLoginUser')).code, 0);
  });

  test('many pages', async (t) => {
    const warnings = [];
    const listen = (w) => warnings.push(w.message);
    process.on('warning', listen);
    t.after(() => process.off('warning', listen));
    for (let i = 0; i < 40; i++) {
      bare(t, -100 - i).say({ kind: 'hello' });
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(warnings, []);
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
