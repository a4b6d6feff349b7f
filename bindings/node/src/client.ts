import { randomUUID } from 'node:crypto';
import { asyncApi } from './asyncapi';
import { Engine, readAnswer, type Reply, type SlotName } from './engine';
import { argument, failure, throwLater } from './errors';
import type { EventMap, EventName } from './events';
import {
  LogoutType, Status,
  type Capabilities, type Diagnostics, type LoginOptions, type LoginResult,
  type ProxyDetectResult, type PushConfig,
} from './generated';
import { Messages } from './messages/messages';
import { heardFor, Relay } from './messages/relay';
import { messageMethods, type MessageCalls } from './messages/types';
import { given, loginStatus, proxyArguments } from './options';
import type { Credentials } from './tokens';
import { resultOf, selfInfoOf } from './translate';
import type {
  AsyncApiName, KickOtherData, LoginData, LoginParams, ProxyOptions, SDK, SDKOptions, SDKResult, TokenProvider,
} from './types';
import { WatchedEmitter } from './watched';

/** With the calls about messages, which Messages has. */
export interface Client extends MessageCalls {}

/** The client of this process, over the C library. */
export class Client extends WatchedEmitter implements SDK {
  static {
    for (const name of [...messageMethods, 'createTextMessage', 'createCustomMessage'] as const) {
      Client.prototype[name] = function (this: Client, ...args: never[]) {
        return (this.messages[name] as (...args: never[]) => never)(...args);
      };
    }
  }

  private readonly engine = new Engine(this);
  private readonly relay = new Relay(this);
  private readonly messages = new Messages(this.engine, this, (ack) => this.relay.acknowledged(ack));
  private ending: Promise<void> | undefined;

  constructor(options: SDKOptions = {}) {
    super();
    this.engine.onStop = () => {
      this.messages.cancel();
      this.relay.reset();
    };
    this.configure(options);
  }

  /** What has no listener is not heard, so that it waits in the library. */
  protected override listenersChanged(): void {
    const { engine, relay } = this;
    const wanted = (slot: keyof typeof heardFor) => heardFor[slot].some((event) => this.listenerCount(event) > 0);
    const hear = <S extends SlotName>(name: S, on: boolean, f: (reply: Reply<S>) => void) => {
      if (engine.hears(name) !== on) {
        engine.hear(name, on ? f : undefined);
      }
    };
    hear('talk_receive', wanted('talk_receive'), (r) => relay.received(r.content));
    hear('talk_receive_msgs', wanted('talk_receive'), (r) => relay.received(r.content));
    hear('session_change', wanted('session_change'), (r) => relay.changed(r.result, r.total_unread_counts));
    hear('nimx_talk_msg_corrected', wanted('nimx_talk_msg_corrected'), (r) => relay.corrected(r.result));
    if (wanted('talk_ack')) {
      this.messages.hearAcks();
    }
  }

  get status(): Status {
    return this.engine.status;
  }

  get userID(): string {
    return this.engine.userID;
  }

  get version(): string {
    return this.engine.load().fn.nim_client_version();
  }

  uuid(): string {
    return randomUUID();
  }

  /** Lets the session alone keep the process. A call that waits for its answer always does. */
  ref(): this {
    this.engine.hold(true);
    return this;
  }

  /** The session does not keep the process: the default. */
  unref(): this {
    this.engine.hold(false);
    return this;
  }

  /** Takes settings for the next start, without starting. */
  configure(options: SDKOptions): void {
    this.engine.options = { ...this.engine.options, ...options };
    if (options.onTokenRequest !== undefined) {
      this.setTokenProvider(options.onTokenRequest);
    }
  }

  /** Calls every listener, whatever another one throws. */
  override emit<E extends EventName>(event: E, ...args: EventMap[E]): boolean {
    const listeners = this.rawListeners(event);
    for (const listener of listeners) {
      try {
        Reflect.apply(listener, this, args);
      } catch (e) {
        throwLater(e);
      }
    }
    return listeners.length > 0;
  }

  async init(options: SDKOptions = {}, operationID = this.uuid()): Promise<SDKResult<null>> {
    if (options.onTokenRequest !== undefined) {
      this.setTokenProvider(options.onTokenRequest);
    }
    this.engine.start(options);
    return resultOf(null, operationID);
  }

  initSDK(options: SDKOptions = {}, operationID = this.uuid()): Promise<SDKResult<null>> {
    return this.init(options, operationID);
  }

  async login(params: LoginParams, operationID = this.uuid()): Promise<SDKResult<LoginData>> {
    if (typeof params !== 'object' || params === null) {
      throw failure('invalid_argument', 'login wants an object');
    }
    const p = params as { apiAddr?: string; wsAddr?: string; platformID?: number };
    this.engine.start(given({ apiAddr: p.apiAddr, wsAddr: p.wsAddr, platformID: p.platformID }));
    const credentials = credentialsOf(params, operationID);
    const offered = credentials.token === '' ? this.engine.tokens.forLogin(credentials) : undefined;
    if (offered !== undefined) {
      credentials.token = await this.engine.running().calls.awaited(offered);
    }
    const answer = await this.engine.enter(credentials);
    return resultOf(this.loginData(answer), answer.operation_id ?? operationID);
  }

  async logout(operationID = this.uuid()): Promise<SDKResult<null>> {
    if (this.engine.isRunning) {
      await this.engine.leave(LogoutType.ChangeAccout, operationID);
    }
    return resultOf(null, operationID);
  }

