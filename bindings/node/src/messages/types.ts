/** What messages look like to programs: the library's own words. openim.ts and tencent.ts have the others. */
import type { NIMMessage, NIMSession } from '../generated-calls';
import type { SDKResult } from '../types';
import type {
  OpenIMConversation, OpenIMCustomParams, OpenIMHistory, OpenIMHistoryParams, OpenIMInsertParams, OpenIMMessage, OpenIMSendParams,
} from './openim';
import type {
  TencentConversation, TencentCustomParams, TencentHistory, TencentHistoryParams, TencentMessage, TencentTextParams,
} from './tencent';

/** Whose conversation: a person's (the default), a team's, a super team's. */
export type ConversationKind = 'p2p' | 'team' | 'superTeam';

/** Names a conversation. */
export interface ConversationRef {
  /** The account or the team. */
  to: string;
  type?: ConversationKind;
}

/**
 * A message to send: a text, or anything as custom, or the library's own keys in message, which win.
 * Without message.client_msg_id it gets an id of its own.
 */
export interface SendParams extends ConversationRef {
  text?: string;
  /** Of a custom message: sent as JSON, or as it is if it is a text. */
  custom?: unknown;
  /** Travels with the message: sent as JSON, or as it is if it is a text. */
  ext?: unknown;
  /** Further keys of the message. */
  message?: NIMMessage;
}

/** What became of a message. */
export interface MessageAck {
  msg_id: string;
  talk_id: string;
  /** 200, or the code of the error. */
  rescode: number;
  /** The server's time of the message, ms since 1970. */
  msg_timetag?: number;
  err_name?: string;
  err_msg?: string;
}

/** Which page of a history: the newest if neither before nor after is given. */
export interface HistoryParams extends ConversationRef {
  /** At most so many (20); messages of one time are never cut apart, so there may be more. */
  limit?: number;
  /** Older than this time, ms since 1970. */
  before?: number;
  /** Newer than this time. */
  after?: number;
  /** The oldest first; the newest first if absent. */
  oldestFirst?: boolean;
}

/** A message that came. */
export interface ReceivedMessage {
  message: NIMMessage;
  /** enum MessageFeature: 0 new, 1 it waited while the account was offline, 2 roaming, 3 sent by another own device. */
  feature: number;
}

export interface SessionChange {
  session: NIMSession;
  /** Unread number of all conversations. */
  totalUnread: number;
}

export interface ConversationList {
  /** The newest first. */
  sessions: NIMSession[];
  /** Unread number of all conversations. */
  totalUnread: number;
  /** The same list as Tencent IM programs know it. */
  conversationList: TencentConversation[];
  isSyncCompleted: true;
}

export interface InsertParams extends SendParams {
  /** false: the conversation list stays as it is. */
  updateSession?: boolean;
}

/** The calls about messages, in the words of this library, of OpenIM and of Tencent IM. */
export interface MessageCalls {
  /**
   * Sends a message. It is stored before it leaves; the promise ends after 30 s at the latest, with the
   * message as the server has it, or with why it was not sent. After 408 it may still arrive:
   * messageCorrected says so.
   */
  sendMessage(params: SendParams): Promise<SDKResult<NIMMessage>>;
  /** The same with a message that createTextMessage or createCustomMessage of Tencent IM has made. */
  sendMessage(message: TencentMessage): Promise<SDKResult<{ message: TencentMessage }>>;
  /** The same as OpenIM programs call it. */
  sendMessage(params: OpenIMSendParams, operationID?: string): Promise<SDKResult<OpenIMMessage>>;

  /** A page of what is stored of a conversation; waits for no server. */
  getHistory(params: HistoryParams): Promise<SDKResult<NIMMessage[]>>;
  /** One stored message; 404: there is none. */
  getMessage(clientMsgID: string): Promise<SDKResult<NIMMessage>>;
  /** All conversations, the newest first. */
  getConversationList(): Promise<SDKResult<ConversationList>>;
  /** Makes the unread number of a conversation 0, here and on the server, and its messages read. */
  markRead(params: ConversationRef): Promise<SDKResult<null>>;
  /** Makes all unread numbers 0. */
  markAllRead(): Promise<SDKResult<null>>;
  /** Stores a message that is not sent. */
  insertMessage(params: InsertParams): Promise<SDKResult<NIMMessage>>;

  /** Makes a text message, as OpenIM programs call it. */
  createTextMessage(text: string, operationID?: string): Promise<SDKResult<OpenIMMessage>>;
  /** Makes a text message, as Tencent IM programs call it. */
  createTextMessage(params: TencentTextParams): TencentMessage;
  /** Makes a custom message, as OpenIM programs call it. */
  createCustomMessage(params: OpenIMCustomParams, operationID?: string): Promise<SDKResult<OpenIMMessage>>;
  /** Makes a custom message, as Tencent IM programs call it. */
  createCustomMessage(params: TencentCustomParams): TencentMessage;

  /** OpenIM: all conversations, the newest first. */
  getAllConversationList(operationID?: string): Promise<SDKResult<OpenIMConversation[]>>;
  /** OpenIM: a part of the list. */
  getConversationListSplit(params: { offset: number; count: number }, operationID?: string): Promise<SDKResult<OpenIMConversation[]>>;
  /** OpenIM: messages before startClientMsgID, or the newest, the oldest first. */
  getAdvancedHistoryMessageList(params: OpenIMHistoryParams, operationID?: string): Promise<SDKResult<OpenIMHistory>>;
  /** OpenIM: markRead of a conversation by its id. */
  markConversationMessageAsRead(conversationID: string, operationID?: string): Promise<SDKResult<null>>;
  /** OpenIM: the unread number of all conversations. */
  getTotalUnreadMsgCount(operationID?: string): Promise<SDKResult<number>>;
  /** OpenIM: insertMessage into a person's conversation. */
  insertSingleMessageToLocalStorage(params: OpenIMInsertParams, operationID?: string): Promise<SDKResult<OpenIMMessage>>;

  /** Tencent IM: messages before nextReqMessageID, or the newest, the oldest first. */
  getMessageList(params: TencentHistoryParams): Promise<SDKResult<TencentHistory>>;
  /** Tencent IM: markRead of a conversation by its id. */
  setMessageRead(params: { conversationID: string }): Promise<SDKResult<null>>;
}

/** The names of these calls that need the library. */
export const messageMethods = [
  'sendMessage', 'getHistory', 'getMessage', 'getConversationList', 'markRead', 'markAllRead', 'insertMessage',
  'getAllConversationList', 'getConversationListSplit', 'getAdvancedHistoryMessageList', 'markConversationMessageAsRead',
  'getTotalUnreadMsgCount', 'insertSingleMessageToLocalStorage', 'getMessageList', 'setMessageRead',
] as const satisfies readonly (keyof MessageCalls)[];
export type MessageMethod = (typeof messageMethods)[number];
