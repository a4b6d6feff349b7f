import { isMainThread } from 'node:worker_threads';
import { Calls } from './calls';
import { errorOf, failure, refusal, type NimError } from './errors';
import type { EventSink } from './events';
import {
  DispatchMode, errorTable, LoginStep, MultiSpotNotifyType, Status,
  type CallbackPointer, type ConnectionEvent, type ErrorInfo, type Functions, type KickOtherResult,
  type LoginResult, type LoginUser, type MultiSpotEvent, type PushConfig, type RenewTokenResult,
} from './generated';
import { Native } from './native';
import { initJSON, ownClientType, proxyArguments } from './options';
import { Tokens, type Credentials } from './tokens';
import { emitConnection, emitExpired, emitKick, endsExpired, eventOf, selfInfoOf } from './translate';
import type { SDKOptions, TokenProvider } from './types';

const success: number = errorTable.ok.code;

/** The type of callback that brings one JSON object. */
const jsonCallback = 'nim_json_transport_cb_func';

/** A promise that an event settles. */
interface Waiter<T> {
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

/** Engine runs the library for a client and turns its callbacks into promises and events. */
export class Engine {
  options: SDKOptions = {};
  private native: Native | undefined;
  private calls: Calls | undefined;
  /** The settings that the library runs with. */
  private settings = '';
  private held = false;
  private kicks: Waiter<KickOtherResult>[] = [];
  private lastKick: Promise<unknown> = Promise.resolve();
  private relogins: Waiter<void>[] = [];
  readonly tokens = new Tokens({
    status: () => this.status,
    renew: (token) => this.renew(token),
    enter: (credentials) => this.enter(credentials),
  });

  constructor(private readonly events: EventSink) {}

  get status(): Status {
    return (this.native?.fn.nimx_client_get_status() ?? Status.LoggedOut) as Status;
  }

  get userID(): string {
    return this.native?.fn.nim_client_current_user_account() ?? '';
  }

  get isRunning(): boolean {
    return this.calls !== undefined;
  }

  /** Loads the library, if that has not been done. */
  load(): Native {
    this.native ??= Native.load(this.options.libraryPath);
    return this.native;
  }

  /** The functions and the calls of the running library. */
  running(): { fn: Functions; calls: Calls } {
    if (this.native === undefined || this.calls === undefined) {
      throw failure('not_initialized');
    }
    return { fn: this.native.fn, calls: this.calls };
  }

  hold(held: boolean): void {
    this.held = held;
    this.calls?.hold(held);
  }

  provide(provider: TokenProvider | undefined): void {
    this.tokens.provider = provider;
    if (this.calls !== undefined) {
      this.registerProvider();
    }
  }

  /**
   * Starts the library with these options and those of before. While it runs: with the same settings
   * nothing happens; with others it is started anew, unless somebody is logged in. Options that are
   * refused are forgotten.
   */
  start(options: SDKOptions): void {
    const before = this.options;
    this.options = { ...before, ...options };
    try {
      this.startWith(initJSON(this.options), this.options.dataDir ?? '');
    } catch (e) {
      this.options = before;
      throw refusal(e);
    }
  }

  private startWith(settings: string, dataDir: string): void {
    const all = JSON.stringify([dataDir, settings]);
    if (this.calls !== undefined) {
      if (all === this.settings) {
        return;
      }
      if (![Status.LoggedOut, Status.Kicked, Status.GaveUp].includes(this.status as 0)) {
        throw failure('config_conflict');
      }
      this.stop();
    }
    const { fn } = this.load();
    if (fn.nimx_global_set_dispatch_mode(DispatchMode.Pull) === 0) {
      throw failure('config_conflict', 'something else in this process has initialised the library');
    }
    const calls = new Calls(this.load(), this.options.pollInterval ?? 20);
    this.calls = calls;
    this.registerAll(fn, calls);
    if (this.options.proxy !== undefined) {
      fn.nim_global_set_proxy(...proxyArguments(this.options.proxy));
    }
    if (!fn.nim_client_init(dataDir, '', settings)) {
      const error = JSON.parse(fn.nimx_init_error()) as ErrorInfo;
      this.stop();
      throw errorOf(error);
    }
    this.settings = all;
    calls.start();
    calls.hold(this.held);
    if (!isMainThread) {
      process.once('exit', this.stop);
    }
  }

