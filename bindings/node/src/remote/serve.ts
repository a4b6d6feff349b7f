import { errorData, NimError, refusal, type ErrorData } from '../errors';
import { eventNames, type EventName } from '../events';
import { messageEvents } from '../messages/relay';
import { errorTable, type TokenRequest } from '../generated';
import type { SDK, SDKOptions } from '../types';
import { asRequest, remoteOptions, type Endpoint, type Reply, type Request, type State } from './protocol';

/** Lets the other side of endpoint use sdk. The function that it returns ends that. */
export function serve(sdk: SDK, endpoint: Endpoint): () => void {
  const server = new Server(sdk, endpoint);
  return () => server.close();
}

class Server {
  private readonly listeners = new Map<EventName, (event: unknown) => void>();
  private readonly unlisten: () => void;
  private readonly questions = new Map<number, (token: string | undefined) => void>();
  private lastQuestion = 0;
  private offersTokens = false;
  /** Counts the clients that this side has had: a page that is loaded anew is another one. */
  private client = 0;

  constructor(
    private readonly sdk: SDK,
    private readonly endpoint: Endpoint,
  ) {
    this.listen(eventNames.filter((name) => !messageEvents.includes(name)));
    this.unlisten = endpoint.onMessage((message) => {
      const request = asRequest(message);
      if (request !== undefined) {
        this.request(request);
      }
    });
  }

  close(): void {
    this.unlisten();
    this.forget();
    for (const [name, listener] of this.listeners) {
      this.sdk.off(name, listener);
    }
  }

  /** Passes events on. */
  private listen(names: readonly EventName[]): void {
    for (const name of names) {
      const listener = (event: unknown) => this.reply({ kind: 'event', name, event, state: this.state() });
      this.listeners.set(name, listener);
      this.sdk.on(name, listener);
    }
  }

  /** Passes on those events about messages that the client listens to. */
  private listenToMessages(names: readonly EventName[]): void {
    for (const name of messageEvents) {
      const listener = this.listeners.get(name);
      if (listener !== undefined && !names.includes(name)) {
        this.listeners.delete(name);
        this.sdk.off(name, listener);
      }
    }
    this.listen(names.filter((name) => !this.listeners.has(name)));
  }

  /** The client is gone: nobody takes its answers, nor gives its tokens. */
  private forget(): void {
    this.client++;
    this.listenToMessages([]);
    if (this.offersTokens) {
      this.offersTokens = false;
      this.sdk.setTokenProvider(undefined);
    }
    this.questions.forEach((answer) => answer(undefined));
    this.questions.clear();
  }

  private request(r: Request): void {
    switch (r.kind) {
      case 'hello':
        this.forget();
        this.reply({ kind: 'state', state: this.state() });
        break;
      case 'call':
        void this.call(r);
        break;
      case 'offerTokens':
        this.offersTokens = r.on;
        this.sdk.setTokenProvider(r.on ? (request) => this.ask(request) : undefined);
        break;
      case 'listen':
        this.listenToMessages(r.events);
        break;
      case 'token':
        this.questions.get(r.id)?.(r.token ?? undefined);
        this.questions.delete(r.id);
    }
  }

  private async call(r: Request & { kind: 'call' }): Promise<void> {
    const { client } = this;
    const answer = (reply: Reply): void => {
      if (client === this.client) {
        this.reply(reply);
      }
    };
    try {
      const args = r.method === 'init' ? [allowed(r.args[0]), ...r.args.slice(1)] : r.args;
      const method = this.sdk[r.method] as (...args: unknown[]) => Promise<unknown>;
      const value = await method.apply(this.sdk, args);
      answer({ kind: 'result', id: r.id, value, state: this.state() });
    } catch (e) {
      answer({ kind: 'error', id: r.id, error: asData(e), state: this.state() });
    }
  }

  private ask(request: TokenRequest): Promise<string | undefined> {
    const id = ++this.lastQuestion;
    this.reply({ kind: 'askToken', id, request });
    return new Promise((resolve) => this.questions.set(id, resolve));
  }

  private reply(message: Reply): void {
    this.endpoint.send(message);
  }

  private state(): State {
    const { status, userID } = this.sdk;
    let version = '';
    try {
      version = this.sdk.version;
    } catch {
      // The library cannot be loaded: the first call will say so.
    }
    return { status, userID, version };
  }
}

function allowed(options: unknown): SDKOptions {
  const given = Object.entries((options ?? {}) as object);
  return Object.fromEntries(given.filter(([key]) => (remoteOptions as readonly string[]).includes(key)));
}

function asData(e: unknown): ErrorData {
  e = refusal(e);
  if (e instanceof NimError) {
    return e.toJSON();
  }
  const message = e instanceof Error ? e.message : String(e);
  return errorData({ err_code: errorTable.internal.code, err_name: 'internal', err_msg: message });
}
