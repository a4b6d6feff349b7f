import { errorTable, KickReason, Status, type ConnectionEvent, type ErrorInfo, type KickoutEvent, type LoginUser } from './generated';
import type { EventMap, EventName, EventSink, KickedOutType, SDKEvent, SelfInfo } from './events';
import type { SDKResult } from './types';

const success: number = errorTable.ok.code;

/** What a promise of the client resolves with. */
export function resultOf<T>(data: T, operationID = ''): SDKResult<T> {
  return { code: 0, errCode: 0, errMsg: '', data, operationID };
}

/** Makes what a listener gets. */
export function eventOf<T>(name: EventName, data: T, info?: Partial<ErrorInfo>): SDKEvent<T> {
  const code = info?.err_code ?? success;
  return {
    name,
    data,
    errCode: code === success ? 0 : code,
    errMsg: code === success ? '' : (info?.err_msg ?? ''),
    operationID: info?.operation_id ?? '',
  };
}

/** The part of a login user that OpenIM's SDKs tell. */
export function selfInfoOf(user: Partial<LoginUser>): SelfInfo {
  return { userID: user.account ?? '', nickname: user.name ?? '', faceURL: user.icon ?? '', ex: user.ex ?? '' };
}

/** The events whose data is the connection event itself. */
type PlainEvent = { [E in EventName]: EventMap[E] extends [SDKEvent<ConnectionEvent>] ? E : never }[EventName];

/** The events that a connection event becomes, in order. */
const names: Record<string, readonly PlainEvent[]> = {
  connecting: ['connecting'],
  connected: ['connected'],
  ready: ['connectSuccess', 'ready'],
  failed: ['connectFailed'],
  lost: ['disconnected'],
  retry_in: ['retryIn'],
  token_expiring: ['tokenExpiring'],
  token_expired: ['userTokenExpired'],
  token_invalid: ['userTokenInvalid'],
  not_ready: ['notReady'],
  closed: ['closed'],
};

/** Emits what a connection event means, but for a kick. */
export function emitConnection(to: EventSink, e: ConnectionEvent): void {
  for (const name of names[e.event] ?? []) {
    to.emit(name, eventOf(name, e, e));
  }
}

/** Emits a kick under both of its names. */
export function emitKick(to: EventSink, e: ConnectionEvent, kick: KickoutEvent, ownType: number): void {
  const data = {
    type: kickedOutType(kick, ownType),
    reason: kick.reason_description,
    deviceID: kick.device_id ?? '',
    clientType: kick.client_type,
  };
  to.emit('kickedOut', eventOf('kickedOut', data, e));
  to.emit('kickedOffline', eventOf('kickedOffline', kick, e));
}

/** Emits the end of a session whose token ran out. */
export function emitExpired(to: EventSink, e: ConnectionEvent): void {
  const data = { type: 'userSigExpired', reason: e.err_msg ?? '', deviceID: '', clientType: 0 } as const;
  to.emit('kickedOut', eventOf('kickedOut', data, e));
}

function kickedOutType(kick: KickoutEvent, ownType: number): KickedOutType {
  switch (kick.reason_code) {
    case KickReason.ServerKick:
      return 'restApi';
    case KickReason.SameGeneric:
      return kick.client_type === ownType ? 'multipleAccount' : 'multipleDevice';
    default:
      return 'multipleDevice';
  }
}

/** Whether the event says that automatic relogin has ended because the token ran out. */
export function endsExpired(e: ConnectionEvent): boolean {
  return e.event === 'token_expired' && e.status === Status.GaveUp;
}
