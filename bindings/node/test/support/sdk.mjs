/** The client of a test process, and a recorder of its events. */
import { eventNames, getSDK } from 'libnim';
import { products, directory } from './nimd.mjs';
import path from 'node:path';

export const limitMs = 15_000;

/** Options for a client of nimd with a data directory of its own. */
export function options(t, nimd, more = {}) {
  return {
    appKey: nimd.ready.app_key,
    link: nimd.link,
    dataDir: directory(t),
    libraryPath: path.join(products, 'lib'),
    deviceID: 'device-1',
    ...more,
  };
}

/** The client, started for the test t and destroyed after it. */
export async function client(t, nimd, more) {
  const sdk = getSDK();
  await sdk.destroy();
  sdk.removeAllListeners();
  sdk.setTokenProvider(undefined);
  t.after(() => sdk.destroy());
  await sdk.init(options(t, nimd, more));
  return sdk;
}

/** Recorder keeps every event, in order. */
export class Recorder {
  constructor(sdk) {
    this.events = [];
    this.waiting = new Set();
    for (const name of eventNames) {
      sdk.on(name, (event) => this.add(name, event));
    }
  }

  add(name, event) {
    this.events.push({ name, event });
    this.waiting.forEach((look) => look());
  }

  /** A remark between the events: what the test itself has seen. */
  mark(name) {
    this.add(name, undefined);
  }

  get names() {
    return this.events.map((e) => e.name);
  }

  /** Waits for an event, past or future, from index on; fails after a while. */
  until(name, { from = 0, match = () => true } = {}) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.events.slice(from).find((e) => e.name === name && match(e.event));
        if (found !== undefined) {
          clearTimeout(timer);
          this.waiting.delete(look);
          resolve(found.event);
        }
      };
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`no ${name} in ${limitMs} ms; there were ${this.names.slice(from).join(' ')}`));
      }, limitMs);
      this.waiting.add(look);
      look();
    });
  }
}

/** What a promise rejects with; fails if it does not. */
export async function rejection(promise) {
  let value;
  try {
    value = await promise;
  } catch (e) {
    return e;
  }
  throw new Error(`resolved with ${JSON.stringify(value)}`);
}
