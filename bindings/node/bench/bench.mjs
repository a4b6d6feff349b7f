/**
 * What calls cost from JavaScript, in nanoseconds and as ratios to the least that a call through koffi
 * costs on this machine in this run: the floor, an empty C function of the library. On a quiet machine the
 * calls that C answers take less than 100 ns each. Time cannot be asserted where others work too; the
 * ratio can, since floor and calls take turns in many short batches and the least of each is compared.
 * The program fails where a call costs more than a text argument or a text result can add to the floor,
 * as a lock, a second layer or an entry into Go (a thousand times the floor) would.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { getSDK } from 'libnim';
import { Native } from 'libnim/native';
import { Nimd, products } from '../test/support/nimd.mjs';

/** What the floor is multiplied with at most: by what has to be converted. */
const bounds = { number: 2, text: 3, 'text argument': 4 };
const native = Native.load(path.join(products, 'lib'));
const { fn } = native;

/** The least time of one call of each function, in many short batches that take turns. */
function nanoseconds(functions, calls = 1000, rounds = 1500) {
  const least = functions.map(() => Infinity);
  for (let round = 0; round < rounds; round++) {
    functions.forEach((f, i) => {
      const begin = process.hrtime.bigint();
      for (let call = 0; call < calls; call++) {
        f();
      }
      least[i] = Math.min(least[i], Number(process.hrtime.bigint() - begin) / calls);
    });
  }
  return least;
}

const nimd = await Nimd.start();
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'libnim-bench-'));
let tooDear = 0;
try {
  await nimd.addAccount('alice');
  const sdk = getSDK({ link: nimd.link, appKey: nimd.ready.app_key, dataDir });
  await sdk.init();
  const logins = [];
  for (let i = 0; i < 20; i++) {
    const begin = performance.now();
    await sdk.login({ userID: 'alice', token: 'secret' });
    logins.push(performance.now() - begin);
    await sdk.logout();
  }
  await sdk.login({ userID: 'alice', token: 'secret' });

  const inC = [
    ['nimx_abi_level, empty in C', 'number', () => fn.nimx_abi_level()],
    ['nimx_global_pending', 'number', () => fn.nimx_global_pending()],
    ['nimx_client_get_status', 'number', () => fn.nimx_client_get_status()],
    ['nim_client_get_login_state', 'text argument', () => fn.nim_client_get_login_state(null)],
    ['nim_client_current_user_account', 'text', () => fn.nim_client_current_user_account()],
    ['nim_client_version', 'text', () => fn.nim_client_version()],
    ['sdk.status', 'number', () => sdk.status],
    ['sdk.userID', 'text', () => sdk.userID],
  ];
  const cost = nanoseconds(inC.map(([, , f]) => f));
  const [floor] = cost;
  const print = (name, ns, bound = '') =>
    console.log(`  ${name.padEnd(34)} ${ns.toFixed(0).padStart(8)} ns ${(ns / floor).toFixed(1).padStart(9)} x ${bound}`);
  console.log('answered in C');
  inC.forEach(([name, kind], i) => {
    const over = cost[i] > bounds[kind] * floor;
    tooDear += over;
    print(name, cost[i], over ? `more than ${bounds[kind]} x` : '');
  });
  console.log('answered in Go');
  print('nimx_client_get_login_user', nanoseconds([() => fn.nimx_client_get_login_user()], 200, 10)[0]);
  const begin = performance.now();
  await Promise.all(Array.from({ length: 1000 }, () => sdk.getServerTime(true)));
  print('getServerTime(true), 1000 at once', (performance.now() - begin) * 1000);
  logins.sort((a, b) => a - b);
  console.log(`login on this machine: median ${logins[10].toFixed(1)} ms, slowest ${logins[19].toFixed(1)} ms`);
  await sdk.destroy();
} finally {
  await nimd.stop();
  fs.rmSync(dataDir, { recursive: true, force: true });
}
process.exitCode = tooDear > 0 ? 1 : 0;
