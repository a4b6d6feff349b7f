import type { Capabilities, ClientPres, Diagnostics, InitOptions, KickedDevice, Status, TokenRequest } from './generated';
import type { SelfInfo, TypedEvents } from './events';
import type { MessageCalls } from './messages/types';

export interface ProxyOptions {
  /** socks4 resolves names on this machine, the others at the proxy; none: no proxy. */
  type: 'none' | 'http' | 'socks4' | 'socks4a' | 'socks5';
  host?: string;
  port?: number;
  user?: string;
  password?: string;
}

/** How getLoginStatus numbers [logged in, logging in, logged out]. */
export type StatusNumbers = 'tencent' | 'tencent-rn' | 'openim';

/** Gives a token: at once, as a promise, or undefined to keep the old one. */
export type TokenProvider = (request: TokenRequest) => string | undefined | Promise<string | undefined>;

export interface SDKOptions {
  /** The app key of a nimd gateway. */
  appKey?: string;
  /** The same, by Tencent's name. */
  SDKAppID?: string | number;
  /** nimd gateways, tried in order: host:port, or a whole ws:// or wss:// URL. */
  link?: string | string[];
  /** URL that answers with gateway addresses. */
  lbs?: string;
  /** An OpenIM deployment: its REST API. */
  apiAddr?: string;
  /** An OpenIM deployment: its message gateway, ws:// or wss://. */
  wsAddr?: string;
  /** An OpenIM deployment: the platform number to log in as; by operating system if absent. */
  platformID?: number;
  /**
   * Where the library keeps the device id and caches: an absolute path, or a name below the user's
   * settings ('libnim' if absent). Two processes cannot share one.
   */
  dataDir?: string;
  /** Absolute path of the library, or of its directory. */
  libraryPath?: string;
  /** Id of this device; random and kept in dataDir if absent. */
  deviceID?: string;
  /** How long a first login may take, ms (30,000); given, every failed attempt is reported. */
  loginTimeout?: number;
  /** The proxy for everything the library sends. */
  proxy?: ProxyOptions;
  /** Asked for a token when one is needed. */
  onTokenRequest?: TokenProvider;
  /** How getLoginStatus counts: 'tencent' 1, 2, 3 (the default), 'tencent-rn' 0, 1, 2, 'openim' 3, 2, 1. */
  statusNumbers?: StatusNumbers;
  /** Lines of the library's log, without secrets. */
  onLog?: (level: number, line: string) => void;
  /** How often the library is asked for events, ms (20). */
  pollInterval?: number;
  /** Further settings of the C interface (InitOptions); they win over the ones above. */
  init?: InitOptions;
}

interface CommonLoginOptions {
  /** Text that the own other devices see. */
  customTag?: string;
  /** enum AuthType: 0 static or self-describing token, 1 NIM dynamic token, 2 checked by the app's server. */
  authType?: number;
  /** Text for the app's server (authType 2). */
  loginExt?: string;
  /** Log the present account out first; else another account is refused with 20002. */
  switchAccount?: boolean;
  /** false: do not displace another device; refused with 417 and who is in the way. */
  force?: boolean;
  /** How long this login may take, ms. */
  timeout?: number;
}

/** Login as OpenIM programs call it. Without a token onTokenRequest is asked. */
export interface TokenLogin extends CommonLoginOptions {
  userID: string;
  token?: string;
  platformID?: number;
  apiAddr?: string;
  wsAddr?: string;
}

/** Login as Tencent IM programs call it: another account is logged out first. */
export interface UserSigLogin extends CommonLoginOptions {
  userID: string;
  userSig: string;
}

/** Login as NIM programs call it. */
export interface AccountLogin extends CommonLoginOptions {
  account: string;
  token?: string;
  appKey?: string;
}

export type LoginParams = TokenLogin | UserSigLogin | AccountLogin;

/** What every resolved promise of the client carries, in the words of both families. */
export interface SDKResult<T> {
  /** 0 */
  code: 0;
  /** 0 */
  errCode: 0;
  /** '' */
  errMsg: '';
  data: T;
  operationID: string;
}

/** Name, picture and ex are '' as far as the server has told none; selfInfoUpdated says when it does. */
export interface LoginData extends SelfInfo {
  deviceID: string;
  /** The account was online already, and stayed so. */
  repeatLogin: boolean;
  /** '' or, with repeatLogin, a sentence that says so. */
  errorInfo: string;
  /** The own other devices that are online. */
  otherClients: ClientPres[];
}

