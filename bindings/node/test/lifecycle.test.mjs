import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Status } from 'libnim';
import { Native } from 'libnim/native';
import { Nimd } from './support/nimd.mjs';
import { Path } from './support/path.mjs';
import { run } from './support/program.mjs';
import { client, options, Recorder, rejection } from './support/sdk.mjs';

describe('lifecycle', () => {
  let nimd;
  before(async () => {
    nimd = await Nimd.start();
    await nimd.addAccount('alice');
  });
  after(() => nimd.stop());

  const login = { userID: 'alice', token: 'secret' };

  test('destroy logs out; afterwards it starts anew', async (t) => {
    const sdk = await client(t, nimd);
    const seen = new Recorder(sdk);
    for (let round = 0; round < 5; round++) {
      const from = seen.events.length;
      await sdk.login(login);
      await seen.until('ready', { from });
      await Promise.all([sdk.destroy(), sdk.destroy()]);
      assert.deepEqual(seen.names.slice(from).filter((n) => ['notReady', 'closed'].includes(n)), ['notReady', 'closed']);
      assert.equal(sdk.status, Status.LoggedOut);
    }
    assert.equal((await rejection(sdk.kickOther('x'))).errCode, 20000);
    assert.equal((await sdk.logout()).code, 0);
    assert.deepEqual((await nimd.admin('GET', '/online?account=alice')).accounts, []);
  });

  test('destroy answers what is outstanding', async (t) => {
    const path = await Path.open(t, nimd.port);
    path.stall();
    const sdk = await client(t, nimd, { link: path.link });
    const outcome = rejection(sdk.login(login));
    await sdk.destroy();
    assert.equal((await outcome).errCode, 21002);
  });

  test('destroy from inside a listener', async (t) => {
    const sdk = await client(t, nimd);
    const done = new Promise((resolve) => sdk.once('ready', () => resolve(sdk.destroy())));
    await sdk.login(login);
    assert.equal((await done).code, 0);
  });

  test('a listener that throws keeps nothing from its turn', async (t) => {
    const sdk = await client(t, nimd);
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
    const hidden = process.rawListeners('uncaughtException').slice(0, -1);
    hidden.forEach((f) => process.off('uncaughtException', f));
    t.after(() => hidden.forEach((f) => process.on('uncaughtException', f)));
    const seen = new Recorder(sdk);
    sdk.once('connecting', () => {
      throw new Error('from a listener');
    });
    await sdk.login(login);
    assert.match((await thrown).message, /from a listener/);
    await seen.until('ready');
  });

  test('other settings: refused while logged in, else started anew', async (t) => {
    const sdk = await client(t, nimd);
    await sdk.init({});
    await sdk.login(login);
    assert.equal((await rejection(sdk.init({ deviceID: 'device-9' }))).errCode, 21008);
    await sdk.logout();
    await sdk.init({ deviceID: 'device-9' });
    assert.equal((await sdk.login(login)).data.deviceID, 'device-9');
  });

  test('settings that the library refuses', async (t) => {
    const sdk = await client(t, nimd);
    await sdk.destroy();
    const e = await rejection(sdk.init({ init: { nimx: { ca_file: '/no/such/file.pem' } } }));
    assert.equal(e.errCode, 414);
    assert.match(e.errMsg, /CA file/);
    await sdk.login(login);
  });

  test('an account that another process has logged in, in the same data directory', async (t) => {
    const o = options(t, nimd);
    const sdk = await client(t, nimd, o);
    await sdk.login(login);
    const { code, output } = await run('refused login', o);
    assert.equal(code, 0);
    assert.match(output, /^21010$/m);
  });

  test('many calls at once; none is lost, none blocks the thread', async (t) => {
    const sdk = await client(t, nimd);
    await sdk.login(login);
    const before_ = performance.now();
    const answers = await Promise.all(Array.from({ length: 200 }, () => sdk.diagnostics()));
    assert.equal(answers.filter((a) => a.data.status === Status.Online).length, 200);
    assert.ok(performance.now() - before_ < 10_000);
  });

  test('a text that is too long is refused, not cut', async (t) => {
    const sdk = await client(t, nimd);
    const e = await rejection(sdk.login({ userID: 'alice', token: 'x'.repeat(1 << 21) }));
    assert.equal(e.errCode, 414);
    assert.match(e.errMsg, /token/);
  });

  test('the library in push mode is not taken over', async (t) => {
    const sdk = await client(t, nimd);
    await sdk.destroy();
    const { fn } = Native.load();
    const o = options(t, nimd);
    const settings = JSON.stringify({ app_key: o.appKey, private_server_setting: { link: o.link } });
    assert.ok(fn.nim_client_init(o.dataDir, '', settings));
    t.after(() => fn.nim_client_cleanup(null));
    const e = await rejection(sdk.init());
    assert.equal(e.errCode, 21008);
  });

  for (const [name, wanted] of [
    ['destroyed', 2000],
    ['left online', 2000],
    ['left initialised', 2000],
    ['process.exit while a login runs', 2000],
    ['worker', 2000],
  ]) {
    test(`the process ends: ${name}`, async (t) => {
      const { code, ms, output } = await run(name, options(t, nimd));
      assert.equal(code, 0, output);
      assert.ok(ms < wanted, `${ms} ms`);
    });
  }

  test('the process ends: reconnecting', async (t) => {
    const path = await Path.open(t, nimd.port);
    const { code, ms, output } = await run('reconnecting', { ...options(t, nimd), link: path.link }, (line) => {
      if (line === 'cut me') {
        path.close();
      }
    });
    assert.equal(code, 0);
    assert.match(output, /done: reconnecting/);
    assert.ok(ms < 2000, `${ms} ms`);
  });

  test('ref keeps the process', async (t) => {
    const { code, output } = await run('held by ref', options(t, nimd), (line) => {
      if (line === 'done: held by ref') {
        void nimd.kick('alice', '');
      }
    });
    assert.equal(code, 0);
    assert.match(output, /restApi/);
  });
});
