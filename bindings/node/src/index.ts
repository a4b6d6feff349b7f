/**
 * libnim for Node: the instant-messaging session of the process.
 *
 * getSDK gives the client, login logs in; README.md shows the rest.
 */
import { Client } from './client';
import type { SDKOptions } from './types';

export { Client } from './client';
export { NimError, type ErrorData } from './errors';
export * from './events';
export * from './generated';
export type { NIMMessage, NIMRecallNotice, NIMSession, NIMStickTopInfo, NIMThreadInfo } from './generated-calls';
export * from './messages/openim';
export * from './messages/tencent';
export * from './messages/types';
export { LibraryLoadError, type Tried } from './loader';
export * from './types';

let client: Client | undefined;

/**
 * The client of this process: always the same one, since a process has one library. Options are kept
 * for the start of the library, which init or the first login brings about.
 */
export function getSDK(options: SDKOptions = {}): Client {
  client ??= new Client();
  client.configure(options);
  return client;
}

/** The same as getSDK, by the name that Tencent IM programs know. */
export const create = getSDK;
