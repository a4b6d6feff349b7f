import { failure, refusal } from './errors';
import type { CallbackPointer } from './generated';
import type { Slot } from './generated-calls';
import type { CallbackName, Native } from './native';
import { Pump } from './pump';

/** What the library hands to a callback, without the user_data. */
type Arguments = never[];

/** Reads the answer of a call: undefined if more follow. It throws what the promise rejects with. */
type Reader<T> = (...args: Arguments) => T | undefined;

interface Handler {
  receive: (args: Arguments) => void;
  /** Runs inside the dispatch, since it has to give something back. */
  atOnce?: boolean;
  /** It must not be lost when the library is stopped. */
  answer?: boolean;
  /** Of a call: ends it without an answer. */
  cancel?: () => void;
}

/**
 * One C callback per type serves all calls and registrations of the process: user_data is the key of
 * the handler that is meant.
 */
const pointers = new Map<CallbackName, CallbackPointer>();
const handlers = new Map<number, Handler>();
let lastID = 0;
let current: Pump | undefined;

function pointer(native: Native, type: CallbackName): CallbackPointer {
  let p = pointers.get(type);
  if (p === undefined) {
    p = native.register(type, (...args: Arguments) => {
      const handler = handlers.get(args.pop() as unknown as number);
      if (handler?.atOnce) {
        handler.receive(args);
      } else if (handler !== undefined) {
        current?.push(() => handler.receive(args), handler.answer ?? false);
      }
    });
    pointers.set(type, p);
  }
  return p;
}

/** Calls knows who waits for which callback, from one start of the library to its stop. */
export class Calls {
  private readonly pump: Pump;
  /** The handlers of serve. */
  private readonly served = new Map<CallbackName, number>();

  constructor(
    private readonly native: Native,
    pollInterval: number,
  ) {
    this.pump = new Pump(native, pollInterval);
    current = this.pump;
  }

  start(): void {
    this.pump.start();
  }

  /** Whether the session alone keeps the process. */
  hold(held: boolean): void {
    this.pump.hold(held);
  }

  /** After cleanup: answers that it brought are read; a call without one is rejected. */
  stop(): void {
    this.pump.stop();
    const left = [...handlers.values()];
    handlers.clear();
    left.forEach((handler) => handler.cancel?.());
  }

  /** Registers f for the callbacks of one registration. The function that it returns ends that. */
  listen<T>(slot: Slot<T>, f: (reply: T) => void): () => void {
    const id = ++lastID;
    handlers.set(id, { receive: (args) => f(slot.read(...args)), answer: slot.answers });
    slot.register(this.native.fn, pointer(this.native, slot.type), id);
    return () => {
      handlers.delete(id);
      slot.register(this.native.fn, null, 0);
    };
  }

  /** Registers f for callbacks that give something back, in place of the one before; f must not throw. */
  serve(type: CallbackName, register: (cb: CallbackPointer, id: number) => void, f: (...args: Arguments) => void): void {
    const id = this.served.get(type) ?? ++lastID;
    this.served.set(type, id);
    handlers.set(id, { receive: (args) => f(...args), atOnce: true });
    register(pointer(this.native, type), id);
  }

  /** Calls a function that answers through a callback. */
  call<T>(type: CallbackName, start: (cb: CallbackPointer, id: number) => void, read: Reader<T>): Promise<T> {
    const id = ++lastID;
    const answer = new Promise<T>((resolve, reject) => {
      const receive = (args: Arguments) => {
        try {
          const value = read(...args);
          if (value === undefined) {
            return;
          }
          resolve(value);
        } catch (e) {
          reject(e);
        }
        handlers.delete(id);
      };
      handlers.set(id, { receive, answer: true, cancel: () => reject(failure('cancelled', 'the library was stopped')) });
      try {
        start(pointer(this.native, type), id);
      } catch (e) {
        handlers.delete(id); // the library has not been called
        reject(refusal(e));
      }
    });
    return this.awaited(answer);
  }

  /** Keeps the process, and the library watched, until the promise is settled. */
  awaited<T>(answer: Promise<T>): Promise<T> {
    this.pump.callBegins();
    return answer.finally(() => this.pump.callEnds());
  }
}
