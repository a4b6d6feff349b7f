import type { ClientPres, ConnectionEvent, KickoutEvent, LoginResult } from './generated';
import type { OpenIMConversation, OpenIMMessage } from './messages/openim';
import type { TencentConversation, TencentMessage } from './messages/tencent';
import type { MessageAck, ReceivedMessage, SessionChange } from './messages/types';

/** What every listener gets. */
export interface SDKEvent<T> {
  /** The name of the event. */
  readonly name: string;
  readonly data: T;
  /** 0, or the library's code of the error that the event is about. */
  readonly errCode: number;
  readonly errMsg: string;
  readonly operationID: string;
}

/** Why a session was ended from outside. */
export type KickedOutType = 'multipleAccount' | 'multipleDevice' | 'userSigExpired' | 'restApi';

export interface KickedOutData {
  /**
   * multipleAccount: a client of the same kind logged in; multipleDevice: another device of the account
   * took the place or kicked this one; userSigExpired: the token ran out and no new one came; restApi:
   * the server did it.
   */
  type: KickedOutType;
  reason: string;
  deviceID: string;
  clientType: number;
}

/** Who is logged in, as OpenIM's SDKs name it. */
export interface SelfInfo {
  userID: string;
  nickname: string;
  faceURL: string;
  ex: string;
}

export interface MultiSpotData {
  type: 'in' | 'out';
  devices: ClientPres[];
}

export interface LoginStepData {
  /** enum LoginStep: 0 linking, 1 link, 2 logining; the end of a login is its promise. */
  step: number;
  /** An attempt failed and another one follows. */
  retrying: boolean;
}

/** The events, with the arguments of their listeners. */
export interface EventMap {
  /** An attempt to connect begins. */
  connecting: [SDKEvent<ConnectionEvent>];
  /** The socket is up; the login follows. */
  connected: [SDKEvent<ConnectionEvent>];
  /** The session stands: the same moment as ready, by OpenIM's name. */
  connectSuccess: [SDKEvent<ConnectionEvent>];
  /** An attempt failed; errCode and errMsg say why. */
  connectFailed: [SDKEvent<ConnectionEvent>];
  /** The session stands. */
  ready: [SDKEvent<ConnectionEvent>];
  /** More is known of the account that is logged in than the login told, or it has changed. */
  selfInfoUpdated: [SDKEvent<SelfInfo>];
  /** The session does not stand any more, or not now. */
  notReady: [SDKEvent<ConnectionEvent>];
  /** The token has run out. */
  userTokenExpired: [SDKEvent<ConnectionEvent>];
  /** An attempt failed on the token. */
  userTokenInvalid: [SDKEvent<ConnectionEvent>];
  /** The token runs out in data.expires_in_ms. */
  tokenExpiring: [SDKEvent<ConnectionEvent>];
  /** The connection was lost; the library restores it. */
  disconnected: [SDKEvent<ConnectionEvent>];
  /** The next attempt comes in data.retry_in_ms. */
  retryIn: [SDKEvent<ConnectionEvent>];
  /** The session was ended from outside; no relogin follows. */
  kickedOut: [SDKEvent<KickedOutData>];
  /** The same as kickedOut, by OpenIM's name, with who did it; not for userSigExpired. */
  kickedOffline: [SDKEvent<KickoutEvent>];
  /** The session has ended by logout. */
  closed: [SDKEvent<ConnectionEvent>];
  /** Other devices of the account came or went. */
  multispot: [SDKEvent<MultiSpotData>];
  /** A login has got to a step. */
  loginStep: [SDKEvent<LoginStepData>];
  /** The outcome of every relogin. retrying false with an errCode: automatic relogin has ended. */
  relogin: [SDKEvent<LoginResult>];
  /** Another device changed the push setting. */
  pushConfigChanged: [SDKEvent<{ switchOpen: number }>];
  /** A sync of this type (enum DataSyncType) is complete. */
  dataSync: [SDKEvent<{ type: number }>];
  /** Messages of one conversation, the oldest first; each is told once. Without a listener they wait. */
  messagesReceived: [SDKEvent<ReceivedMessage[]>];
  /** The same by Tencent IM's name and shape. */
  messageReceived: [SDKEvent<TencentMessage[]>];
  /** The same by OpenIM's names and shape: one by one, and together. */
  recvNewMessage: [SDKEvent<OpenIMMessage>];
  recvNewMessages: [SDKEvent<OpenIMMessage[]>];
  /** The outcome of a send, also of one from before the program was started. */
  messageAck: [SDKEvent<MessageAck>];
  /** A message whose send ended with 408 has arrived after all. */
  messageCorrected: [SDKEvent<MessageAck>];
  /** A conversation was added or has changed. */
  sessionChanged: [SDKEvent<SessionChange>];
  /** The unread number of all conversations. */
  totalUnreadChanged: [SDKEvent<number>];
  /** The whole list after changes, in Tencent IM's shape. */
  conversationListUpdated: [SDKEvent<TencentConversation[]>];
  /** Conversations that have changed, in OpenIM's shape. */
  conversationChanged: [SDKEvent<OpenIMConversation[]>];
  /** Conversations that were added, in OpenIM's shape. */
  newConversation: [SDKEvent<OpenIMConversation[]>];
}

