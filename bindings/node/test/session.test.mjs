import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { CbEvents, EVENT, getSDK, NimError, Status, TYPES } from 'libnim';
import { Device } from './support/device.mjs';
import { Nimd } from './support/nimd.mjs';
import { Path } from './support/path.mjs';
import { client, options, Recorder, rejection } from './support/sdk.mjs';

describe('session', () => {
  let nimd;
  let accounts = 0;
  before(async () => {
    nimd = await Nimd.start();
  });
  after(() => nimd.stop());

  async function account(more) {
    const name = `user-${++accounts}`;
    await nimd.addAccount(name, 'secret', more);
    return name;
  }

  test('login, in both vocabularies of results', async (t) => {
    const userID = await account({ name: 'Alice', icon: 'http://127.0.0.1/a.png', ex: '{}' });
    const sdk = await client(t, nimd);
    assert.equal(sdk.status, Status.LoggedOut);
    assert.equal((await sdk.getLoginUser()).data, '');
    const r = await sdk.login({ userID, token: 'secret' }, 'operation-1');
    assert.equal(r.code, 0);
    assert.equal(r.errCode, 0);
    assert.equal(r.operationID, 'operation-1');
    assert.deepEqual(r.data, {
      userID, nickname: 'Alice', faceURL: 'http://127.0.0.1/a.png', ex: '{}',
      deviceID: 'device-1', repeatLogin: false, errorInfo: '', otherClients: [],
    });
    assert.equal(sdk.status, Status.Online);
    assert.equal(sdk.userID, userID);
    assert.deepEqual(await sdk.getLoginUser(), { code: 0, errCode: 0, errMsg: '', data: userID, operationID: '' });
    assert.equal((await sdk.getLoginUserID()).data, userID);
    assert.match(sdk.version, /^\d+\.\d+\.\d+/);
    assert.equal((await sdk.capabilities()).data.backend, 'nim');
    assert.ok(Math.abs((await sdk.getServerTime()).data - Date.now()) < 5000);
    assert.ok(Math.abs((await sdk.getServerTime(true)).data - Date.now()) < 5000);
    const { data } = await sdk.diagnostics();
    assert.equal(data.account, userID);
    assert.equal(data.connected_endpoint, nimd.link);
    assert.equal(JSON.stringify(data).includes('secret'), false);
  });

  test('steps, and answers before the events that they cause', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd);
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' }, 'op');
    seen.mark('login resolved');
    await seen.until('dataSync');
    await sdk.logout();
    seen.mark('logout resolved');
    const names = seen.names.filter((name) => name !== 'dataSync');
    const steps = seen.events.filter((e) => e.name === 'loginStep').map((e) => e.event.data.step);
    assert.deepEqual(steps, [0, 1, 2]);
    assert.deepEqual(names.filter((name) => name !== 'loginStep'), [
      'connecting', 'connected', 'login resolved', 'connectSuccess', 'ready', 'notReady', 'closed', 'logout resolved',
    ]);
    assert.equal((await seen.until('ready')).operationID, 'op');
    assert.equal(sdk.status, Status.LoggedOut);
    assert.equal(sdk.userID, '');
  });

  test('a wrong token', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd);
    const e = await rejection(sdk.login({ userID, token: 'not-the-token' }));
    assert.ok(e instanceof NimError);
    assert.equal(e.errCode, 302);
    assert.equal(e.errName, 'token_invalid');
    assert.equal(e.code, 70003);
    assert.equal(e.openimCode, 1502);
    assert.equal(e.retryable, false);
    assert.ok(e.errMsg.length > 0);
    assert.equal(JSON.stringify(e).includes('not-the-token'), false);
    assert.equal(sdk.status, Status.LoggedOut);
    assert.equal((await rejection(sdk.login({ userID: 'no spaces', token: 'x' }))).errCode, 414);
  });

  test('login status in the numbers of each family', async (t) => {
    const userID = await account();
    for (const [statusNumbers, loggedIn, loggedOut] of [['tencent', 1, 3], ['tencent-rn', 0, 2], ['openim', 3, 1]]) {
      const sdk = await client(t, nimd, { statusNumbers });
      assert.equal((await sdk.getLoginStatus()).data, loggedOut);
      const login = sdk.login({ userID, token: 'secret' });
      await login;
      assert.equal((await sdk.getLoginStatus()).data, loggedIn);
    }
  });

  test('the same account again', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd);
    await sdk.login({ userID, userSig: 'secret' });
    const again = await sdk.login({ userID, userSig: 'secret' });
    assert.equal(again.data.repeatLogin, true);
    assert.ok(again.data.errorInfo.length > 0);
  });

  test('two logins at once', async (t) => {
    const userID = await account();
    const path = await Path.open(t, nimd.port);
    path.stall();
    const sdk = await client(t, nimd, { link: path.link });
    const first = sdk.login({ userID, token: 'secret' });
    assert.equal((await rejection(sdk.login({ userID, token: 'secret' }))).errCode, 21001);
    assert.equal((await sdk.getLoginStatus()).data, 2);
    path.open();
    assert.equal((await first).data.userID, userID);
  });

  test('account switch: refused for a token, done for a userSig', async (t) => {
    const [alice, bob] = [await account(), await account()];
    const sdk = await client(t, nimd);
    const seen = new Recorder(sdk);
    await sdk.login({ userID: alice, token: 'secret' });
    assert.equal((await rejection(sdk.login({ userID: bob, token: 'secret' }))).errCode, 20002);
    assert.equal(sdk.userID, alice);
    const from = seen.events.length;
    await sdk.login({ userID: bob, userSig: 'secret' });
    assert.equal(sdk.userID, bob);
    await seen.until('ready', { from });
    const names = seen.names.slice(from);
    assert.ok(names.indexOf('notReady') < names.indexOf('ready'), names.join(' '));
    await sdk.login({ account: alice, token: 'secret', switchAccount: true });
    assert.equal(sdk.userID, alice);
  });

  test('a second device: presence, and kick by the other device', async (t) => {
    const userID = await account();
    await nimd.setPolicy('all');
    t.after(() => nimd.setPolicy('class'));
    const sdk = await client(t, nimd);
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' });
    const other = await Device.start(t, options(t, nimd, { deviceID: 'device-2' }));
    const r = await other.call('login', { userID, token: 'secret', customTag: 'two' });
    assert.deepEqual(r.data.otherClients.map((c) => c.device_id), ['device-1']);
    const arrival = await seen.until('multispot');
    assert.equal(arrival.data.type, 'in');
    assert.deepEqual(arrival.data.devices.map((c) => [c.device_id, c.custom_tag]), [['device-2', 'two']]);

    const [gone, unknown] = await Promise.all([sdk.kickOther('device-2'), sdk.kickOther(['nobody'])]);
    assert.deepEqual(gone.data.deviceIDs, ['device-2']);
    assert.deepEqual(unknown.data.results, [{ device_id: 'nobody', err_code: 404 }]);
    const kicked = await other.until(EVENT.KICKED_OUT);
    assert.equal(kicked.data.type, TYPES.KICKED_OUT_MULT_DEVICE);
    assert.equal(kicked.data.deviceID, 'device-1');
    await other.until('notReady');
    assert.equal((await seen.until('multispot', { match: (e) => e.data.type === 'out' })).data.devices[0].device_id, 'device-2');
  });

  test('displaced by a client of the same kind; login again without a logout', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd);
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' });
    const other = await Device.start(t, options(t, nimd, { deviceID: 'device-2' }));
    await other.call('login', { userID, token: 'secret' });
    const kicked = await seen.until('kickedOut');
    assert.equal(kicked.data.type, TYPES.KICKED_OUT_MULT_ACCOUNT);
    assert.equal((await seen.until(CbEvents.OnKickedOffline)).data.reason_code, 1);
    await seen.until('notReady');
    assert.equal(sdk.status, Status.Kicked);
    assert.equal((await rejection(sdk.relogin())).errCode, 417);
    const refused = await rejection(sdk.login({ userID, token: 'secret', force: false }));
    assert.equal(refused.errName, 'other_device_online');
    assert.deepEqual(refused.data.other_clients_pres.map((c) => c.device_id), ['device-2']);
    await sdk.login({ userID, token: 'secret' });
    assert.equal((await other.until('kickedOut')).data.type, TYPES.KICKED_OUT_MULT_ACCOUNT);
  });

  test('kicked by the server', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd);
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' });
    await nimd.kick(userID, 'see you');
    const kicked = await seen.until('kickedOut');
    assert.equal(kicked.data.type, TYPES.KICKED_OUT_REST_API);
    assert.equal(kicked.data.reason, 'see you');
    assert.equal(seen.names.filter((name) => name === 'kickedOut').length, 1);
    assert.equal((await rejection(sdk.kickOther('x'))).errCode, 20001);
  });

  test('push setting', async (t) => {
    const userID = await account();
    await nimd.setPolicy('all');
    t.after(() => nimd.setPolicy('class'));
    const sdk = await client(t, nimd);
    const seen = new Recorder(sdk);
    await sdk.login({ userID, token: 'secret' });
    const other = await Device.start(t, options(t, nimd, { deviceID: 'device-2' }));
    await other.call('login', { userID, token: 'secret' });
    await other.call('setMultiportPushConfig', 1);
    assert.equal((await seen.until('pushConfigChanged')).data.switchOpen, 1);
    assert.equal((await sdk.getMultiportPushConfig()).data.switchOpen, 1);
  });

  test('asyncApi', async (t) => {
    const userID = await account();
    const sdk = await client(t, nimd);
    const data = await sdk.asyncApi('login', sdk.uuid(), { userID, token: 'secret' });
    assert.equal(data.userID, userID);
    assert.equal(await sdk.asyncApi('getLoginUserID', sdk.uuid()), userID);
    assert.equal(await sdk.asyncApi('logout', sdk.uuid()), null);
    assert.equal((await rejection(sdk.asyncApi('constructor', sdk.uuid()))).errCode, 21003);
  });

  test('calls without a session', async (t) => {
    const sdk = await client(t, nimd);
    assert.equal((await sdk.logout()).code, 0);
    for (const name of ['renewToken', 'kickOther', 'pause', 'resume', 'getServerTime', 'relogin', 'getMultiportPushConfig']) {
      const e = await rejection(sdk[name](name === 'getServerTime' ? false : 'x'));
      assert.deepEqual([e.errCode, e.errName, e.code, e.domain], [20001, 'not_logged_in', 6014, 'caller'], name);
      assert.match(e.errMsg, /no account is logged in/, name);
    }
    assert.equal((await sdk.diagnostics()).data.status, Status.LoggedOut);
  });

  test('one client, from ES modules and CommonJS', () => {
    const { getSDK: other } = createRequire(import.meta.url)('libnim');
    assert.equal(other(), getSDK());
  });
});
