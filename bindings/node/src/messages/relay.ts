/** The library's callbacks about messages as events, in the words of this library, of OpenIM and of Tencent IM. */
import type { EventMap, EventName, EventSink } from '../events';
import type { NIMMessage, NIMSession } from '../generated-calls';
import { SessionCommand } from '../generated';
import { throwLater } from '../errors';
import { eventOf } from '../translate';
import { toOpenIM, toOpenIMConversation } from './openim';
import { toTencent } from './tencent';
import type { ConversationList, MessageAck, ReceivedMessage } from './types';

/** Where the events go. */
export interface RelayTarget extends EventSink {
  readonly userID: string;
  listenerCount(event: EventName): number;
  getConversationList(): Promise<{ data: ConversationList }>;
}

/** The events of each registration: it stands while one of them has a listener, since what comes meanwhile waits. */
export const heardFor = {
  talk_ack: ['messageAck'],
  talk_receive: ['messagesReceived', 'messageReceived', 'recvNewMessage', 'recvNewMessages'],
  session_change: [
    'sessionChanged', 'totalUnreadChanged', 'conversationListUpdated', 'conversationChanged', 'newConversation',
  ],
  nimx_talk_msg_corrected: ['messageCorrected'],
} as const satisfies Record<string, readonly EventName[]>;

/** All of these events. */
export const messageEvents: readonly EventName[] = Object.values(heardFor).flat();

export class Relay {
  private totalUnread: number | undefined;
  private listing = false;

  constructor(private readonly to: RelayTarget) {}

  /** Tells a message, or an array of one conversation, the oldest first. */
  received(text: string): void {
    type Content = { content?: NIMMessage; feature?: number };
    const all = [JSON.parse(text) as Content | Content[]].flat();
    const list = all.map((c): ReceivedMessage => ({ message: c.content ?? {}, feature: c.feature ?? 0 }));
    const self = this.to.userID;
    this.tell('messagesReceived', () => list);
    this.tell('messageReceived', () => list.map((r) => toTencent(r.message, self)));
    this.tell('recvNewMessages', () => list.map((r) => toOpenIM(r.message, self)));
    for (const { message } of list) {
      this.tell('recvNewMessage', () => toOpenIM(message, self));
    }
  }

  changed(text: string, totalUnread: number): void {
    const session = JSON.parse(text) as NIMSession;
    const self = this.to.userID;
    this.tell('sessionChanged', () => ({ session, totalUnread }));
    const known = session.command === SessionCommand.Update || session.command === SessionCommand.MsgDeleted;
    if (session.command === SessionCommand.Add) {
      this.tell('newConversation', () => [toOpenIMConversation(session, self)]);
    } else if (known) {
      this.tell('conversationChanged', () => [toOpenIMConversation(session, self)]);
    }
    if (totalUnread !== this.totalUnread) {
      this.totalUnread = totalUnread;
      this.tell('totalUnreadChanged', () => totalUnread);
    }
    this.list();
  }

  acknowledged(ack: MessageAck): void {
    this.to.emit('messageAck', eventOf('messageAck', ack));
  }

  corrected(text: string): void {
    this.to.emit('messageCorrected', eventOf('messageCorrected', JSON.parse(text) as MessageAck));
  }

  /** Another run of the library begins. */
  reset(): void {
    this.totalUnread = undefined;
  }

  /** Tells the whole list: one query for all changes that come meanwhile, and one after it. */
  private list(): void {
    if (this.listing || this.to.listenerCount('conversationListUpdated') === 0) {
      return;
    }
    this.listing = true;
    setImmediate(() => {
      this.listing = false;
      this.to.getConversationList().then(
        ({ data }) => this.tell('conversationListUpdated', () => data.conversationList),
        (e: unknown) => this.failed(e),
      );
    });
  }

  /** The session ends: there is no list to tell. */
  private failed(e: unknown): void {
    if (!(e instanceof Error) || e.name !== 'NimError') {
      throwLater(e);
    }
  }

  private tell<E extends EventName>(name: E, data: () => EventMap[E][0]['data']): void {
    if (this.to.listenerCount(name) > 0) {
      this.to.emit(name, ...([eventOf(name, data())] as unknown as EventMap[E]));
    }
  }
}
