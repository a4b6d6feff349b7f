/** Programs whose end is tested: node program.mjs NAME, with their options as JSON in the environment. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { getSDK } from 'libnim';
import { limitMs } from './sdk.mjs';

const login = { userID: 'alice', token: 'secret' };

const programs = {
  async destroyed(sdk) {
    await sdk.login(login);
    await sdk.destroy();
  },
  async 'left online'(sdk) {
    await sdk.login(login);
  },
  async 'left initialised'(sdk) {
    await sdk.init();
  },
  async 'refused login'(sdk) {
    await sdk.login(login).catch((e) => console.log(e.errCode));
  },
  async reconnecting(sdk) {
    await sdk.login(login);
    const lost = new Promise((resolve) => sdk.once('disconnected', resolve));
    sdk.ref();
    console.log('cut me');
    await lost;
    sdk.unref();
  },
  async 'process.exit while a login runs'(sdk) {
    void sdk.login(login);
    setTimeout(() => process.exit(0), 50);
  },
  async 'held by ref'(sdk) {
    await sdk.login(login);
    sdk.ref();
    sdk.once('kickedOut', (e) => {
      console.log(e.data.type);
      sdk.unref();
    });
    console.log('ready to be kicked');
  },
  async 'destroyed while it asks for a token'(sdk) {
    sdk.setTokenProvider(() => new Promise(() => undefined));
    const asked = sdk.login({ userID: 'alice' }).catch((e) => console.log(e.errCode));
    await sdk.destroy();
    await asked;
  },
  async 'worker terminated'(sdk) {
    const worker = new Worker(fileURLToPath(import.meta.url), { stdout: true });
    await new Promise((resolve, reject) => worker.once('error', reject).stdout.once('data', resolve));
    await worker.terminate();
    await sdk.login(login).catch((e) => console.log(e.errCode));
  },
  async worker() {
    const worker = new Worker(fileURLToPath(import.meta.url));
    await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  },
};

/** Runs a program; line is called with each line that it prints. Gives exit code, output, ms since its last line. */
export function run(name, options, line = () => undefined) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env: { ...process.env, LIBNIM_TEST_PROGRAM: name, LIBNIM_TEST_OPTIONS: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let output = '';
  let last = performance.now();
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    last = performance.now();
    text.split('\n').filter(Boolean).forEach(line);
  });
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearTimeout(kill);
      resolve({ code, output, ms: performance.now() - last });
    }),
  );
}

const name = process.env.LIBNIM_TEST_PROGRAM;
if (name !== undefined && process.env.LIBNIM_TEST_DEVICE === undefined) {
  const sdk = getSDK(JSON.parse(process.env.LIBNIM_TEST_OPTIONS));
  const { isMainThread } = await import('node:worker_threads');
  await (isMainThread ? programs[name](sdk) : sdk.login(login));
  if (!isMainThread && name === 'worker terminated') setInterval(() => undefined, 1000); // it does not end before that
  console.log(`done: ${name}`);
}
