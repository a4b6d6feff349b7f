/** The main process of an Electron program: it has the library, and lets the pages use it. */
import path from 'node:path';
import { type Client } from '../client';
import { getSDK } from '../index';
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
  sender: {
    id: number;
    send(channel: string, message: unknown): void;
    isDestroyed(): boolean;
    once(event: 'destroyed', listener: () => void): unknown;
  };
}

export interface MainOptions extends SDKOptions {
  /** Whether a page may use the client; all pages that have the preload script may if absent. */
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
    if (allow(event)) {
      const { sender } = event;
      if (!pages.has(sender.id)) {
        open(sdk, sender, pages);
      }
      pages.get(sender.id)?.(message);
    }
  });
  void electron.app.whenReady().then(() => {
    electron.powerMonitor.on('resume', () => {
      sdk.networkChanged().catch(() => undefined); // not started: there is nothing to reconnect
    });
  });
  return sdk;
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
  sender.once('destroyed', close);
}
