/**
 * What calls cost from JavaScript. The calls that C answers have a bound of 100 ns each; the program
 * fails when one is above it.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { getSDK } from 'libnim';
import { Native } from 'libnim/native';
import { Nimd, products } from '../test/support/nimd.mjs';

const boundNs = 100;
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
let tooSlow = 0;
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
  console.log(`answered in C, bound ${boundNs} ns`);
  for (const [name, f] of Object.entries(inC)) {
    const ns = nanoseconds(f);
    tooSlow += ns > boundNs;
    console.log(`  ${name.padEnd(32)} ${ns.toFixed(0).padStart(8)} ns${ns > boundNs ? '  too slow' : ''}`);
  }
  console.log('answered in Go');
  const ns = nanoseconds(() => fn.nimx_client_get_login_user(), 200, 10);
  console.log(`  ${'nimx_client_get_login_user'.padEnd(32)} ${ns.toFixed(0).padStart(8)} ns`);
  const begin = performance.now();
  await Promise.all(Array.from({ length: 1000 }, () => sdk.getServerTime(true)));
  const each = (performance.now() - begin) * 1000;
  console.log(`  ${'getServerTime(true), 1000 at once'.padEnd(32)} ${each.toFixed(0).padStart(7)} ns each`);
  logins.sort((a, b) => a - b);
  console.log(`login on this machine: median ${logins[10].toFixed(1)} ms, slowest ${logins[19].toFixed(1)} ms`);
  await sdk.destroy();
} finally {
  await nimd.stop();
  fs.rmSync(dataDir, { recursive: true, force: true });
}
process.exitCode = tooSlow > 0 ? 1 : 0;
