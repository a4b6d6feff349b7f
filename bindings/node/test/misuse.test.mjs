/** Programs that make mistakes: wrong arguments, listeners that throw, calls that nobody waits for. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import { Worker } from 'node:worker_threads';
import { LibraryLoadError, NimError, Status } from 'libnim';
import { Nimd } from './support/nimd.mjs';
import { Path } from './support/path.mjs';
import { run } from './support/program.mjs';
import { client, options, Recorder, rejection } from './support/sdk.mjs';

const login = { userID: 'alice', token: 'secret' };

/** Takes the place of the test runner's own handlers of an event of the process, and collects what comes. */
function collect(t, event) {
  const seen = [];
  const hidden = process.rawListeners(event);
  const add = (e) => seen.push(e);
  hidden.forEach((f) => process.off(event, f));
  process.on(event, add);
  t.after(() => {
    process.off(event, add);
    hidden.forEach((f) => process.on(event, f));
  });
  return seen;
}

/** Everything that is due on this thread has run. */
async function settled() {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('misuse', () => {
  let nimd;
  before(async () => {
    nimd = await Nimd.start();
    await nimd.addAccount('alice');
  });
  after(() => nimd.stop());

  for (const [what, call] of [
    ['login of a number', (sdk) => sdk.login({ userID: 5, token: 'secret' })],
    ['login with a token that is an object', (sdk) => sdk.login({ userID: 'alice', token: {} })],
    ['a user whose name ends in the middle', (sdk) => sdk.login({ userID: 'alice\0bob', token: 'secret' })],
    ['login without parameters', (sdk) => sdk.login()],
    ['renewToken of a number', (sdk) => sdk.renewToken(5)],
    ['a proxy of no type', (sdk) => sdk.setProxy({ type: 'constructor' })],
    ['a proxy whose host is a number', (sdk) => sdk.setProxy({ type: 'socks5', host: 5, port: 1 })],
    ['a port that is text', (sdk) => sdk.detectProxy({ type: 'socks5', host: 'x', port: 'y' })],
    ['status numbers of nobody', (sdk) => sdk.init({ statusNumbers: 'constructor' })],
    ['a data directory that is a number', (sdk) => sdk.init({ dataDir: 5 })],
  ]) {
    test(`refused as every error is: ${what}`, async (t) => {
      const unhandled = collect(t, 'unhandledRejection');
      const sdk = await client(t, nimd);
      const e = await rejection(call(sdk));
      assert.ok(e instanceof NimError, String(e.stack));
      assert.equal(e.errCode, 414);
      assert.ok(e.errMsg.length > 0);
      assert.equal((await sdk.login(login)).errCode, 0); // nothing is left of it
      await sdk.destroy();
      await settled();
      assert.deepEqual(unhandled, []);
    });
  }

  test('a library that is not there is an error with a code', async (t) => {
    const sdk = await client(t, nimd);
    const worker = new Worker(
      `const { getSDK } = require('libnim');
       getSDK().login({ userID: 'a', token: 'b' }).catch((e) =>
         require('node:worker_threads').parentPort.postMessage({ ...e.toJSON(), name: e.name, tried: e.tried }));`,
      { eval: true, env: { ...process.env, LIBNIM_PATH: '/no/such/library.so' } },
    );
    const e = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    assert.equal(e.name, LibraryLoadError.name);
    assert.equal(e.errCode, 20000);
    assert.match(e.errMsg, /no\/such\/library\.so/);
    assert.equal(e.tried.length, 1);
    assert.ok(LibraryLoadError.prototype instanceof NimError);
    assert.equal(sdk.status, Status.LoggedOut);
  });

  test('a listener that throws takes nothing from the others, nor from the client', async (t) => {
    const thrown = collect(t, 'uncaughtException');
    const sdk = await client(t, nimd);
    const names = ['loginStep', 'connecting', 'connectSuccess', 'kickedOut', 'notReady'];
    names.forEach((name) =>
      sdk.once(name, () => {
        throw new Error(name);
      }),
    );
    const seen = new Recorder(sdk);
    assert.equal((await sdk.login(login)).errCode, 0);
    await seen.until('ready');
    await nimd.kick('alice', '');
    await seen.until('kickedOffline');
    await seen.until('notReady');
    names.forEach((name) => assert.ok(seen.names.includes(name), `${name}: ${seen.names.join(' ')}`));
    await settled();
    assert.deepEqual(thrown.map((e) => e.message).sort(), [...names].sort());
  });

  test('kicks that wait for their turn end with the client', async (t) => {
    const sdk = await client(t, nimd);
    await sdk.login(login);
    const kicks = Array.from({ length: 200 }, (_, i) => sdk.kickOther(`device-${i}`).catch((e) => e));
    await sdk.destroy();
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(() => resolve('never'), 5000)));
    const ends = await Promise.race([Promise.all(kicks), late]);
    clearTimeout(timer);
    assert.notEqual(ends, 'never');
    assert.ok(ends.slice(-1)[0] instanceof NimError);
  });

  test('a provider that is set again and again leaves nothing behind', async (t) => {
    const sdk = await client(t, nimd);
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc');
    const heap = () => {
      gc();
      return process.memoryUsage().heapUsed;
    };
    const set = (n) => {
      for (let i = 0; i < n; i++) {
        sdk.setTokenProvider(i % 2 === 0 ? () => 'secret' : undefined);
        sdk.setTokenProvider(() => 'secret');
      }
    };
    set(1000);
    const before_ = heap();
    set(50_000);
    const grown = heap() - before_;
    assert.ok(grown < 2 << 20, `${grown} bytes`);
    assert.equal((await sdk.login({ userID: 'alice' })).errCode, 0);
    sdk.setTokenProvider(undefined);
  });

  test('destroy does not wait for a token that nobody gives', async (t) => {
    const { code, ms, output } = await run('destroyed while it asks for a token', options(t, nimd));
    assert.equal(code, 0);
    assert.match(output, /^21002$/m);
    assert.ok(ms < 2000, `${ms} ms`);
  });

  test('a second thread is refused while the first has the library', async (t) => {
    const sdk = await client(t, nimd);
    await sdk.login(login);
    const worker = new Worker(
      `const { getSDK } = require('libnim');
       getSDK(require('node:worker_threads').workerData).login({ userID: 'alice', token: 'secret' })
         .then(() => 'logged in', (e) => e.errCode)
         .then((r) => require('node:worker_threads').parentPort.postMessage(r));`,
      { eval: true, workerData: options(t, nimd) },
    );
    assert.equal(await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)), 21008);
    await worker.terminate();
    assert.equal(sdk.status, Status.Online);
    assert.equal((await sdk.getServerTime()).errCode, 0);
  });

  test('a worker that is terminated while it is online leaves the library to nobody', async (t) => {
    const { code, ms, output } = await run('worker terminated', options(t, nimd));
    assert.equal(code, 0, output);
    assert.match(output, /^21008$/m);
    assert.ok(ms < 2000, `${ms} ms`);
  });

  test('no login of a stopped path hangs behind a new start', async (t) => {
    const path = await Path.open(t, nimd.port);
    path.stall();
    const sdk = await client(t, nimd, { link: path.link });
    const first = rejection(sdk.login(login));
    const second = rejection(sdk.login(login));
    assert.equal((await second).errCode, 21001);
    await sdk.destroy();
    assert.equal((await first).errCode, 21002);
    path.open();
    assert.equal((await sdk.login(login)).errCode, 0);
  });
});