  /** Ends the session, if there is one, and the library. Every call is answered before it returns. */
  readonly stop = (): void => {
    const { calls } = this;
    if (calls === undefined) {
      return;
    }
    this.calls = undefined;
    this.settings = '';
    this.load().fn.nim_client_cleanup(null);
    calls.stop();
    this.tokens.cancel();
    this.ended(failure('cancelled'));
    this.kicks.splice(0).forEach((w) => w.reject(failure('cancelled')));
    process.off('exit', this.stop);
  };

  /** Logs in; resolves with the final answer. */
  async enter(c: Credentials): Promise<LoginResult> {
    const { fn, calls } = this.running();
    const read = (text: string): LoginResult | undefined => {
      const r = JSON.parse(text) as LoginResult;
      const last = r.err_code === success ? r.login_step === LoginStep.Login : !r.retrying;
      if (!last) {
        this.events.emit('loginStep', eventOf('loginStep', { step: r.login_step, retrying: r.retrying }, r));
        return undefined;
      }
      if (r.err_code !== success) {
        throw errorOf(r);
      }
      this.tokens.remember(c);
      return r;
    };
    const options = JSON.stringify(c.options);
    return calls.call(jsonCallback, (cb, id) => fn.nim_client_login(c.appKey, c.account, c.token, options, cb, id), read);
  }

  async leave(type: number, operationID: string): Promise<void> {
    const options = JSON.stringify({ operation_id: operationID });
    await this.ask((fn, cb, id) => fn.nim_client_logout(type, options, cb, id));
  }

  renew(token: string, operationID?: string): Promise<RenewTokenResult> {
    const options = JSON.stringify({ operation_id: operationID });
    return this.ask((fn, cb, id) => fn.nimx_client_renew_token(token, options, cb, id));
  }

  /** Kicks other devices. The answers do not tell whose they are: one call at a time. */
  kick(deviceIDs: string[]): Promise<KickOtherResult> {
    const { fn, calls } = this.running();
    const request = JSON.stringify({ device_ids: deviceIDs });
    const answer = this.lastKick.then(
      () =>
        new Promise<KickOtherResult>((resolve, reject) => {
          if (this.calls !== calls) {
            throw failure('cancelled'); // the library was stopped meanwhile
          }
          this.kicks.push({ resolve, reject });
          fn.nim_client_kick_other_client(request);
        }),
    );
    this.lastKick = answer.catch(() => undefined);
    return calls.awaited(answer);
  }

  /** Tries to log in again; the outcome comes as an event. */
  relogin(): Promise<void> {
    const { fn, calls } = this.running();
    const outcome = new Promise<void>((resolve, reject) => this.relogins.push({ resolve, reject }));
    fn.nim_client_relogin(null);
    return calls.awaited(outcome);
  }

  /** Calls a function that answers with one JSON object. */
  async ask<T extends ErrorInfo>(start: (fn: Functions, cb: CallbackPointer, id: number) => void): Promise<T> {
    const { fn, calls } = this.running();
    return calls.call(jsonCallback, (cb, id) => start(fn, cb, id), readAnswer<T>);
  }

