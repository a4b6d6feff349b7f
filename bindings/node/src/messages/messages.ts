import type { Engine } from '../engine';
import { argument, errorOf, failure } from '../errors';
import { errorTable, MsgLogStatus, SessionType } from '../generated';
import type { NIMMessage, NIMSession } from '../generated-calls';
import { given } from '../options';
import { resultOf } from '../translate';
import type { SDKResult } from '../types';
import { create, type Creator } from './create';
import { conversationOf, conversationOfMessage, messageOf, type Conversation } from './nim';
import {
  fromOpenIM, fromOpenIMConversationID, openIMReceiver, toOpenIM, toOpenIMConversation,
  type OpenIMConversation, type OpenIMHistory, type OpenIMHistoryParams, type OpenIMInsertParams, type OpenIMMessage,
  type OpenIMSendParams,
} from './openim';
import {
  fromTencent, fromTencentConversationID, toTencent, toTencentConversation,
  type TencentHistory, type TencentHistoryParams, type TencentMessage,
} from './tencent';
import type {
  ConversationList, ConversationRef, HistoryParams, InsertParams, MessageAck, MessageCalls, SendParams,
} from './types';

interface Page {
  limit: number;
  anchor?: number;
  newer?: boolean;
  rising?: boolean;
}

/** A send that waits for its acknowledgement. */
interface Waiter {
  resolve: (ack: MessageAck) => void;
  reject: (error: unknown) => void;
}

/** The calls about messages, over the C library. */
export class Messages implements MessageCalls {
  /** By client_msg_id. Two sends with one id are one message, with one acknowledgement for both. */
  private readonly sends = new Map<string, Waiter[]>();

  constructor(
    private readonly engine: Engine,
    private readonly sdk: Creator,
    private readonly acked: (ack: MessageAck) => void,
  ) {}

  createTextMessage: MessageCalls['createTextMessage'] = (params: never, operationID?: string) => create(this.sdk, params, operationID);
  createCustomMessage: MessageCalls['createCustomMessage'] = (params: never, operationID?: string) => create(this.sdk, params, operationID);

  sendMessage(params: SendParams): Promise<SDKResult<NIMMessage>>;
  sendMessage(message: TencentMessage): Promise<SDKResult<{ message: TencentMessage }>>;
  sendMessage(params: OpenIMSendParams, operationID?: string): Promise<SDKResult<OpenIMMessage>>;
  async sendMessage(params: SendParams | TencentMessage | OpenIMSendParams, operationID = ''): Promise<SDKResult<unknown>> {
    if (typeof params !== 'object' || params === null) {
      throw failure('invalid_argument', 'sendMessage wants an object');
    }
    if ('conversationType' in params) {
      const sent = await this.send(argument(() => fromTencent(params)), (m) => Object.assign(params, toTencent(m, this.sdk.userID)));
      return resultOf({ message: Object.assign(params, toTencent(sent, this.sdk.userID)) });
    }
    if ('recvID' in params || 'groupID' in params) {
      const sent = await this.send(argument(() => openIMToSend(params as OpenIMSendParams)));
      return resultOf(toOpenIM(sent, this.sdk.userID), operationID);
    }
    return resultOf(await this.send(argument(() => messageOf(params, () => this.sdk.uuid()))));
  }

  async getHistory(params: HistoryParams): Promise<SDKResult<NIMMessage[]>> {
    const of = argument(() => conversationOf(params));
    const { limit = 20, before, after, oldestFirst = false } = params;
    if (before !== undefined && after !== undefined) {
      throw failure('invalid_argument', 'before and after: want one of them');
    }
    const page = { limit, ...given({ anchor: before ?? after }), newer: after !== undefined, rising: oldestFirst };
    return resultOf(await this.page(of, page));
  }

  async getMessage(clientMsgID: string): Promise<SDKResult<NIMMessage>> {
    const r = await this.engine.ask.nim_msglog_query_msg_by_id_async(clientMsgID, null);
    return resultOf(JSON.parse(r.result) as NIMMessage);
  }

