import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Status } from 'libnim';
import { Nimd } from './support/nimd.mjs';
import { Path } from './support/path.mjs';
import { client, Recorder, rejection } from './support/sdk.mjs';

describe('recovery', () => {
  let nimd;
  let accounts = 0;
  before(async () => {
    nimd = await Nimd.start();
  });
  after(() => nimd.stop());

  async function account() {
    const name = `user-${++accounts}`;
    await nimd.addAccount(name);
    return name;
  }

  test('the line is cut: the library logs in again by itself', async (t) => {
    const userID = await account();
    const path = await Path.open(t, nimd.port);
    const sdk = await client(t, nimd, { link: path.link });
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' });
    await seen.until('ready');
    const from = seen.events.length;
    path.close();
    await seen.until('notReady', { from });
    await seen.until('retryIn', { from });
    assert.equal(sdk.status, Status.Reconnecting);
    assert.equal(sdk.userID, userID);
    assert.equal((await sdk.getLoginStatus()).data, 1);
    const failed = await seen.until('connectFailed', { from });
    assert.ok(failed.errCode > 0 && failed.errMsg.length > 0);
    await seen.until('relogin', { from, match: (e) => e.data.retrying && e.errCode !== 0 });
    path.open();
    await seen.until('relogin', { from, match: (e) => e.errCode === 0 });
    await seen.until('ready', { from });
    const names = seen.names.slice(from);
    for (const [first, second] of [['disconnected', 'notReady'], ['notReady', 'retryIn'], ['retryIn', 'connecting'], ['connecting', 'ready']]) {
      assert.ok(names.indexOf(first) < names.indexOf(second), `${first} before ${second}: ${names.join(' ')}`);
    }
    assert.equal(sdk.status, Status.Online);
    assert.equal((await sdk.diagnostics()).data.reconnects, 1);
  });

  test('relogin by hand, pause and resume', async (t) => {
    const userID = await account();
    const path = await Path.open(t, nimd.port);
    const sdk = await client(t, nimd, { link: path.link });
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' });
    await seen.until('ready');
    await sdk.relogin(); // online: nothing to do
    let from = seen.events.length;
    path.close();
    await seen.until('disconnected', { from });
    path.open();
    await sdk.relogin();
    assert.equal(sdk.status, Status.Online);

    await sdk.pause();
    assert.equal(sdk.status, Status.Paused);
    await sdk.networkChanged();
    from = seen.events.length;
    await sdk.resume();
    await seen.until('ready', { from });
  });

  test('relogin is cancelled by logout', async (t) => {
    const userID = await account();
    const path = await Path.open(t, nimd.port);
    const sdk = await client(t, nimd, { link: path.link });
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' });
    path.close();
    await seen.until('disconnected');
    const relogin = rejection(sdk.relogin());
    await sdk.logout();
    assert.equal((await relogin).errCode, 21002);
  });

  test('the first login of an unreachable server ends, with every attempt told', async (t) => {
    const path = await Path.open(t, nimd.port);
    path.close();
    const sdk = await client(t, nimd, { link: path.link, loginTimeout: 1500 });
    const seen = new Recorder(sdk);
    const e = await rejection(sdk.login({ userID: 'alice', token: 'secret' }));
    assert.equal(e.domain, 'network');
    assert.equal(e.retryable, true);
    assert.ok(seen.events.some((x) => x.name === 'loginStep' && x.event.data.retrying));
    assert.equal(sdk.status, Status.LoggedOut);
  });

  test('token renewal in place', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd);
    await sdk.login({ userID, token: nimd.dynamicToken(userID, 600), authType: 1 });
    const r = await sdk.renewToken(nimd.dynamicToken(userID, 1200));
    assert.ok(Math.abs(r.data.expiresAt - Date.now() - 1_200_000) < 10_000);
    assert.equal((await rejection(sdk.renewToken('not-a-token'))).errCode, 302);
    assert.equal(sdk.status, Status.Online);
  });

  test('a provider gives the token of a login, and of a relogin', async (t) => {
    const userID = await account();
    const path = await Path.open(t, nimd.port);
    const asked = [];
    const sdk = await client(t, nimd, {
      link: path.link,
      onTokenRequest: (request) => {
        asked.push(request.reason);
        assert.equal(request.account, userID);
        return nimd.dynamicToken(userID, 600);
      },
    });
    const seen = new Recorder(sdk);
    await sdk.login({ userID, authType: 1 });
    await seen.until('ready');
    const from = seen.events.length;
    path.cut();
    await seen.until('ready', { from });
    assert.deepEqual(asked, ['login', 'relogin']);
  });

  test('a token runs out while online; a promise for a new one saves the session', async (t) => {
    const userID = await account();
    const path = await Path.open(t, nimd.port);
    const sdk = await client(t, nimd, {
      link: path.link,
      onTokenRequest: async () => nimd.dynamicToken(userID, 600),
    });
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: nimd.dynamicToken(userID, 1), authType: 1 });
    await seen.until('userTokenExpired');
    const from = seen.events.length;
    path.cut();
    await seen.until('ready', { from });
    assert.equal(sdk.status, Status.Online);
    assert.equal(seen.names.includes('kickedOut'), false);
  });

  test('a token runs out and no new one comes', async (t) => {
    const userID = await account();
    const path = await Path.open(t, nimd.port);
    const sdk = await client(t, nimd, { link: path.link });
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: nimd.dynamicToken(userID, 1), authType: 1 });
    await seen.until('userTokenExpired');
    path.cut();
    const kicked = await seen.until('kickedOut');
    assert.equal(kicked.data.type, 'userSigExpired');
    assert.equal(sdk.status, Status.GaveUp);
    const e = await rejection(sdk.relogin());
    assert.equal(e.errName, 'token_expired');
    assert.equal(e.code, 70001);
    await sdk.login({ userID, userSig: 'secret' });
    assert.equal(sdk.status, Status.Online);
  });

  test('a provider that fails', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd, { onTokenRequest: () => Promise.reject(new Error('no token today')) });
    assert.match((await rejection(sdk.login({ userID }))).message, /no token today/);
    sdk.setTokenProvider(() => undefined);
    assert.equal((await rejection(sdk.login({ userID }))).errCode, 414);
  });
});
