import { EventEmitter } from 'node:events';
import type { EventName, Listener, NodeEvents } from './events';

const Emitter = EventEmitter as unknown as new () => NodeEvents;

/** Node's EventEmitter that says when its listeners have changed. */
export abstract class WatchedEmitter extends Emitter {
  protected abstract listenersChanged(): void;

  override on<E extends EventName>(event: E, listener: Listener<E>): this {
    super.on(event, listener);
    return this.changed();
  }

  override once<E extends EventName>(event: E, listener: Listener<E>): this {
    super.once(event, listener);
    return this.changed();
  }

  override off<E extends EventName>(event: E, listener: Listener<E>): this {
    super.off(event, listener);
    return this.changed();
  }

  override addListener<E extends EventName>(event: E, listener: Listener<E>): this {
    super.addListener(event, listener);
    return this.changed();
  }

  override prependListener<E extends EventName>(event: E, listener: Listener<E>): this {
    super.prependListener(event, listener);
    return this.changed();
  }

  override prependOnceListener<E extends EventName>(event: E, listener: Listener<E>): this {
    super.prependOnceListener(event, listener);
    return this.changed();
  }

  override removeListener<E extends EventName>(event: E, listener: Listener<E>): this {
    super.removeListener(event, listener);
    return this.changed();
  }

  override removeAllListeners(event?: EventName): this {
    if (event === undefined) {
      super.removeAllListeners();
    } else {
      super.removeAllListeners(event);
    }
    return this.changed();
  }

  private changed(): this {
    this.listenersChanged();
    return this;
  }
}
