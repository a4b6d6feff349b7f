/** Another device: a client in a process of its own, told what to do by messages. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getSDK } from 'libnim';
import { limitMs, Recorder } from './sdk.mjs';

export class Device {
  /** Starts a device with these options for the test t. */
  static async start(t, options) {
    const device = new Device();
    device.child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, LIBNIM_TEST_DEVICE: '1' } });
    device.exited = new Promise((resolve) => device.child.once('exit', (code) => resolve(code)));
    device.waiting = new Map();
    device.child.on('message', ({ id, value, error }) => {
      const { resolve, reject } = device.waiting.get(id);
      device.waiting.delete(id);
      error === undefined ? resolve(value) : reject(Object.assign(new Error(error.errMsg), error));
    });
    t.after(() => device.stop());
    await device.call('init', options);
    return device;
  }

  /** Calls a method of its client. */
  call(method, ...args) {
    const id = (this.last = (this.last ?? 0) + 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, method, args });
    });
  }

  /** Waits for one of its events. */
  until(name) {
    return this.call('until', name);
  }

  async stop() {
    if (this.child.connected) {
      await this.call('destroy');
      this.child.disconnect();
    }
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limitMs);
    const code = await this.exited;
    clearTimeout(timer);
    if (code !== 0) {
      throw new Error(`the device ended with ${code}`);
    }
  }
}

if (process.env.LIBNIM_TEST_DEVICE === '1') {
  delete process.env.LIBNIM_TEST_DEVICE;
  const sdk = getSDK();
  const recorder = new Recorder(sdk);
  process.on('message', async ({ id, method, args }) => {
    try {
      const value = await (method === 'until' ? recorder.until(...args) : sdk[method](...args));
      process.send({ id, value });
    } catch (e) {
      process.send({ id, error: { errMsg: e.message, ...e } });
    }
  });
}
