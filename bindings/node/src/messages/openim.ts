/** Messages and conversations in the shapes of OpenIM's SDKs. */
import { MessageType, MsgLogStatus, SessionType } from '../generated';
import type { NIMMessage, NIMSession } from '../generated-calls';
import { conversationOfMessage, isFailed, isOwn, isSent, type Conversation } from './nim';

export const OpenIMMessageType = { TextMessage: 101, CustomMessage: 110, Unknown: 0 } as const;
export const OpenIMSessionType = { Single: 1, WorkingGroup: 3 } as const;
export const OpenIMMessageStatus = { Sending: 1, Succeed: 2, Failed: 3 } as const;

export interface OpenIMMessage {
  clientMsgID: string;
  serverMsgID: string;
  createTime: number;
  sendTime: number;
  sessionType: number;
  sendID: string;
  recvID: string;
  groupID: string;
  senderPlatformID: number;
  senderNickname: string;
  contentType: number;
  isRead: boolean;
  status: number;
  ex: string;
  localEx: string;
  textElem?: { content: string };
  customElem?: { data: string; extension: string; description: string };
  /** The message as the library has it; of a message that was made here, what is not in the other keys. */
  nim: NIMMessage;
}

export interface OpenIMCustomParams {
  data: string;
  extension?: string;
  description?: string;
}

export interface OpenIMSendParams {
  /** The person, or '' with groupID. */
  recvID: string;
  groupID: string;
  message: OpenIMMessage;
  offlinePushInfo?: { title?: string; desc?: string; ex?: string };
}

export interface OpenIMHistoryParams {
  conversationID: string;
  count: number;
  /** Of a message; '' for the newest page. */
  startClientMsgID: string;
}

export interface OpenIMHistory {
  /** The oldest first. */
  messageList: OpenIMMessage[];
  /** Nothing older is stored. */
  isEnd: boolean;
}

export interface OpenIMInsertParams {
  message: OpenIMMessage;
  recvID: string;
  sendID: string;
}

export interface OpenIMConversation {
  conversationID: string;
  conversationType: number;
  userID: string;
  groupID: string;
  showName: string;
  unreadCount: number;
  /** The newest message, as JSON; '' if there is none. */
  latestMsg: string;
  latestMsgSendTime: number;
  isPinned: boolean;
  ex: string;
}

/** Makes a message of self; it has no receiver yet. */
export function createOpenIM(content: string | OpenIMCustomParams, self: string, id: string): OpenIMMessage {
  const text = typeof content === 'string';
  if (!text && typeof content?.data !== 'string') {
    throw new TypeError('data: want a string');
  }
  return {
    clientMsgID: id.replaceAll('-', ''),
    serverMsgID: '',
    createTime: Date.now(),
    sendTime: 0,
    sessionType: 0,
    sendID: self,
    recvID: '',
    groupID: '',
    senderPlatformID: 0,
    senderNickname: '',
    contentType: text ? OpenIMMessageType.TextMessage : OpenIMMessageType.CustomMessage,
    isRead: false,
    status: OpenIMMessageStatus.Sending,
    ex: '',
    localEx: '',
    ...(text
      ? { textElem: { content } }
      : { customElem: { data: content.data, extension: content.extension ?? '', description: content.description ?? '' } }),
    nim: {},
  };
}

/** The library's form of a message. */
export function fromOpenIM(m: OpenIMMessage, to: Conversation): NIMMessage {
  const c = m.customElem;
  if (m.textElem === undefined && c === undefined) {
    throw new TypeError('message: want one that createTextMessage or createCustomMessage has made');
  }
  return {
    ...m.nim,
    to_accid: to.id,
    to_type: to.type,
    client_msg_id: m.clientMsgID,
    ...(c === undefined
      ? { msg_type: MessageType.Text, msg_body: m.textElem?.content ?? '' }
      : { msg_type: MessageType.Custom, msg_attach: c.data, msg_body: c.description }),
    ...(c?.extension ? { server_ext: c.extension } : m.ex ? { server_ext: m.ex } : {}),
    ...(m.localEx ? { local_ext: m.localEx } : {}),
  };
}

/** The receiver of sendMessage. */
export function openIMReceiver(p: { recvID: string; groupID: string }): Conversation {
  const id = p.groupID || p.recvID;
  if (typeof id !== 'string' || id === '') {
    throw new TypeError('recvID or groupID: want one of them');
  }
  return { id, type: p.groupID ? SessionType.Team : SessionType.P2P };
}

