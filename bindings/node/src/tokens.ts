import { failure, throwLater } from './errors';
import { Status, type ErrorName, type LoginOptions, type TokenRequest } from './generated';
import { writeToken } from './native';
import type { TokenProvider } from './types';

/** What a login is made with. */
export interface Credentials {
  appKey: string;
  account: string;
  token: string;
  options: LoginOptions;
}

/** How long a promise for a token may take at a login, ms: the library's own bound. */
const deadlineMs = 10_000;

/** What Tokens needs of the session. */
interface Session {
  status(): Status;
  renew(token: string): Promise<unknown>;
  enter(credentials: Credentials): Promise<unknown>;
}

/**
 * Tokens asks the application for tokens.
 *
 * The library's question is synchronous. A provider that has the token at hand answers it; one that
 * returns a promise leaves the old token in use for this attempt, and the new one is used as soon as it
 * comes: renewed in place while online, by a login of the same account after that has failed.
 */
export class Tokens {
  provider: TokenProvider | undefined;
  /** The credentials of the session. */
  private used: Credentials | undefined;
  private pending = 0;
  /** What ends the questions of logins that wait. */
  private readonly asking = new Set<() => void>();
  private expired: (() => void) | undefined;
  /** The text that the library copies when the callback has returned. */
  private buffer: Buffer | undefined;

  constructor(private readonly session: Session) {}

  /** Keeps the credentials of the session; undefined: there is none any more. */
  remember(c: Credentials | undefined): void {
    this.used = c;
    this.expired = undefined;
  }

  /** Asks for the token of a login that was given none. */
  forLogin(c: Credentials): Promise<string> | undefined {
    if (this.provider === undefined) {
      return undefined;
    }
    const request: TokenRequest = {
      account: c.account,
      app_key: c.appKey,
      reason: 'login',
      deadline_ms: deadlineMs,
      operation_id: c.options.operation_id ?? '',
    };
    return this.inTime(Promise.resolve(this.provider(request)));
  }

  /** Ends the questions of logins: the library stops. */
  cancel(): void {
    this.asking.forEach((cancel) => cancel());
  }

  /** The library's question: runs inside a dispatch. */
  readonly answer = (tokenAt: bigint, lengthAt: bigint, text: string): void => {
    const request = JSON.parse(text) as TokenRequest;
    try {
      const offered = this.provider?.(request);
      if (typeof offered === 'string') {
        this.buffer = Buffer.from(offered);
        writeToken(tokenAt, lengthAt, this.buffer);
      } else if (offered !== undefined) {
        this.pending++;
        offered.then((token) => this.late(request, token)).catch(throwLater).finally(() => this.settled());
      }
    } catch (e) {
      throwLater(e);
    }
  };

  /** Runs f, which reports the end of the session, unless a token that is on its way helps. */
  whenExpired(f: () => void): void {
    if (this.pending === 0) {
      f();
    } else {
      this.expired = f;
    }
  }

  private settled(): void {
    this.pending--;
    if (this.pending > 0) {
      return;
    }
    if (this.session.status() === Status.GaveUp) {
      this.expired?.();
    }
    this.expired = undefined;
  }

  private async late(request: TokenRequest, token: string | undefined): Promise<void> {
    const c = this.used;
    if (!token || c === undefined || c.account !== request.account) {
      return;
    }
    // A token that does not help shows in the events of the session.
    switch (this.session.status()) {
      case Status.Online:
        await this.session.renew(token).catch(() => undefined);
        break;
      case Status.Reconnecting:
      case Status.GaveUp:
        await this.session.enter({ ...c, token }).catch(() => undefined);
    }
  }

  private async inTime(token: Promise<string | undefined>): Promise<string> {
    let end: (name: ErrorName) => void;
    const ended = new Promise<never>((_, reject) => (end = (name) => reject(failure(name))));
    const cancel = () => end('cancelled');
    const timer = setTimeout(() => end('token_provider_timeout'), deadlineMs);
    this.asking.add(cancel);
    try {
      return (await Promise.race([token, ended])) ?? '';
    } finally {
      clearTimeout(timer);
      this.asking.delete(cancel);
    }
  }
}

