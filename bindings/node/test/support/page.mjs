/**
 * A page of an Electron program, with Electron's IPC replaced by the message channel between two Node
 * processes. The child loads the real preload script over a stand-in of the module 'electron', whose
 * contextBridge clones what passes, and then the real renderer module.
 */
import { fork } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import Module from 'node:module';
import { fileURLToPath } from 'node:url';
import { limitMs, Recorder } from './sdk.mjs';

/** What the main process has of Electron. */
export class MainStandIn {
  constructor(userData) {
    this.ipcMain = new EventEmitter();
    this.powerMonitor = new EventEmitter();
    this.app = { getPath: () => userData, whenReady: () => Promise.resolve() };
  }
}

globalThis.crypto ??= webcrypto; // every page of Electron has it, Node 18 has not

let pages = 0;

export class Page {
  /** Opens a page for the test t, in a process of its own. */
  static open(t, electron) {
    const page = new Page();
    page.child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, LIBNIM_TEST_PAGE: '1' } });
    page.exited = new Promise((resolve) => page.child.once('exit', resolve));
    page.waiting = new Map();
    page.sender = new EventEmitter();
    Object.assign(page.sender, {
      id: ++pages,
      send: (channel, message) => page.child.send({ channel, message }),
      isDestroyed: () => !page.child.connected,
    });
    page.child.on('message', (m) => {
      if (m.channel !== undefined) {
        electron.ipcMain.emit(m.channel, { sender: page.sender }, m.message);
      } else {
        const { resolve, reject } = page.waiting.get(m.id);
        page.waiting.delete(m.id);
        m.error === undefined ? resolve(m.value) : reject(Object.assign(new Error(m.error.errMsg), m.error));
      }
    });
    t.after(() => page.close());
    return page;
  }

  /** Runs a method of the page's driver. */
  call(method, ...args) {
    const id = (this.last = (this.last ?? 0) + 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, method, args });
    });
  }

  /** Calls a method of the page's client. */
  sdk(name, ...args) {
    return this.call('sdk', name, ...args);
  }

  async close() {
    if (this.child.connected) {
      this.child.disconnect();
    }
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limitMs);
    await this.exited;
    clearTimeout(timer);
    this.sender.emit('destroyed');
  }
}

/** What the preload script has of Electron. */
function preloadStandIn() {
  const ipcRenderer = new EventEmitter();
  ipcRenderer.send = (channel, message) => process.send({ channel, message: structuredClone(message) });
  process.on('message', (m) => m.channel !== undefined && ipcRenderer.emit(m.channel, {}, m.message));
  const clone = (x) => (typeof x === 'function' ? (...args) => clone(x(...args.map(clone))) : structuredClone(x));
  const exposeInMainWorld = (name, api) => {
    globalThis[name] = Object.fromEntries(Object.entries(api).map(([key, value]) => [key, clone(value)]));
  };
  return { ipcRenderer, contextBridge: { exposeInMainWorld } };
}

if (process.env.LIBNIM_TEST_PAGE === '1') {
  delete process.env.LIBNIM_TEST_PAGE;
  const electron = preloadStandIn();
  const load = Module._load;
  Module._load = (request, ...rest) => (request === 'electron' ? electron : load(request, ...rest));
  const require = createRequire(import.meta.url);
  require('libnim/electron/preload');
  const before = new Set(Object.keys(require.cache));
  const { getWithRenderProcess, NimError } = require('libnim/electron/renderer');
  const { instance } = getWithRenderProcess();
  const recorder = new Recorder(instance);
  const tokens = [];
  const driver = {
    sdk: async (name, ...args) => {
      const value = instance[name];
      return typeof value === 'function' ? value.apply(instance, args) : value;
    },
    until: (name) => recorder.until(name),
    names: () => recorder.names,
    offer: (token) => instance.setTokenProvider(async (request) => (tokens.push(request.reason), token)),
    asked: () => tokens,
    mark: (name) => recorder.mark(name),
    loginThenMark: async (params) => {
      await instance.login(params);
      recorder.mark('login resolved');
    },
    loginWithFunction: () => instance.login({ userID: 'alice', token: 'secret', customTag: () => 'x' }).then(() => 0, (e) => e.errCode),
    isNimError: async (name, ...args) => {
      try {
        await instance[name](...args);
      } catch (e) {
        return e instanceof NimError;
      }
      return false;
    },
    loaded: () => Object.keys(require.cache).filter((file) => !before.has(file)),
  };
  process.on('message', async ({ id, method, args }) => {
    if (method === undefined) {
      return;
    }
    try {
      process.send({ id, value: await driver[method](...args) });
    } catch (e) {
      process.send({ id, error: { errMsg: e.message, ...e } });
    }
  });
}