  async getConversationList(): Promise<SDKResult<ConversationList>> {
    const { sessions, totalUnread } = await this.list();
    const conversationList = sessions.map((s) => toTencentConversation(s, this.sdk.userID));
    return resultOf({ sessions, totalUnread, conversationList, isSyncCompleted: true });
  }

  async markRead(params: ConversationRef): Promise<SDKResult<null>> {
    return resultOf(await this.read(argument(() => conversationOf(params))));
  }

  async markAllRead(): Promise<SDKResult<null>> {
    await this.engine.ask.nim_session_reset_all_unread_count_async(null);
    return resultOf(null);
  }

  async insertMessage(params: InsertParams): Promise<SDKResult<NIMMessage>> {
    const message = argument(() => messageOf(params, () => this.sdk.uuid()));
    return resultOf(await this.insert(message, params.to, params.updateSession ?? true));
  }

  async getAllConversationList(operationID = ''): Promise<SDKResult<OpenIMConversation[]>> {
    const { sessions } = await this.list();
    return resultOf(sessions.map((s) => toOpenIMConversation(s, this.sdk.userID)), operationID);
  }

  async getConversationListSplit(params: { offset: number; count: number }, operationID = ''): Promise<SDKResult<OpenIMConversation[]>> {
    const { data } = await this.getAllConversationList();
    return resultOf(data.slice(params.offset, params.offset + params.count), operationID);
  }

  async getAdvancedHistoryMessageList(params: OpenIMHistoryParams, operationID = ''): Promise<SDKResult<OpenIMHistory>> {
    const of = argument(() => fromOpenIMConversationID(params.conversationID, this.sdk.userID));
    const { messages, isEnd } = await this.before(of, params.startClientMsgID, params.count);
    return resultOf({ messageList: messages.map((m) => toOpenIM(m, this.sdk.userID)), isEnd }, operationID);
  }

  async markConversationMessageAsRead(conversationID: string, operationID = ''): Promise<SDKResult<null>> {
    return resultOf(await this.read(argument(() => fromOpenIMConversationID(conversationID, this.sdk.userID))), operationID);
  }

  async getTotalUnreadMsgCount(operationID = ''): Promise<SDKResult<number>> {
    return resultOf((await this.list()).totalUnread, operationID);
  }

  async insertSingleMessageToLocalStorage(params: OpenIMInsertParams, operationID = ''): Promise<SDKResult<OpenIMMessage>> {
    const { message, recvID, sendID } = params;
    const peer = sendID === this.sdk.userID ? recvID : sendID;
    const m = argument(() => fromOpenIM(message, { id: recvID, type: SessionType.P2P }));
    const status = sendID === this.sdk.userID ? MsgLogStatus.Sent : MsgLogStatus.Read;
    const stored = await this.insert({ log_status: status, time: message.createTime, ...m, from_id: sendID }, peer, true);
    return resultOf(toOpenIM(stored, this.sdk.userID), operationID);
  }

  async getMessageList(params: TencentHistoryParams): Promise<SDKResult<TencentHistory>> {
    const of = argument(() => fromTencentConversationID(params.conversationID));
    const { messages, isEnd } = await this.before(of, params.nextReqMessageID ?? '', params.count ?? 15);
    return resultOf({
      messageList: messages.map((m) => toTencent(m, this.sdk.userID)),
      nextReqMessageID: isEnd ? '' : (messages[0]?.client_msg_id ?? ''),
      isCompleted: isEnd,
    });
  }

  async setMessageRead(params: { conversationID: string }): Promise<SDKResult<null>> {
    return resultOf(await this.read(argument(() => fromTencentConversationID(params.conversationID))));
  }

  /** Hears of the sends. Not before there is one: a program that only logs in needs no store. */
  hearAcks(): void {
    if (!this.engine.hears('talk_ack')) {
      this.engine.hear('talk_ack', (r) => this.acknowledge(JSON.parse(r.result) as MessageAck));
    }
  }