export interface KickOtherData {
  /** The devices that were dropped. */
  deviceIDs: string[];
  /** The outcome for each device. */
  results: KickedDevice[];
}

/** The calls of asyncApi, by the names of OpenIM's SDKs. */
export type AsyncApiName =
  | 'initSDK' | 'login' | 'logout' | 'getLoginUserID' | 'getLoginStatus' | 'networkStatusChanged'
  | 'createTextMessage' | 'createCustomMessage' | 'sendMessage' | 'getAllConversationList' | 'getConversationListSplit'
  | 'getAdvancedHistoryMessageList' | 'markConversationMessageAsRead' | 'getTotalUnreadMsgCount'
  | 'insertSingleMessageToLocalStorage';

/**
 * The client. There is one per process, since a process has one library; getSDK gives it, and
 * getWithRenderProcess gives the same thing in a renderer of an Electron program.
 *
 * Promises reject with a NimError.
 */
export interface SDK extends TypedEvents, MessageCalls {
  /** The state of the session at this moment; may be ahead of the events, never behind. */
  readonly status: Status;
  /** The account of the session, '' when there is none. */
  readonly userID: string;
  /** The version of the library. */
  readonly version: string;

  /** A new operation id. */
  uuid(): string;
  /** Starts the library; login does it too. With other settings than before: only while logged out. */
  init(options?: SDKOptions, operationID?: string): Promise<SDKResult<null>>;
  /** The same as init, by OpenIM's name. */
  initSDK(options?: SDKOptions, operationID?: string): Promise<SDKResult<null>>;
  /** Logs in. It resolves when the server has admitted the session; the events that this causes follow. */
  login(params: LoginParams, operationID?: string): Promise<SDKResult<LoginData>>;
  /** Ends the session; also without one. */
  logout(operationID?: string): Promise<SDKResult<null>>;
  /** The account of the session, '' when there is none. */
  getLoginUser(): Promise<SDKResult<string>>;
  /** The same as getLoginUser, by OpenIM's name. */
  getLoginUserID(): Promise<SDKResult<string>>;
  /** Logged in, logging in or logged out, as numbers: SDKOptions.statusNumbers. */
  getLoginStatus(): Promise<SDKResult<number>>;
  /** Replaces the token of the running session. */
  renewToken(token: string, operationID?: string): Promise<SDKResult<{ expiresAt: number }>>;
  /** Drops other devices of the account. */
  kickOther(deviceIDs: string | string[]): Promise<SDKResult<KickOtherData>>;
  /** Tries to log in again at once, with the last credentials. */
  relogin(): Promise<SDKResult<null>>;
  /** Closes the connection and keeps the session. */
  pause(): Promise<SDKResult<null>>;
  /** Ends a pause. It resolves when the library tries again; ready follows. */
  resume(): Promise<SDKResult<null>>;
  /** Says that the network changed: a waiting relogin is tried at once. */
  networkChanged(): Promise<SDKResult<null>>;
  /** Sets the proxy, from the next connection on. */
  setProxy(proxy: ProxyOptions): Promise<SDKResult<null>>;
  /** Tries whether the server can be reached through a proxy. */
  detectProxy(proxy: ProxyOptions): Promise<SDKResult<{ elapsed: number }>>;
  /** The server's clock, ms since 1970; with local computed from what is known of it. */
  getServerTime(local?: boolean): Promise<SDKResult<number>>;
  /** Whether phones get pushes while a desktop is online: 1 no, 2 yes. */
  getMultiportPushConfig(): Promise<SDKResult<{ switchOpen: number }>>;
  setMultiportPushConfig(switchOpen: 1 | 2): Promise<SDKResult<{ switchOpen: number }>>;
  /** What is known of the connection: timings, round trip, a trace; no secret. */
  diagnostics(): Promise<SDKResult<Diagnostics>>;
  /** What the library and its current server can do. */
  capabilities(): Promise<SDKResult<Capabilities>>;
  /** Sets who is asked for a token when one is needed; undefined: nobody. */
  setTokenProvider(provider: TokenProvider | undefined): void;
  /** Logs out, stops the library, frees everything. init and login are legal afterwards. */
  destroy(): Promise<SDKResult<null>>;
  /** Calls by name, as OpenIM's promise wrappers do; it resolves with the data alone. */
  asyncApi(name: AsyncApiName, operationID: string, params?: unknown): Promise<unknown>;
}
