import { throwLater } from './errors';
import type { Native } from './native';

/** How long one wait on a pool thread lasts: it bounds what a wait can add to the end of a process. */
const waitMs = 100;

/** Something to do on the JavaScript thread, in the order in which the library delivered it. */
interface Item {
  run: () => void;
  /** The item answers a call: whoever awaits it goes on before the next item runs. */
  answer: boolean;
}

/**
 * Pump brings the library's callbacks to the JavaScript thread, by polling.
 *
 * A timer that does not hold the process looks at nimx_global_pending, which C answers. While a call
 * is outstanding, and only then, nimx_global_wait runs on a thread of libuv's pool, so that the answer
 * comes at once and the process stays. The C callbacks only copy: programs' code never runs inside a
 * call of the library, where it could block or nest.
 */
export class Pump {
  private timer: NodeJS.Timeout | undefined;
  private outstanding = 0;
  private waiting = false;
  private dispatching = false;
  /** The queue is being worked off, or will be in the next turn of the event loop. */
  private draining = false;
  private held = false;
  private queue: Item[] = [];

  constructor(
    private readonly native: Native,
    private readonly intervalMs: number,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => this.poll(), this.intervalMs);
    this.applyHold();
  }

  /** Ends polling. What is queued is dropped but for the answers, which run before it returns. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    const answers = this.queue.filter((item) => item.answer);
    this.queue = [];
    answers.forEach(runSafely);
  }

  /** Whether the session alone holds the process. */
  hold(held: boolean): void {
    this.held = held;
    this.applyHold();
  }

  /** A call with an answer begins. */
  callBegins(): void {
    this.outstanding++;
    this.wait();
  }

  /** The answer of a call has come. */
  callEnds(): void {
    this.outstanding--;
  }

  /**
   * Queues work. Nearly always this is inside a dispatch, which then drains; a call that the library
   * refuses is answered inside the call.
   */
  push(run: () => void, answer: boolean): void {
    this.queue.push({ run, answer });
    if (!this.dispatching && !this.draining) {
      this.drainSoon();
    }
  }

  private applyHold(): void {
    if (this.held) {
      this.timer?.ref();
    } else {
      this.timer?.unref();
    }
  }

  private poll(): void {
    if (this.native.fn.nimx_global_pending() > 0) {
      this.dispatch();
    }
  }

  private dispatch(): void {
    this.dispatching = true;
    this.native.fn.nimx_global_dispatch(0, 0);
    this.dispatching = false;
    if (!this.draining) {
      this.drain();
    }
  }

  private drainSoon(): void {
    this.draining = true;
    setImmediate(() => this.drain());
  }

  private drain(): void {
    this.draining = true;
    for (let item = this.queue.shift(); item !== undefined; item = this.queue.shift()) {
      runSafely(item);
      if (item.answer && this.queue.length > 0) {
        this.drainSoon();
        return;
      }
    }
    this.draining = false;
  }

  private wait(): void {
    if (this.waiting || this.outstanding === 0 || this.timer === undefined) {
      return;
    }
    this.waiting = true;
    this.native.wait(waitMs, (result) => {
      this.waiting = false;
      if (result > 0 && this.timer !== undefined) {
        this.dispatch();
      }
      setImmediate(() => this.wait()); // by then the answers have been taken
    });
  }
}

/** An error of a program's function must not keep the next item from running. */
function runSafely(item: Item): void {
  try {
    item.run();
  } catch (e) {
    throwLater(e);
  }
}
