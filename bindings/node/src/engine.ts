import { isMainThread } from 'node:worker_threads';
import { Calls } from './calls';
import { errorOf, failure, refusal, type NimError } from './errors';
import type { EventSink } from './events';
import {
  DispatchMode, errorTable, LoginStep, MultiSpotNotifyType, Status,
  type ConnectionEvent, type ErrorInfo, type Functions, type KickOtherResult,
  type LoginResult, type LoginUser, type MultiSpotEvent, type PushConfig, type RenewTokenResult,
} from './generated';
import { Ask, slots, type JsonTransportReply, type Slot } from './generated-calls';
import { Native } from './native';
import { initJSON, ownClientType, proxyArguments } from './options';
import { Tokens, type Credentials } from './tokens';
import { emitConnection, emitExpired, emitKick, endsExpired, eventOf, selfInfoOf } from './translate';
import type { SDKOptions, TokenProvider } from './types';

const success: number = errorTable.ok.code;

/** The type of callback that brings one JSON object. */
const jsonCallback = 'nim_json_transport_cb_func';

export type SlotName = keyof typeof slots;
export type Reply<S extends SlotName> = (typeof slots)[S] extends Slot<infer T> ? T : never;
/** The registrations whose callbacks bring one JSON object. */
type JSONSlot = { [S in SlotName]: Reply<S> extends JsonTransportReply ? S : never }[SlotName];

/** A promise that an event settles. */
interface Waiter<T> {
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

/** Engine runs the library for a client and turns its callbacks into promises and events. */
export class Engine {
  options: SDKOptions = {};
  /** Told when the library has been stopped. */
  onStop: () => void = () => undefined;
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

  private readonly heard = new Map<SlotName, (reply: never) => void>();
  private readonly endings = new Map<SlotName, () => void>();

  constructor(private readonly events: EventSink) {
    this.hearSession();
  }

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
    const { onLog } = this.options;
    this.hear('global_sdk_log', onLog && ((r) => onLog(r.log_level, r.log)));
    [...this.heard.keys()].forEach((name) => this.register(name));
    this.registerProvider();
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
    this.endings.clear();
    this.settings = '';
    this.load().fn.nim_client_cleanup(null);
    calls.stop();
    this.tokens.cancel();
    this.ended(failure('cancelled'));
    this.kicks.splice(0).forEach((w) => w.reject(failure('cancelled')));
    this.onStop();
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
    readAnswer(await this.ask.nim_client_logout(type, options));
  }

  async renew(token: string, operationID?: string): Promise<RenewTokenResult> {
    const options = JSON.stringify({ operation_id: operationID });
    return readAnswer(await this.ask.nimx_client_renew_token(token, options));
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

  /** Calls the functions of C that answer. */
  readonly ask = new Ask((type, start, read) => {
    const { fn, calls } = this.running();
    return calls.call(type, (cb, id) => start(fn, cb, id), read);
  });

  /** Hears a registration, whenever the library runs; without f not any more. */
  hear<S extends SlotName>(name: S, f?: (reply: Reply<S>) => void): void {
    this.endings.get(name)?.();
    this.endings.delete(name);
    if (f === undefined) {
      this.heard.delete(name);
    } else {
      this.heard.set(name, f as (reply: never) => void);
      this.register(name);
    }
  }

  hears(name: SlotName): boolean {
    return this.heard.has(name);
  }

  private register(name: SlotName): void {
    const f = this.heard.get(name);
    if (this.calls !== undefined && f !== undefined) {
      this.endings.set(name, this.calls.listen<never>(slots[name] as Slot<never>, f));
    }
  }

  /** Hears what the session tells. */
  private hearSession(): void {
    const json = <T>(name: JSONSlot, f: (value: T) => void) => this.hear(name, (r) => f(JSON.parse(r.json_params) as T));
    json<ConnectionEvent>('nimx_client_connection', (e) => this.connection(e));
    json<LoginResult>('client_auto_relogin', (r) => this.relogged(r));
    json<KickOtherResult>('client_kickout_other_client', (r) => this.kicked(r));
    json<MultiSpotEvent>('client_multispot_login_notify', (e) => {
      const type = e.multi_spot_notiy_type === MultiSpotNotifyType.ImIn ? 'in' : 'out';
      this.events.emit('multispot', eventOf('multispot', { type, devices: e.other_clients_pres }));
    });
    this.hear('client_sync_multiport_push_config', (r) => {
      const { switch_open: switchOpen } = JSON.parse(r.content) as PushConfig;
      this.events.emit('pushConfigChanged', eventOf('pushConfigChanged', { switchOpen }));
    });
    this.hear('data_sync_complete', (r) => this.events.emit('dataSync', eventOf('dataSync', { type: r.sync_type })));
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
export function readAnswer<T extends ErrorInfo>(answer: JsonTransportReply): T {
  const r = JSON.parse(answer.json_params) as T;
  if (r.err_code !== success) {
    throw errorOf(r);
  }
  return r;
}
