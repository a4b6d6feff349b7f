import { EventEmitter } from 'node:events';
import { randomUUID } from 'node:crypto';
import { asyncApi } from './asyncapi';
import { Engine, readAnswer } from './engine';
import { errorOf, failure, refusal, throwLater } from './errors';
import type { EventMap, EventName, NodeEvents } from './events';
import {
  errorTable, LogoutType, Status,
  type Capabilities, type Diagnostics, type LoginOptions, type LoginResult,
  type ProxyDetectResult, type PushConfig,
} from './generated';
import { given, loginStatus, proxyArguments } from './options';
import type { Credentials } from './tokens';
import { selfInfoOf } from './translate';
import type {
  AsyncApiName, KickOtherData, LoginData, LoginParams, ProxyOptions, SDK, SDKOptions, SDKResult, TokenProvider,
} from './types';

const Emitter = EventEmitter as unknown as new () => NodeEvents;

/** The client of this process, over the C library. */
export class Client extends Emitter implements SDK {
  private readonly engine = new Engine(this);
  private ending: Promise<void> | undefined;

  constructor(options: SDKOptions = {}) {
    super();
    this.configure(options);
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
    return result(null, operationID);
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
    return result(this.loginData(answer), answer.operation_id ?? operationID);
  }

  async logout(operationID = this.uuid()): Promise<SDKResult<null>> {
    if (this.engine.isRunning) {
      await this.engine.leave(LogoutType.ChangeAccout, operationID);
    }
    return result(null, operationID);
  }

  async getLoginUser(): Promise<SDKResult<string>> {
    return result(this.userID);
  }

  getLoginUserID(): Promise<SDKResult<string>> {
    return this.getLoginUser();
  }

  async getLoginStatus(): Promise<SDKResult<number>> {
    return result(loginStatus(this.status, this.engine.options.statusNumbers));
  }

  async renewToken(token: string, operationID = this.uuid()): Promise<SDKResult<{ expiresAt: number }>> {
    const r = await this.engine.renew(token, operationID);
    return result({ expiresAt: r.expires_at_ms ?? 0 }, operationID);
  }

  async kickOther(deviceIDs: string | string[]): Promise<SDKResult<KickOtherData>> {
    const r = await this.engine.kick([deviceIDs].flat());
    return result({ deviceIDs: r.device_ids, results: r.results }, r.operation_id);
  }

  async relogin(): Promise<SDKResult<null>> {
    this.engine.running();
    switch (this.status) {
      case Status.Online:
        return result(null);
      case Status.LoggingIn:
        throw failure('login_in_progress');
      case Status.LoggingOut:
        throw failure('logout_in_progress');
    }
    await this.engine.relogin();
    return result(null);
  }

  async pause(): Promise<SDKResult<null>> {
    await this.engine.ask((fn, cb, id) => fn.nimx_client_pause(null, cb, id));
    return result(null);
  }

  async resume(): Promise<SDKResult<null>> {
    await this.engine.ask((fn, cb, id) => fn.nimx_client_resume(null, cb, id));
    return result(null);
  }

  async networkChanged(): Promise<SDKResult<null>> {
    this.engine.running().fn.nimx_client_network_changed(null);
    return result(null);
  }

  async setProxy(proxy: ProxyOptions): Promise<SDKResult<null>> {
    const { fn } = this.engine.load();
    try {
      fn.nim_global_set_proxy(...proxyArguments(proxy));
    } catch (e) {
      throw refusal(e);
    }
    return result(null);
  }

  async detectProxy(proxy: ProxyOptions): Promise<SDKResult<{ elapsed: number }>> {
    const { fn, calls } = this.engine.running();
    const r = await calls.call(
      'nim_global_detect_proxy_cb_func',
      (cb, id) => fn.nim_global_detect_proxy(...proxyArguments(proxy), cb, id),
      (_connected: boolean, _step: number, text: string) => readAnswer<ProxyDetectResult>(text),
    );
    return result({ elapsed: r.elapsed_ms ?? 0 });
  }

  async getServerTime(local = false): Promise<SDKResult<number>> {
    const { fn, calls } = this.engine.running();
    const time = await calls.call(
      'nim_client_get_server_current_time_cb_func',
      (cb, id) => fn.nim_client_get_server_current_time(local, cb, null, id),
      (code: number, _local: boolean, time: number) => {
        if (code !== errorTable.ok.code) {
          throw errorOf({ err_code: code });
        }
        return time;
      },
    );
    return result(time);
  }

  async getMultiportPushConfig(): Promise<SDKResult<{ switchOpen: number }>> {
    const { fn, calls } = this.engine.running();
    const c = await calls.call(
      'nim_client_multiport_push_config_cb_func',
      (cb, id) => fn.nim_client_get_multiport_push_config(null, cb, id),
      readPushConfig,
    );
    return result({ switchOpen: c.switch_open });
  }

  async setMultiportPushConfig(switchOpen: 1 | 2): Promise<SDKResult<{ switchOpen: number }>> {
    const { fn, calls } = this.engine.running();
    const content = JSON.stringify({ switch_open: switchOpen } satisfies PushConfig);
    await calls.call(
      'nim_client_multiport_push_config_cb_func',
      (cb, id) => fn.nim_client_set_multiport_push_config(content, null, cb, id),
      readPushConfig,
    );
    return result({ switchOpen });
  }

  async diagnostics(): Promise<SDKResult<Diagnostics>> {
    return result(await this.engine.ask<Diagnostics>((fn, cb, id) => fn.nimx_client_diagnostics(null, cb, id)));
  }

  async capabilities(): Promise<SDKResult<Capabilities>> {
    return result(JSON.parse(this.engine.running().fn.nimx_client_capabilities()) as Capabilities);
  }

  setTokenProvider(provider: TokenProvider | undefined): void {
    this.engine.provide(provider);
  }

  async destroy(): Promise<SDKResult<null>> {
    this.ending ??= this.end().finally(() => {
      this.ending = undefined;
    });
    await this.ending;
    return result(null);
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

function result<T>(data: T, operationID = ''): SDKResult<T> {
  return { code: 0, errCode: 0, errMsg: '', data, operationID };
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

function readPushConfig(code: number, content: string, detail: string): PushConfig {
  if (code !== errorTable.ok.code) {
    throw errorOf({ err_code: code, ...(JSON.parse(detail || '{}') as object) });
  }
  return JSON.parse(content) as PushConfig;
}
