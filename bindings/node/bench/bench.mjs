/**
 * What calls cost from JavaScript, in nanoseconds and as ratios to the least that a call through koffi
 * costs on this machine in this run. On a quiet machine the calls that C answers take less than 100 ns
 * each. A call that enters Go costs a hundred times the floor and more: the program fails when one that
 * C has to answer comes near that.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { getSDK } from 'libnim';
import { Native } from 'libnim/native';
import { Nimd, products } from '../test/support/nimd.mjs';

const boundRatio = 10;
const native = Native.load(path.join(products, 'lib'));
const { fn } = native;

/** The least time of one call in many rounds: what the call costs when nothing else disturbs. */
function nanoseconds(f, calls = 20_000, rounds = 60) {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) {
      f();
    }
    least = Math.min(least, Number(process.hrtime.bigint() - begin) / calls);
  }
  return least;
}

const nimd = await Nimd.start();
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'libnim-bench-'));
let entersGo = 0;
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

  const inC = {
    nimx_global_pending: () => fn.nimx_global_pending(),
    nimx_client_get_status: () => fn.nimx_client_get_status(),
    nim_client_get_login_state: () => fn.nim_client_get_login_state(null),
    nim_client_current_user_account: () => fn.nim_client_current_user_account(),
    nim_client_version: () => fn.nim_client_version(),
    nimx_abi_level: () => fn.nimx_abi_level(),
    'sdk.status': () => sdk.status,
    'sdk.userID': () => sdk.userID,
  };
  const floor = nanoseconds(() => fn.nimx_abi_level());
  const print = (name, ns) =>
    console.log(`  ${name.padEnd(34)} ${ns.toFixed(0).padStart(8)} ns ${(ns / floor).toFixed(1).padStart(9)} x`);
  console.log('answered in C');
  for (const [name, f] of Object.entries(inC)) {
    const ns = nanoseconds(f);
    entersGo += ns > boundRatio * floor;
    print(name, ns);
  }
  console.log('answered in Go');
  const ns = nanoseconds(() => fn.nimx_client_get_login_user(), 200, 10);
  print('nimx_client_get_login_user', ns);
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
process.exitCode = entersGo > 0 ? 1 : 0;