export function toOpenIM(m: NIMMessage, self: string): OpenIMMessage {
  const team = (m.to_type ?? SessionType.P2P) !== SessionType.P2P;
  const custom = m.msg_type === MessageType.Custom;
  const text = m.msg_type === MessageType.Text;
  return {
    clientMsgID: m.client_msg_id ?? '',
    serverMsgID: m.server_msg_id ? String(m.server_msg_id) : '',
    createTime: m.time ?? 0,
    sendTime: m.time ?? 0,
    sessionType: team ? OpenIMSessionType.WorkingGroup : OpenIMSessionType.Single,
    sendID: m.from_id ?? self,
    recvID: team ? '' : (m.to_accid ?? ''),
    groupID: team ? (m.to_accid ?? '') : '',
    senderPlatformID: 0,
    senderNickname: m.from_nick ?? '',
    contentType: text ? OpenIMMessageType.TextMessage : custom ? OpenIMMessageType.CustomMessage : OpenIMMessageType.Unknown,
    isRead: m.log_status === (isOwn(m, self) ? MsgLogStatus.Receipt : MsgLogStatus.Read),
    status: isFailed(m) ? OpenIMMessageStatus.Failed : isOwn(m, self) && !isSent(m) ? OpenIMMessageStatus.Sending : OpenIMMessageStatus.Succeed,
    ex: custom ? '' : (m.server_ext ?? ''),
    localEx: m.local_ext ?? '',
    ...(text ? { textElem: { content: m.msg_body ?? '' } } : {}),
    ...(custom ? { customElem: { data: m.msg_attach ?? '', extension: m.server_ext ?? '', description: m.msg_body ?? '' } } : {}),
    nim: m,
  };
}

/** OpenIM's id of a conversation. */
export function openIMConversationID(c: Conversation, self: string): string {
  return c.type === SessionType.P2P ? `si_${[self, c.id].sort().join('_')}` : `sg_${c.id}`;
}

/** The conversation that OpenIM's id names. */
export function fromOpenIMConversationID(id: string, self: string): Conversation {
  if (typeof id === 'string' && id.startsWith('sg_') && id.length > 3) {
    return { id: id.slice(3), type: SessionType.Team };
  }
  const pair = typeof id === 'string' && id.startsWith('si_') ? id.slice(3) : '';
  const peers = [
    pair.startsWith(`${self}_`) ? pair.slice(self.length + 1) : '',
    pair.endsWith(`_${self}`) ? pair.slice(0, -self.length - 1) : '',
  ];
  // Both can fit where ids have a _: the one that gives the same id again is meant.
  const peer = peers.find((p) => p !== '' && openIMConversationID({ id: p, type: SessionType.P2P }, self) === id);
  if (peer === undefined) {
    throw new TypeError(`conversationID ${String(id)}: want si_ and two accounts, one of them ${self}, or sg_ and a group`);
  }
  return { id: peer, type: SessionType.P2P };
}

export function toOpenIMConversation(s: NIMSession, self: string): OpenIMConversation {
  const c = { id: s.id ?? '', type: (s.type ?? SessionType.P2P) as SessionType };
  const team = c.type !== SessionType.P2P;
  return {
    conversationID: openIMConversationID(c, self),
    conversationType: team ? OpenIMSessionType.WorkingGroup : OpenIMSessionType.Single,
    userID: team ? '' : c.id,
    groupID: team ? c.id : '',
    showName: c.id,
    unreadCount: s.unread_count ?? 0,
    latestMsg: s.msg_client_id ? JSON.stringify(toOpenIM(latestOf(s, self), self)) : '',
    latestMsgSendTime: s.msg_time ?? 0,
    isPinned: s.stick_top_info?.top ?? s.top ?? false,
    ex: s.extend_data ?? '',
  };
}

/** What the list knows of the newest message of a conversation. */
export function latestOf(s: NIMSession, self: string): NIMMessage {
  const from = s.msg_from_account ?? '';
  return {
    to_type: s.type ?? SessionType.P2P,
    to_accid: s.type === SessionType.P2P && from !== self ? self : (s.id ?? ''),
    from_id: from,
    talk_id: s.id ?? '',
    client_msg_id: s.msg_client_id ?? '',
    time: s.msg_time ?? 0,
    msg_type: s.msg_type ?? MessageType.Unknown,
    msg_body: s.msg_body ?? '',
    msg_attach: s.msg_attach ?? '',
    log_status: s.msg_status ?? 0,
  };
}

/** Where a page before a message begins: its conversation is the one that is asked for. */
export function belongsTo(m: NIMMessage, c: Conversation, self: string): boolean {
  const of = conversationOfMessage(m, self);
  return of.id === c.id && of.type === c.type;
}
