/** The session against a double of an OpenIM deployment, as OpenIM's programs call it. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CbEvents, getSDK } from 'libnim';
import { directory, products } from './support/nimd.mjs';
import { Recorder, rejection } from './support/sdk.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const platformID = 7;

describe('openim', () => {
  const cleanUps = [];
  let fake;
  let ready;
  before(async () => {
    const dir = directory({ after: (f) => cleanUps.push(f) });
    const binary = path.join(dir, 'openimfake');
    execFileSync('go', ['build', '-o', binary, './tests/openimfake/cmd/openimfake'], { cwd: root });
    fake = spawn(binary, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    ready = JSON.parse(await new Promise((resolve) => createInterface(fake.stdout).once('line', resolve)));
  });
  after(async () => {
    await getSDK().destroy();
    const exited = new Promise((resolve) => fake.once('exit', resolve));
    fake.stdin.end();
    await exited;
    cleanUps.forEach((f) => f());
  });

  async function post(call, token, body) {
    const answer = await fetch(ready.api_addr + call, {
      method: 'POST',
      headers: { token, operationID: 'test', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { errCode, errMsg, data } = await answer.json();
    assert.equal(errCode, 0, errMsg);
    return data;
  }

  const tokenOf = async (userID) => (await post('/auth/get_user_token', ready.admin_token, { userID, platformID })).token;

  function client(t) {
    const sdk = getSDK({ dataDir: directory(t), libraryPath: path.join(products, 'lib') });
    sdk.removeAllListeners();
    t.after(() => sdk.destroy());
    return sdk;
  }

  test('login, onConnectSuccess, logout', async (t) => {
    const IMSDK = client(t);
    const seen = new Recorder(IMSDK);
    const config = { userID: 'alice', token: await tokenOf('alice'), platformID, apiAddr: ready.api_addr, wsAddr: ready.ws_addr };
    const { errCode, data } = await IMSDK.login(config, IMSDK.uuid());
    assert.equal(errCode, 0);
    assert.equal(data.userID, 'alice');
    assert.equal(data.nickname, 'Alice');
    await seen.until(CbEvents.OnConnecting);
    await seen.until(CbEvents.OnConnectSuccess);
    assert.equal((await IMSDK.capabilities()).data.backend, 'openim');
    assert.equal((await IMSDK.getLoginUserID()).data, 'alice');
    await IMSDK.logout();
  });

  test('a profile that comes after the login', async (t) => {
    const IMSDK = client(t);
    const seen = new Recorder(IMSDK);
    const token = await tokenOf('alice');
    await fetch(`${ready.api_addr}/fake/faults?slow_api=1`);
    const { data } = await IMSDK.login({ userID: 'alice', token, platformID, apiAddr: ready.api_addr, wsAddr: ready.ws_addr });
    assert.equal(data.nickname, '');
    await fetch(`${ready.api_addr}/fake/faults`);
    const late = await seen.until(CbEvents.OnSelfInfoUpdated);
    assert.equal(late.data.userID, 'alice');
    assert.equal(late.data.nickname, 'Alice');
  });

  test('a wrong token', async (t) => {
    const IMSDK = client(t);
    const config = { userID: 'alice', token: 'not-a-token', platformID, apiAddr: ready.api_addr, wsAddr: ready.ws_addr };
    const { errCode, errMsg, domain } = await rejection(IMSDK.login(config));
    assert.equal(errCode, 302);
    assert.equal(domain, 'auth');
    assert.ok(errMsg.length > 0);
  });

  test('kicked by the administrator', async (t) => {
    const IMSDK = client(t);
    const seen = new Recorder(IMSDK);
    await IMSDK.login({ userID: 'bob', token: await tokenOf('bob'), platformID, apiAddr: ready.api_addr, wsAddr: ready.ws_addr });
    await seen.until(CbEvents.OnConnectSuccess);
    await post('/auth/force_logout', ready.admin_token, { userID: 'bob', platformID });
    await seen.until(CbEvents.OnKickedOffline);
    assert.equal(IMSDK.userID, '');
  });
});