export type EventName = keyof EventMap;
export type Listener<E extends EventName> = (...args: EventMap[E]) => void;

/** The part of EventEmitter that every client has, typed. */
export interface TypedEvents {
  on<E extends EventName>(event: E, listener: Listener<E>): this;
  once<E extends EventName>(event: E, listener: Listener<E>): this;
  off<E extends EventName>(event: E, listener: Listener<E>): this;
  addListener<E extends EventName>(event: E, listener: Listener<E>): this;
  removeListener<E extends EventName>(event: E, listener: Listener<E>): this;
  removeAllListeners(event?: EventName): this;
  listenerCount(event: EventName): number;
}

/** Takes the events of the library. */
export interface EventSink {
  emit<E extends EventName>(event: E, ...args: EventMap[E]): boolean;
}

/**
 * Node's EventEmitter with these events. Its own types are not used: they differ between the versions
 * of @types/node, and what is generic in one does not compile with another.
 */
export interface NodeEvents extends TypedEvents, EventSink {
  prependListener<E extends EventName>(event: E, listener: Listener<E>): this;
  prependOnceListener<E extends EventName>(event: E, listener: Listener<E>): this;
  listeners<E extends EventName>(event: E): Listener<E>[];
  rawListeners<E extends EventName>(event: E): Listener<E>[];
  eventNames(): (string | symbol)[];
  setMaxListeners(n: number): this;
  getMaxListeners(): number;
}

/** All event names. */
export const eventNames = [
  'connecting', 'connected', 'connectSuccess', 'connectFailed', 'ready', 'selfInfoUpdated', 'notReady', 'userTokenExpired',
  'userTokenInvalid', 'tokenExpiring', 'disconnected', 'retryIn', 'kickedOut', 'kickedOffline', 'closed',
  'multispot', 'loginStep', 'relogin', 'pushConfigChanged', 'dataSync',
  'messagesReceived', 'messageReceived', 'recvNewMessage', 'recvNewMessages', 'messageAck', 'messageCorrected',
  'sessionChanged', 'totalUnreadChanged', 'conversationListUpdated', 'conversationChanged', 'newConversation',
] as const satisfies readonly EventName[];

/** The event names by the constants of OpenIM's SDKs. */
export const CbEvents = {
  OnConnecting: 'connecting',
  OnConnectSuccess: 'connectSuccess',
  OnConnectFailed: 'connectFailed',
  OnUserTokenExpired: 'userTokenExpired',
  OnUserTokenInvalid: 'userTokenInvalid',
  OnKickedOffline: 'kickedOffline',
  OnSelfInfoUpdated: 'selfInfoUpdated',
  OnRecvNewMessage: 'recvNewMessage',
  OnRecvNewMessages: 'recvNewMessages',
  OnConversationChanged: 'conversationChanged',
  OnNewConversation: 'newConversation',
  OnTotalUnreadMessageCountChanged: 'totalUnreadChanged',
} as const;

/** The event names by the constants of Tencent's SDKs. */
export const EVENT = {
  SDK_READY: 'ready',
  SDK_NOT_READY: 'notReady',
  KICKED_OUT: 'kickedOut',
  MESSAGE_RECEIVED: 'messageReceived',
  CONVERSATION_LIST_UPDATED: 'conversationListUpdated',
  TOTAL_UNREAD_MESSAGE_COUNT_UPDATED: 'totalUnreadChanged',
} as const;

/** The kinds of kickedOut, of conversations and of messages by the constants of Tencent's SDKs. */
export const TYPES = {
  KICKED_OUT_MULT_ACCOUNT: 'multipleAccount',
  KICKED_OUT_MULT_DEVICE: 'multipleDevice',
  KICKED_OUT_USERSIG_EXPIRED: 'userSigExpired',
  KICKED_OUT_REST_API: 'restApi',
  CONV_C2C: 'C2C',
  CONV_GROUP: 'GROUP',
  MSG_TEXT: 'TIMTextElem',
  MSG_CUSTOM: 'TIMCustomElem',
} as const;
