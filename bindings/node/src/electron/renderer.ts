/** The page of an Electron program: the same client, without Node. */
import type { Endpoint } from '../remote/protocol';
import { RemoteSDK } from '../remote/remote';
import type { SDK } from '../types';
import { bridgeName } from './preload-channel';

export { NimError } from '../errors';
export * from '../events';
export { AuthType, ClientType, LoginStep, Status } from '../generated';
export type { Endpoint } from '../remote/protocol';
export type * from '../types';

let instance: SDK | undefined;

/**
 * Gives the client of this page. It is the same session in every page of the program. endpoint is a
 * way to the process that has the library, if that is not the one of the preload script.
 */
export function getWithRenderProcess(endpoint?: Endpoint): { instance: SDK } {
  const way = endpoint ?? (globalThis as Record<string, unknown>)[bridgeName];
  if (instance === undefined) {
    if (way === undefined) {
      throw new Error('libnim/electron/preload is not the preload script of this page, or not required by it');
    }
    instance = new RemoteSDK(way as Endpoint);
  }
  return { instance };
}