  async getLoginUser(): Promise<SDKResult<string>> {
    return resultOf(this.userID);
  }

  getLoginUserID(): Promise<SDKResult<string>> {
    return this.getLoginUser();
  }

  async getLoginStatus(): Promise<SDKResult<number>> {
    return resultOf(loginStatus(this.status, this.engine.options.statusNumbers));
  }

  async renewToken(token: string, operationID = this.uuid()): Promise<SDKResult<{ expiresAt: number }>> {
    const r = await this.engine.renew(token, operationID);
    return resultOf({ expiresAt: r.expires_at_ms ?? 0 }, operationID);
  }

  async kickOther(deviceIDs: string | string[]): Promise<SDKResult<KickOtherData>> {
    const r = await this.engine.kick([deviceIDs].flat());
    return resultOf({ deviceIDs: r.device_ids, results: r.results }, r.operation_id);
  }

  async relogin(): Promise<SDKResult<null>> {
    this.engine.running();
    switch (this.status) {
      case Status.Online:
        return resultOf(null);
      case Status.LoggingIn:
        throw failure('login_in_progress');
      case Status.LoggingOut:
        throw failure('logout_in_progress');
    }
    await this.engine.relogin();
    return resultOf(null);
  }

  async pause(): Promise<SDKResult<null>> {
    readAnswer(await this.engine.ask.nimx_client_pause(null));
    return resultOf(null);
  }

  async resume(): Promise<SDKResult<null>> {
    readAnswer(await this.engine.ask.nimx_client_resume(null));
    return resultOf(null);
  }

  async networkChanged(): Promise<SDKResult<null>> {
    this.engine.running().fn.nimx_client_network_changed(null);
    return resultOf(null);
  }

  async setProxy(proxy: ProxyOptions): Promise<SDKResult<null>> {
    const { fn } = this.engine.load();
    argument(() => fn.nim_global_set_proxy(...proxyArguments(proxy)));
    return resultOf(null);
  }

  async detectProxy(proxy: ProxyOptions): Promise<SDKResult<{ elapsed: number }>> {
    this.engine.running();
    const setting = argument(() => proxyArguments(proxy));
    const r = readAnswer<ProxyDetectResult>(await this.engine.ask.nim_global_detect_proxy(...setting));
    return resultOf({ elapsed: r.elapsed_ms ?? 0 });
  }

  async getServerTime(local = false): Promise<SDKResult<number>> {
    return resultOf((await this.engine.ask.nim_client_get_server_current_time(local, null)).time);
  }

  async getMultiportPushConfig(): Promise<SDKResult<{ switchOpen: number }>> {
    const { content } = await this.engine.ask.nim_client_get_multiport_push_config(null);
    return resultOf({ switchOpen: (JSON.parse(content) as PushConfig).switch_open });
  }

  async setMultiportPushConfig(switchOpen: 1 | 2): Promise<SDKResult<{ switchOpen: number }>> {
    const content = JSON.stringify({ switch_open: switchOpen } satisfies PushConfig);
    await this.engine.ask.nim_client_set_multiport_push_config(content, null);
    return resultOf({ switchOpen });
  }

  async diagnostics(): Promise<SDKResult<Diagnostics>> {
    return resultOf(readAnswer<Diagnostics>(await this.engine.ask.nimx_client_diagnostics(null)));
  }

  async capabilities(): Promise<SDKResult<Capabilities>> {
    return resultOf(JSON.parse(this.engine.running().fn.nimx_client_capabilities()) as Capabilities);
  }

  setTokenProvider(provider: TokenProvider | undefined): void {
    this.engine.provide(provider);
  }

  async destroy(): Promise<SDKResult<null>> {
    this.ending ??= this.end().finally(() => {
      this.ending = undefined;
    });
    await this.ending;
    return resultOf(null);
  }

  asyncApi(name: AsyncApiName, operationID: string, params?: unknown): Promise<unknown> {
    return asyncApi(this, name, operationID, params);
  }

  /** The local session ends whatever the answer to the logout is. */
  private async end(): Promise<void> {
    if (this.engine.isRunning && this.status !== Status.LoggedOut) {
      await this.engine.leave(LogoutType.AppExit, this.uuid()).catch(() => undefined);
    }
    this.engine.stop();
  }

  private loginData(r: LoginResult): LoginData {
    const user = this.engine.loginUser();
    return {
      ...selfInfoOf(user),
      deviceID: user.device_id ?? '',
      repeatLogin: r.repeat_login ?? false,
      errorInfo: r.repeat_login ? (r.err_msg ?? '') : '',
      otherClients: r.other_clients_pres,
    };
  }
}

/** What the three vocabularies of login mean. Only Tencent's switches accounts by itself. */
function credentialsOf(params: LoginParams, operationID: string): Credentials {
  const options: LoginOptions = given({
    custom_tag: params.customTag,
    auth_type: params.authType,
    login_ex: params.loginExt,
    force: params.force,
    timeout_ms: params.timeout,
    switch_account: params.switchAccount ?? 'userSig' in params,
    operation_id: operationID,
  });
  if ('account' in params) {
    return { appKey: params.appKey ?? '', account: params.account, token: params.token ?? '', options };
  }
  const token = 'userSig' in params ? params.userSig : params.token;
  return { appKey: '', account: params.userID, token: token ?? '', options };
}
