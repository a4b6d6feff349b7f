import { throwLater } from './errors';
import type { EventMap, EventName, Listener, TypedEvents } from './events';

interface Entry {
  listener: (event: any) => void;
  once: boolean;
}

/** The part of EventEmitter that clients have, for places without Node: renderers. */
export class Emitter implements TypedEvents {
  private readonly entries = new Map<EventName, Entry[]>();

  on<E extends EventName>(event: E, listener: Listener<E>): this {
    return this.add(event, { listener, once: false });
  }

  once<E extends EventName>(event: E, listener: Listener<E>): this {
    return this.add(event, { listener, once: true });
  }

  off<E extends EventName>(event: E, listener: Listener<E>): this {
    const list = this.entries.get(event) ?? [];
    const at = list.map((entry) => entry.listener).lastIndexOf(listener);
    this.entries.set(event, list.filter((_, i) => i !== at));
    this.listenersChanged();
    return this;
  }

  addListener<E extends EventName>(event: E, listener: Listener<E>): this {
    return this.on(event, listener);
  }

  removeListener<E extends EventName>(event: E, listener: Listener<E>): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: EventName): this {
    if (event === undefined) {
      this.entries.clear();
    } else {
      this.entries.delete(event);
    }
    this.listenersChanged();
    return this;
  }

  listenerCount(event: EventName): number {
    return this.entries.get(event)?.length ?? 0;
  }

  protected listenersChanged(): void {}

  /** Calls the listeners of an event. One that throws does not keep the next from running. */
  protected emit<E extends EventName>(event: E, ...args: EventMap[E]): void {
    const list = this.entries.get(event) ?? [];
    if (list.some((entry) => entry.once)) {
      this.entries.set(event, list.filter((entry) => !entry.once));
      this.listenersChanged();
    }
    for (const entry of list) {
      try {
        entry.listener(args[0]);
      } catch (e) {
        throwLater(e);
      }
    }
  }

  private add(event: EventName, entry: Entry): this {
    this.entries.set(event, [...(this.entries.get(event) ?? []), entry]);
    this.listenersChanged();
    return this;
  }
}
