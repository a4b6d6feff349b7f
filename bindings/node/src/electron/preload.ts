/**
 * The preload script of a page. It needs nothing but Electron, so that it runs in a sandboxed page as
 * it is: the names below are those of preload-channel.ts.
 */
interface ElectronPreload {
  contextBridge: { exposeInMainWorld(name: string, api: unknown): void };
  ipcRenderer: {
    send(channel: string, message: unknown): void;
    on(channel: string, listener: (event: unknown, message: unknown) => void): unknown;
    removeListener(channel: string, listener: (event: unknown, message: unknown) => void): unknown;
  };
}

{
  const { contextBridge, ipcRenderer } = require('electron') as ElectronPreload;

  const bridge = {
    send: (message: unknown): void => ipcRenderer.send('libnim', message),
    onMessage: (listener: (message: unknown) => void): (() => void) => {
      const receive = (_event: unknown, message: unknown) => listener(message);
      ipcRenderer.on('libnim', receive);
      return () => {
        ipcRenderer.removeListener('libnim', receive);
      };
    },
  };

  if ((process as { contextIsolated?: boolean }).contextIsolated === false) {
    Object.assign(globalThis, { __libnim: bridge });
  } else {
    contextBridge.exposeInMainWorld('__libnim', bridge);
  }
}
