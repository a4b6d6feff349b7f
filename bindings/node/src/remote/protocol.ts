/** What a client and the process that has the library tell each other: plain data, in order. */
import type { ErrorData } from '../errors';
import { eventNames, type EventName } from '../events';
import type { Status, TokenRequest } from '../generated';
import { messageMethods } from '../messages/types';
import { messageEvents } from '../messages/relay';
import type { SDK, SDKOptions } from '../types';

/** A way to the other side. It keeps the order; what it carries can be cloned. */
export interface Endpoint {
  send(message: unknown): void;
  /** Calls listener with each message; the function that it returns ends that. */
  onMessage(listener: (message: unknown) => void): () => void;
}

/** What a client knows without asking. */
export interface State {
  status: Status;
  userID: string;
  version: string;
}

/** The methods that are passed on. */
export const remoteMethods = [
  'init', 'login', 'logout', 'getLoginUser', 'getLoginStatus', 'renewToken', 'kickOther', 'relogin', 'pause', 'resume',
  'networkChanged', 'setProxy', 'detectProxy', 'getServerTime', 'getMultiportPushConfig', 'setMultiportPushConfig',
  'diagnostics', 'capabilities', 'destroy', ...messageMethods,
] as const satisfies readonly (keyof SDK)[];
export type RemoteMethod = (typeof remoteMethods)[number];

/**
 * The settings that a client may give. Not among them: what names files or code of the machine, since
 * a page must not be able to load a library.
 */
export const remoteOptions = [
  'appKey', 'SDKAppID', 'link', 'lbs', 'apiAddr', 'wsAddr', 'platformID', 'loginTimeout', 'proxy', 'statusNumbers',
] as const satisfies readonly (keyof SDKOptions)[];

/** From the client. */
export type Request =
  | { kind: 'hello' }
  | { kind: 'call'; id: number; method: RemoteMethod; args: unknown[] }
  | { kind: 'offerTokens'; on: boolean }
  /** Which of the events about messages have listeners: what has none waits in the library. */
  | { kind: 'listen'; events: EventName[] }
  | { kind: 'token'; id: number; token: string | undefined };

/** To the client. */
export type Reply =
  | { kind: 'state'; state: State }
  | { kind: 'result'; id: number; value: unknown; state: State }
  | { kind: 'error'; id: number; error: ErrorData; state: State }
  | { kind: 'event'; name: EventName; event: unknown; state: State }
  | { kind: 'askToken'; id: number; request: TokenRequest };

/** Reads a message of a client; undefined if it is none. */
export function asRequest(message: unknown): Request | undefined {
  const m = message as Partial<Record<string, unknown>> | null;
  if (typeof m !== 'object' || m === null) {
    return undefined;
  }
  const numbered = typeof m.id === 'number';
  const good =
    m.kind === 'hello' ||
    (m.kind === 'call' && numbered && remoteMethods.includes(m.method as RemoteMethod) && Array.isArray(m.args)) ||
    (m.kind === 'offerTokens' && typeof m.on === 'boolean') ||
    (m.kind === 'listen' && Array.isArray(m.events) && m.events.every((e) => messageEvents.includes(e as EventName))) ||
    (m.kind === 'token' && numbered && (m.token == null || typeof m.token === 'string'));
  return good ? (m as unknown as Request) : undefined;
}

/** Whether a name is one of an event. */
export function isEventName(name: unknown): name is EventName {
  return eventNames.includes(name as EventName);
}