  private registerAll(fn: Functions, calls: Calls): void {
    const json = <T>(register: (cb: CallbackPointer, id: number) => void, f: (value: T) => void) =>
      calls.listen(jsonCallback, register, (text: string) => f(JSON.parse(text) as T));
    json<ConnectionEvent>((cb, id) => fn.nimx_client_reg_connection_cb(null, cb, id, null), (e) => this.connection(e));
    json<LoginResult>((cb, id) => fn.nim_client_reg_auto_relogin_cb(null, cb, id), (r) => this.relogged(r));
    json<KickOtherResult>((cb, id) => fn.nim_client_reg_kickout_other_client_cb(null, cb, id), (r) => this.kicked(r));
    json<MultiSpotEvent>(
      (cb, id) => fn.nim_client_reg_multispot_login_notify_cb(null, cb, id),
      (e) => {
        const type = e.multi_spot_notiy_type === MultiSpotNotifyType.ImIn ? 'in' : 'out';
        this.events.emit('multispot', eventOf('multispot', { type, devices: e.other_clients_pres }));
      },
    );
    calls.listen(
      'nim_client_multiport_push_config_cb_func',
      (cb, id) => fn.nim_client_reg_sync_multiport_push_config_cb(null, cb, id),
      (_code: number, content: string) => {
        const { switch_open: switchOpen } = JSON.parse(content) as PushConfig;
        this.events.emit('pushConfigChanged', eventOf('pushConfigChanged', { switchOpen }));
      },
    );
    calls.listen(
      'nim_data_sync_cb_func',
      (cb, id) => fn.nim_data_sync_reg_complete_cb(cb, id),
      (type: number) => this.events.emit('dataSync', eventOf('dataSync', { type })),
    );
    const { onLog } = this.options;
    if (onLog !== undefined) {
      calls.listen('nim_sdk_log_cb_func', (cb, id) => fn.nim_global_reg_sdk_log_cb(null, cb, id), onLog);
    }
    this.registerProvider();
  }

  /** Without a provider none is registered: the library then knows that there is nobody to ask. */
  private registerProvider(): void {
    const { fn, calls } = this.running();
    if (this.tokens.provider === undefined) {
      fn.nim_client_reg_relogin_request_token_cb(null, null, 0);
      return;
    }
    calls.serve(
      'nim_relogin_request_token_cb_func',
      (cb, id) => fn.nim_client_reg_relogin_request_token_cb(null, cb, id),
      this.tokens.answer,
    );
  }

  /** Who is logged in. */
  loginUser(): Partial<LoginUser> {
    return JSON.parse(this.running().fn.nimx_client_get_login_user()) as Partial<LoginUser>;
  }

  private connection(e: ConnectionEvent): void {
    emitConnection(this.events, e);
    switch (e.event) {
      case 'profile_updated':
        this.events.emit('selfInfoUpdated', eventOf('selfInfoUpdated', selfInfoOf(this.loginUser()), e));
        break;
      case 'ready':
        this.relogins.splice(0).forEach((w) => w.resolve());
        break;
      case 'kicked':
        if (e.kicked !== undefined) {
          emitKick(this.events, e, e.kicked, ownClientType(this.options));
        }
        this.ended(failure('kicked'));
        break;
      case 'closed':
        this.ended(failure('cancelled'));
    }
    if (endsExpired(e)) {
      this.tokens.whenExpired(() => emitExpired(this.events, e));
    }
  }

  /** The session has ended: what it knew is forgotten, and nobody waits for it any more. */
  private ended(why: NimError): void {
    this.tokens.remember(undefined);
    this.relogins.splice(0).forEach((w) => w.reject(why));
  }

  private relogged(r: LoginResult): void {
    if (r.err_code === success) {
      this.relogins.splice(0).forEach((w) => w.resolve());
    } else if (!r.retrying) {
      this.relogins.splice(0).forEach((w) => w.reject(errorOf(r)));
    }
    this.events.emit('relogin', eventOf('relogin', r, r));
  }

  private kicked(r: KickOtherResult): void {
    const waiter = this.kicks.shift();
    if (r.err_code === success) {
      waiter?.resolve(r);
    } else {
      waiter?.reject(errorOf(r));
    }
  }
}

/** Reads an answer that is one JSON object. */
export function readAnswer<T extends ErrorInfo>(text: string): T {
  const r = JSON.parse(text) as T;
  if (r.err_code !== success) {
    throw errorOf(r);
  }
  return r;
}
