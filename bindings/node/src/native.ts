/**
 * The C functions, as api/ describes them. Programs use the client; this layer is for those that want
 * the C interface itself.
 */
import koffi, { type KoffiFunc, type TypeObject } from 'koffi';
import { callbackTypes, functionTypes, type CallbackPointer, type Functions, type Signature } from './generated';
import { loadLibrary } from './loader';

export type CallbackName = keyof typeof callbackTypes;

/** The oldest interface of the library that this package works with. */
const minAbiLevel = 1;

/** The library, loaded once per process: it cannot be unloaded. */
export class Native {
  private static loaded: Native | undefined;

  readonly fn: Functions;
  private readonly types = new Map<string, TypeObject>();
  private readonly waitAsync: (timeoutMs: number, done: (err: unknown, result: number) => void) => void;

  /**
   * Loads the library at the first call; see loadLibrary. Later calls give the same object, whatever
   * the path.
   */
  static load(libraryPath?: string): Native {
    this.loaded ??= new Native(libraryPath);
    return this.loaded;
  }

  readonly path: string;

  private constructor(libraryPath?: string) {
    const { handle, path } = loadLibrary((file) => koffi.load(file), libraryPath);
    this.path = path;
    for (const [name, signature] of Object.entries<Signature>(callbackTypes)) {
      this.types.set(`${name} *`, koffi.pointer(koffi.proto(signature[0], this.resolveAll(signature[1]))));
    }
    const free = handle.func('nim_global_free_buf', 'void', ['void *']);
    this.types.set('owned', koffi.disposable('str', free));
    const fn: Record<string, unknown> = {};
    for (const [name, signature] of Object.entries<Signature>(functionTypes)) {
      fn[name] = withTexts(name, signature[1], handle.func(name, this.resolve(signature[0]), this.resolveAll(signature[1])));
    }
    this.fn = fn as unknown as Functions;
    const level = this.fn.nimx_abi_level();
    if (level < minAbiLevel) {
      throw new Error(`${path} is too old: interface level ${level}, want ${minAbiLevel}`);
    }
    this.waitAsync = (fn.nimx_global_wait as { async: Native['waitAsync'] }).async;
  }

  /** Makes a C callback of a function; it stays for the life of the process. */
  register(type: CallbackName, f: (...args: never[]) => void): CallbackPointer {
    return koffi.register(f, this.resolve(`${type} *`));
  }

  /** nimx_global_wait on a thread of libuv's pool; done gets its result on this thread. */
  wait(timeoutMs: number, done: (result: number) => void): void {
    this.waitAsync(timeoutMs, (err, result) => done(err == null ? result : -1));
  }

  private resolve(name: string): TypeObject | string {
    return this.types.get(name) ?? name;
  }

  private resolveAll(names: readonly string[]): (TypeObject | string)[] {
    return names.map((name) => this.resolve(name));
  }
}

/**
 * Lets only text pass where a function takes text. koffi reads a number there as an address, and C reads
 * a text up to its first NUL.
 */
function withTexts(name: string, types: readonly string[], f: KoffiFunc<(...args: unknown[]) => unknown>): unknown {
  const texts = types.flatMap((type, i) => (type === 'str' ? [i] : []));
  if (texts.length === 0) {
    return f;
  }
  return (...args: unknown[]): unknown => {
    for (const i of texts) {
      const text = args[i];
      if (text == null) {
        continue;
      }
      if (typeof text !== 'string') {
        throw new TypeError(`argument ${i + 1} of ${name} is a ${typeof text}, not text`);
      }
      if (text.includes('\0')) {
        throw new TypeError(`argument ${i + 1} of ${name} has a NUL character`);
      }
    }
    return f(...args);
  };
}

/**
 * Hands the token to the library through the two out parameters of a token callback. The library
 * copies it as soon as the callback has returned; until then the buffer must stay.
 */
export function writeToken(at: bigint, lengthAt: bigint, token: Buffer): void {
  koffi.encode(at, 'void *', koffi.address(token));
  koffi.encode(lengthAt, 'uint32_t', token.length);
}