  /** An acknowledgement has come, perhaps of a message that was sent before the program was started. */
  private acknowledge(ack: MessageAck): void {
    const waiters = this.sends.get(ack.msg_id) ?? [];
    this.sends.delete(ack.msg_id);
    waiters.forEach((w) => w.resolve(ack));
    this.acked(ack);
  }

  /** The library was stopped. Acknowledgements that cleanup brought have been read. */
  cancel(): void {
    const left = [...this.sends.values()].flat();
    this.sends.clear();
    left.forEach((w) => w.reject(failure('cancelled', 'the library was stopped')));
  }

  /** Sends a message and gives it as it was acknowledged; failed gets it as it stands where it was not. */
  private async send(message: NIMMessage, failed: (m: NIMMessage) => void = () => undefined): Promise<NIMMessage> {
    const { fn, calls } = this.engine.running();
    const id = message.client_msg_id ?? '';
    const self = this.sdk.userID;
    this.hearAcks();
    const ack = await calls.awaited(
      new Promise<MessageAck>((resolve, reject) => {
        const waiters = this.sends.get(id) ?? [];
        this.sends.set(id, [...waiters, { resolve, reject }]);
        fn.nim_talk_send_msg(JSON.stringify(message), null, null, 0);
      }),
    );
    const talk = { from_id: self, talk_id: ack.talk_id };
    if (ack.rescode !== errorTable.ok.code) {
      failed({ ...message, ...talk, log_status: MsgLogStatus.SendFailed });
      throw errorOf({ err_code: ack.rescode, ...given({ err_name: ack.err_name, err_msg: ack.err_msg }) });
    }
    return { ...message, ...talk, ...given({ time: ack.msg_timetag }), log_status: MsgLogStatus.Sent };
  }

  private async list(): Promise<{ sessions: NIMSession[]; totalUnread: number }> {
    const r = await this.engine.ask.nim_session_query_all_recent_session_async(null);
    const { content } = JSON.parse(r.result) as { content?: NIMSession[] };
    return { sessions: content ?? [], totalUnread: r.total_unread_count };
  }

  private async read(of: Conversation): Promise<null> {
    const { ask } = this.engine;
    await Promise.all([
      ask.nim_session_set_unread_count_zero_async(of.type, of.id, null),
      ask.nim_msglog_batch_status_read_async(of.id, of.type, null),
    ]);
    return null;
  }

  private async insert(message: NIMMessage, talk: string, updateSession: boolean): Promise<NIMMessage> {
    await this.engine.ask.nim_msglog_insert_msglog_async(talk, JSON.stringify(message), updateSession, null);
    return (await this.getMessage(message.client_msg_id ?? '')).data;
  }

  private async page(of: Conversation, p: Page): Promise<NIMMessage[]> {
    const options = JSON.stringify({ direction: p.newer ? 1 : 0, reverse: p.rising ?? false });
    const r = await this.engine.ask.nim_msglog_query_msg_async(of.id, of.type, p.limit, p.anchor ?? 0, options);
    return (JSON.parse(r.result) as { content?: NIMMessage[] }).content ?? [];
  }

  /** The page before a message, or the newest, the oldest first. */
  private async before(of: Conversation, id: string, limit: number): Promise<{ messages: NIMMessage[]; isEnd: boolean }> {
    let anchor = 0;
    if (id !== '') {
      const { data: start } = await this.getMessage(id);
      const c = conversationOfMessage(start, this.sdk.userID);
      if (c.id !== of.id || c.type !== of.type) {
        throw failure('invalid_argument', `message ${id} is of another conversation`);
      }
      anchor = start.time ?? 0;
    }
    const messages = await this.page(of, { limit, anchor, rising: true });
    return { messages, isEnd: messages.length < limit };
  }
}

function openIMToSend(p: OpenIMSendParams): NIMMessage {
  const { title, desc } = p.offlinePushInfo ?? {};
  return { ...fromOpenIM(p.message, openIMReceiver(p)), ...given({ push_content: desc ?? title }) };
}
