/** Messages and conversations in the shapes of Tencent IM's SDKs. */
import { MessageType, MsgLogStatus, SessionType } from '../generated';
import type { NIMMessage, NIMSession } from '../generated-calls';
import { conversationOfMessage, isFailed, isOwn, isSent, type Conversation } from './nim';
import { latestOf } from './openim';

export type TencentConversationType = 'C2C' | 'GROUP';

export interface TencentTextParams {
  to: string;
  conversationType: TencentConversationType;
  payload: { text: string };
  /** Travels with the message. */
  cloudCustomData?: string;
}

export interface TencentCustomParams {
  to: string;
  conversationType: TencentConversationType;
  payload: TencentCustomPayload;
  cloudCustomData?: string;
}

export interface TencentCustomPayload {
  data: string;
  description?: string;
  extension?: string;
}

export interface TencentMessage {
  ID: string;
  type: string;
  payload: { text: string } | TencentCustomPayload | Record<string, unknown>;
  conversationID: string;
  conversationType: TencentConversationType;
  to: string;
  from: string;
  flow: 'in' | 'out';
  /** Seconds since 1970. */
  time: number;
  status: 'unSend' | 'success' | 'fail';
  nick: string;
  isRevoked: boolean;
  isPeerRead: boolean;
  cloudCustomData: string;
  /** The message as the library has it. */
  nim: NIMMessage;
}

export interface TencentHistoryParams {
  conversationID: string;
  /** Of the answer before; absent for the newest page. */
  nextReqMessageID?: string;
  /** At most so many (15). */
  count?: number;
}

export interface TencentHistory {
  /** The oldest first. */
  messageList: TencentMessage[];
  /** For the page before; '' if nothing older is stored. */
  nextReqMessageID: string;
  isCompleted: boolean;
}

export interface TencentConversation {
  conversationID: string;
  type: TencentConversationType;
  unreadCount: number;
  lastMessage: {
    lastTime: number;
    fromAccount: string;
    type: string;
    payload: TencentMessage['payload'];
    messageForShow: string;
  };
  userProfile?: { userID: string };
  groupProfile?: { groupID: string };
  isPinned: boolean;
  customData: string;
}

const elements: Record<number, string> = {
  [MessageType.Text]: 'TIMTextElem',
  [MessageType.Image]: 'TIMImageElem',
  [MessageType.Audio]: 'TIMSoundElem',
  [MessageType.Video]: 'TIMVideoFileElem',
  [MessageType.Location]: 'TIMLocationElem',
  [MessageType.File]: 'TIMFileElem',
  [MessageType.Custom]: 'TIMCustomElem',
};

/** Tencent IM's id of a conversation. */
export function tencentConversationID(c: Conversation): string {
  return (c.type === SessionType.P2P ? 'C2C' : 'GROUP') + c.id;
}

/** The conversation that Tencent IM's id names. */
export function fromTencentConversationID(id: string): Conversation {
  const [, kind, rest] = /^(C2C|GROUP)(.+)$/s.exec(typeof id === 'string' ? id : '') ?? [];
  if (rest === undefined) {
    throw new TypeError(`conversationID ${String(id)}: want C2C and an account, or GROUP and a group`);
  }
  return { id: rest, type: kind === 'C2C' ? SessionType.P2P : SessionType.Team };
}

/** Makes a message of self, to be sent. */
export function createTencent(p: TencentTextParams | TencentCustomParams, self: string, id: string): TencentMessage {
  const c = fromTencentConversationID(`${p?.conversationType}${p?.to ?? ''}`);
  const payload = p.payload as { text?: unknown; data?: unknown; description?: string; extension?: string } | undefined;
  const text = typeof payload?.text === 'string';
  if (!text && typeof payload?.data !== 'string') {
    throw new TypeError('payload: want { text } or { data }, a string');
  }
  return {
    ...toTencent(
      {
        to_accid: c.id,
        to_type: c.type,
        from_id: self,
        client_msg_id: id.replaceAll('-', ''),
        time: Date.now(),
        ...(text
          ? { msg_type: MessageType.Text, msg_body: payload.text as string }
          : { msg_type: MessageType.Custom, msg_attach: payload?.data as string, msg_body: payload?.description ?? '' }),
        ...(p.cloudCustomData || payload?.extension ? { server_ext: p.cloudCustomData || payload?.extension || '' } : {}),
      },
      self,
    ),
  };
}

/** The library's form of a message that createTencent has made, with what the program changed in it. */
export function fromTencent(m: TencentMessage): NIMMessage {
  const c = fromTencentConversationID(`${m.conversationType}${m.to}`);
  const { from_id: _from, time: _time, log_status: _status, ...plain } = m.nim ?? {};
  const payload = m.payload as { text?: string; data?: string; description?: string };
  return {
    ...plain,
    to_accid: c.id,
    to_type: c.type,
    client_msg_id: m.ID,
    ...(m.type === 'TIMTextElem' ? { msg_type: MessageType.Text, msg_body: payload.text ?? '' } : {}),
    ...(m.type === 'TIMCustomElem' ? { msg_type: MessageType.Custom, msg_attach: payload.data ?? '', msg_body: payload.description ?? '' } : {}),
    ...(m.cloudCustomData ? { server_ext: m.cloudCustomData } : {}),
  };
}

export function toTencent(m: NIMMessage, self: string): TencentMessage {
  const c = conversationOfMessage(m, self);
  const own = isOwn(m, self);
  return {
    ID: m.client_msg_id ?? '',
    type: elements[m.msg_type ?? MessageType.Unknown] ?? 'TIMUnknownElem',
    payload: payloadOf(m),
    conversationID: tencentConversationID(c),
    conversationType: c.type === SessionType.P2P ? 'C2C' : 'GROUP',
    to: m.to_accid ?? '',
    from: m.from_id ?? self,
    flow: own ? 'out' : 'in',
    time: Math.floor((m.time ?? 0) / 1000),
    status: isFailed(m) ? 'fail' : own && !isSent(m) ? 'unSend' : 'success',
    nick: m.from_nick ?? '',
    isRevoked: false,
    isPeerRead: m.log_status === MsgLogStatus.Receipt,
    cloudCustomData: m.server_ext ?? '',
    nim: m,
  };
}

function payloadOf(m: NIMMessage): TencentMessage['payload'] {
  switch (m.msg_type) {
    case MessageType.Text:
      return { text: m.msg_body ?? '' };
    case MessageType.Custom:
      return { data: m.msg_attach ?? '', description: m.msg_body ?? '', extension: m.server_ext ?? '' };
  }
  try {
    return JSON.parse(m.msg_attach || '{}') as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function toTencentConversation(s: NIMSession, self: string): TencentConversation {
  const c = { id: s.id ?? '', type: (s.type ?? SessionType.P2P) as SessionType };
  const last = toTencent(latestOf(s, self), self);
  const person = c.type === SessionType.P2P;
  return {
    conversationID: tencentConversationID(c),
    type: last.conversationType,
    unreadCount: s.unread_count ?? 0,
    lastMessage: {
      lastTime: last.time,
      fromAccount: last.from,
      type: last.type,
      payload: last.payload,
      messageForShow: s.msg_body ?? '',
    },
    ...(person ? { userProfile: { userID: c.id } } : { groupProfile: { groupID: c.id } }),
    isPinned: s.stick_top_info?.top ?? s.top ?? false,
    customData: s.extend_data ?? '',
  };
}
