/** The main process of an Electron program: it has the library, and lets the pages use it. */
import path from 'node:path';
import { type Client } from '../client';
import { failure } from '../errors';
import { Status } from '../generated';
import { getSDK } from '../index';
import { asRequest, type Reply, type Request } from '../remote/protocol';
import { serve } from '../remote/serve';
import type { SDKOptions } from '../types';
import { channel } from './preload-channel';

/** The parts of Electron that are used; a test hands in its own. */
export interface ElectronMain {
  ipcMain: { on(channel: string, listener: (event: IpcMainEvent, message: unknown) => void): unknown };
  app: { getPath(name: 'userData'): string; whenReady(): Promise<unknown> };
  powerMonitor: { on(event: 'resume', listener: () => void): unknown };
}

export interface IpcMainEvent {
  /** The frame that sent the message; null if it is gone already. */
  senderFrame?: { readonly url: string; readonly parent: object | null } | null;
  sender: {
    id: number;
    send(channel: string, message: unknown): void;
    isDestroyed(): boolean;
    once(event: 'destroyed', listener: () => void): unknown;
  };
}

export interface MainOptions extends SDKOptions {
  /**
   * Whether a page may use the client: it is asked for each message. All pages that have the preload
   * script may if absent.
   */
  allow?: (event: IpcMainEvent) => boolean;
  /** Electron itself, if it is not the module 'electron'. */
  electron?: ElectronMain;
}

/** The absolute path of the preload script, for webPreferences.preload. */
export const preloadPath: string = path.join(__dirname, 'preload.js');

/**
 * Gives the client of the main process and serves it to the pages. Call it once, before a window is
 * made. The library's data is in userData if no dataDir is given; a machine that wakes from sleep
 * reconnects at once.
 */
export function initMain(options: MainOptions = {}): Client {
  const { allow = () => true, electron = require('electron') as ElectronMain, ...settings } = options;
  const sdk = getSDK({ dataDir: path.join(electron.app.getPath('userData'), 'libnim'), ...settings });
  const pages = new Map<number, (message: unknown) => void>();
  electron.ipcMain.on(channel, (event, message) => {
    const { sender, senderFrame } = event;
    if (senderFrame === null || senderFrame?.parent) {
      return; // answers go to the page, not to a frame inside it
    }
    if (!allow(event)) {
      refuse(sender, asRequest(message));
      return;
    }
    if (!pages.has(sender.id)) {
      open(sdk, sender, pages);
    }
    pages.get(sender.id)?.(message);
  });
  void electron.app.whenReady().then(() => {
    electron.powerMonitor.on('resume', () => {
      sdk.networkChanged().catch(() => undefined); // not started: there is nothing to reconnect
    });
  });
  return sdk;
}

/** Answers a call of a page that may not use the client. */
function refuse(sender: IpcMainEvent['sender'], request: Request | undefined): void {
  if (request?.kind === 'call') {
    const error = failure('forbidden', 'this page may not use the client').toJSON();
    const state = { status: Status.LoggedOut, userID: '', version: '' };
    sender.send(channel, { kind: 'error', id: request.id, error, state } satisfies Reply);
  }
}

/** Serves one page until its window is gone. */
function open(sdk: Client, sender: IpcMainEvent['sender'], pages: Map<number, (message: unknown) => void>): void {
  const close = serve(sdk, {
    send: (message) => {
      if (!sender.isDestroyed()) {
        sender.send(channel, message);
      }
    },
    onMessage: (listener) => {
      pages.set(sender.id, listener);
      return () => pages.delete(sender.id);
    },
  });
  allowListeners(sdk, 1);
  sender.once('destroyed', () => {
    close();
    allowListeners(sdk, -1);
  });
}

/** Every page listens to every event: Node's warning of a leak must not count them. */
function allowListeners(sdk: Client, more: number): void {
  const most = sdk.getMaxListeners();
  if (most !== 0) {
    sdk.setMaxListeners(most + more);
  }
}
