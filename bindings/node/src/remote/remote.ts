import { asyncApi } from '../asyncapi';
import { Emitter } from '../emitter';
import { failure, NimError } from '../errors';
import type { EventMap } from '../events';
import { Status, type Capabilities, type Diagnostics } from '../generated';
import { create } from '../messages/create';
import { messageEvents } from '../messages/relay';
import { messageMethods, type MessageCalls } from '../messages/types';
import type {
  AsyncApiName, KickOtherData, LoginData, LoginParams, ProxyOptions, SDK, SDKOptions, SDKResult, TokenProvider,
} from '../types';
import { isEventName, type Endpoint, type RemoteMethod, type Reply, type Request, type State } from './protocol';

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: NimError) => void;
}

/** With the calls about messages, which are passed on. */
export interface RemoteSDK extends MessageCalls {}

/** The client in a process that has no library: it passes everything on through an endpoint. */
export class RemoteSDK extends Emitter implements SDK {
  static {
    for (const name of messageMethods) {
      RemoteSDK.prototype[name] = function (this: RemoteSDK, ...args: never[]) {
        return this.call<never>(name, ...args);
      };
    }
  }

  private state: State = { status: Status.LoggedOut, userID: '', version: '' };
  private readonly waiting = new Map<number, Waiting>();
  private lastID = 0;
  private provider: TokenProvider | undefined;
  private listened = '';
  private readonly inbox: Reply[] = [];
  private draining = false;

  constructor(private readonly endpoint: Endpoint) {
    super();
    endpoint.onMessage((message) => {
      this.inbox.push(message as Reply);
      if (!this.draining) {
        this.drain();
      }
    });
    this.send({ kind: 'hello' });
  }

  get status(): Status {
    return this.state.status;
  }

  get userID(): string {
    return this.state.userID;
  }

  get version(): string {
    return this.state.version;
  }

  uuid(): string {
    const b = crypto.getRandomValues(new Uint8Array(16));
    b[6] = (b[6]! & 0x0f) | 0x40;
    b[8] = (b[8]! & 0x3f) | 0x80;
    const hex = Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  init(options: SDKOptions = {}, operationID = this.uuid()): Promise<SDKResult<null>> {
    const { onTokenRequest, onLog: _, ...plain } = options;
    if (onTokenRequest !== undefined) {
      this.setTokenProvider(onTokenRequest);
    }
    return this.call('init', plain, operationID);
  }

  initSDK(options: SDKOptions = {}, operationID = this.uuid()): Promise<SDKResult<null>> {
    return this.init(options, operationID);
  }

  login(params: LoginParams, operationID = this.uuid()): Promise<SDKResult<LoginData>> {
    return this.call('login', params, operationID);
  }

  logout(operationID = this.uuid()): Promise<SDKResult<null>> {
    return this.call('logout', operationID);
  }

  getLoginUser(): Promise<SDKResult<string>> {
    return this.call('getLoginUser');
  }

  getLoginUserID(): Promise<SDKResult<string>> {
    return this.getLoginUser();
  }

  getLoginStatus(): Promise<SDKResult<number>> {
    return this.call('getLoginStatus');
  }

  renewToken(token: string, operationID = this.uuid()): Promise<SDKResult<{ expiresAt: number }>> {
    return this.call('renewToken', token, operationID);
  }

  kickOther(deviceIDs: string | string[]): Promise<SDKResult<KickOtherData>> {
    return this.call('kickOther', deviceIDs);
  }

  relogin(): Promise<SDKResult<null>> {
    return this.call('relogin');
  }

  pause(): Promise<SDKResult<null>> {
    return this.call('pause');
  }

  resume(): Promise<SDKResult<null>> {
    return this.call('resume');
  }

  networkChanged(): Promise<SDKResult<null>> {
    return this.call('networkChanged');
  }

  setProxy(proxy: ProxyOptions): Promise<SDKResult<null>> {
    return this.call('setProxy', proxy);
  }

  detectProxy(proxy: ProxyOptions): Promise<SDKResult<{ elapsed: number }>> {
    return this.call('detectProxy', proxy);
  }

  getServerTime(local = false): Promise<SDKResult<number>> {
    return this.call('getServerTime', local);
  }

  getMultiportPushConfig(): Promise<SDKResult<{ switchOpen: number }>> {
    return this.call('getMultiportPushConfig');
  }

  setMultiportPushConfig(switchOpen: 1 | 2): Promise<SDKResult<{ switchOpen: number }>> {
    return this.call('setMultiportPushConfig', switchOpen);
  }

  diagnostics(): Promise<SDKResult<Diagnostics>> {
    return this.call('diagnostics');
  }

  capabilities(): Promise<SDKResult<Capabilities>> {
    return this.call('capabilities');
  }

  setTokenProvider(provider: TokenProvider | undefined): void {
    this.provider = provider;
    this.send({ kind: 'offerTokens', on: provider !== undefined });
  }

  destroy(): Promise<SDKResult<null>> {
    return this.call('destroy');
  }

  asyncApi(name: AsyncApiName, operationID: string, params?: unknown): Promise<unknown> {
    return asyncApi(this, name, operationID, params);
  }

  createTextMessage: MessageCalls['createTextMessage'] = (params: never, operationID?: string) => create(this, params, operationID);
  createCustomMessage: MessageCalls['createCustomMessage'] = (params: never, operationID?: string) => create(this, params, operationID);

  /** Says which events about messages have listeners. */
  protected override listenersChanged(): void {
    const events = messageEvents.filter((name) => this.listenerCount(name) > 0);
    if (events.join() !== this.listened) {
      this.listened = events.join();
      this.send({ kind: 'listen', events });
    }
  }

  private call<T>(method: RemoteMethod, ...args: unknown[]): Promise<T> {
    const id = ++this.lastID;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      try {
        this.send({ kind: 'call', id, method, args });
      } catch (e) {
        this.waiting.delete(id);
        reject(failure('invalid_argument', e instanceof Error ? e.message : String(e))); // it cannot be cloned
      }
    });
  }

  private send(message: Request): void {
    this.endpoint.send(message);
  }

  /** Whoever awaits an answer goes on before the events that follow it, even if they are here already. */
  private drain(): void {
    this.draining = true;
    for (let m = this.inbox.shift(); m !== undefined; m = this.inbox.shift()) {
      this.receive(m);
      if (m.kind === 'result' || m.kind === 'error') {
        nextTask(() => this.drain());
        return;
      }
    }
    this.draining = false;
  }

  private receive(m: Reply): void {
    if ('state' in m) {
      this.state = m.state;
    }
    switch (m.kind) {
      case 'result':
        this.taken(m.id)?.resolve(m.value as never);
        break;
      case 'error':
        this.taken(m.id)?.reject(new NimError(m.error));
        break;
      case 'event':
        if (isEventName(m.name)) {
          this.emit(m.name, ...([m.event] as unknown as EventMap[typeof m.name]));
        }
        break;
      case 'askToken':
        void this.answer(m);
    }
  }

  private taken(id: number): Waiting | undefined {
    const w = this.waiting.get(id);
    this.waiting.delete(id);
    return w;
  }

  private async answer(m: Reply & { kind: 'askToken' }): Promise<void> {
    let token: string | undefined;
    try {
      token = await this.provider?.(m.request);
    } finally {
      this.send({ kind: 'token', id: m.id, token });
    }
  }
}

/** Runs f as a task of its own: after all promises that can go on now, and unlike a timer without delay. */
function nextTask(f: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    f();
  };
  port2.postMessage(undefined);
}
