/** A real nimd as a child process, and the REST calls that the tests make. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const goNames = { linux: 'linux', darwin: 'darwin', win32: 'windows', x64: 'amd64', arm64: 'arm64' };
const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** Where ./build.sh build puts what it builds. */
export const products =
  process.env.NIM_DIST ?? path.join(root, 'dist', `${goNames[process.platform]}-${goNames[process.arch]}`);

/** A directory of its own, removed at the end of the test t. */
export function directory(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'libnim-node-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export class Nimd {
  /** Starts nimd on a port that the system chooses. */
  static async start() {
    const nimd = new Nimd();
    nimd.data = fs.mkdtempSync(path.join(os.tmpdir(), 'libnim-nimd-'));
    await nimd.run('127.0.0.1:0');
    return nimd;
  }

  async run(listen) {
    this.child = spawn(path.join(products, 'bin', 'nimd'), ['--listen', listen, '--data', this.data, '--dev'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    this.child.stderr.on('data', (text) => (log = (log + text).slice(-65536)));
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
    const line = await Promise.race([
      new Promise((resolve) => createInterface(this.child.stdout).once('line', resolve)),
      this.exited.then(() => undefined),
    ]);
    if (line === undefined) {
      throw new Error(`nimd did not get ready\n${log}`);
    }
    this.ready = JSON.parse(line);
    this.link = this.ready.link;
    this.port = Number(new URL(this.link).port);
  }

  async stop() {
    this.child.kill('SIGTERM');
    await this.exited;
    fs.rmSync(this.data, { recursive: true, force: true });
  }

  /** Calls the REST API. */
  async admin(method, call, body) {
    const answer = await fetch(this.ready.admin + call, {
      method,
      headers: { authorization: `Bearer ${this.ready.admin_key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${method} ${call}: ${answer.status} ${text}`);
    }
    return JSON.parse(text);
  }

  addAccount(account, token = 'secret', more = {}) {
    return this.admin('POST', '/accounts', { account, token, ...more });
  }

  kick(account, reason) {
    return this.admin('POST', '/kick', { account, reason });
  }

  setPolicy(mode) {
    return this.admin('PUT', '/policy', { multi_login: mode });
  }

  /** A NIM dynamic token (auth_type 1) that is valid for ttl seconds. */
  dynamicToken(account, ttl) {
    const curTime = Date.now();
    const text = this.ready.app_key + account + curTime + ttl + this.ready.app_secret;
    const signature = createHash('sha1').update(text).digest('hex');
    return Buffer.from(JSON.stringify({ signature, curTime, ttl })).toString('base64');
  }
}
