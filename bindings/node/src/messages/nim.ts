/** The library's own messages: making them, and naming conversations. */
import { MessageType, MsgLogStatus, SessionType } from '../generated';
import type { NIMMessage } from '../generated-calls';
import type { ConversationKind, ConversationRef, SendParams } from './types';

/** A conversation as the C functions name it. */
export interface Conversation {
  readonly id: string;
  readonly type: SessionType;
}

const kinds: Record<ConversationKind, SessionType> = { p2p: SessionType.P2P, team: SessionType.Team, superTeam: SessionType.SuperTeam };

export function conversationOf(ref: ConversationRef): Conversation {
  const { to, type = 'p2p' } = ref ?? {};
  if (typeof to !== 'string' || to === '') {
    throw new TypeError('to: want an account or a team');
  }
  if (!Object.hasOwn(kinds, type)) {
    throw new TypeError(`type ${String(type)}: want ${Object.keys(kinds).join(', ')}`);
  }
  return { id: to, type: kinds[type] };
}

/** Makes the message that params describe. */
export function messageOf(params: SendParams, newID: () => string): NIMMessage & { client_msg_id: string } {
  const { id, type } = conversationOf(params);
  const { text, custom, ext, message = {} } = params;
  if (typeof message !== 'object' || message === null) {
    throw new TypeError('message: want an object');
  }
  const kind = [text !== undefined, custom !== undefined, message.msg_type !== undefined].filter(Boolean).length;
  if (kind === 0) {
    throw new TypeError('a message wants text, custom or message.msg_type');
  }
  if (text !== undefined && (typeof text !== 'string' || custom !== undefined)) {
    throw new TypeError('text: want a string, and no custom beside it');
  }
  return {
    to_accid: id,
    to_type: type,
    msg_type: custom === undefined ? MessageType.Text : MessageType.Custom,
    ...(text === undefined ? {} : { msg_body: text }),
    ...(custom === undefined ? {} : { msg_attach: asText(custom) }),
    ...(ext === undefined ? {} : { server_ext: asText(ext) }),
    ...message,
    client_msg_id: message.client_msg_id || newID().replaceAll('-', ''),
  };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Whether an account has sent a message. */
export function isOwn(m: NIMMessage, self: string): boolean {
  return (m.from_id ?? self) === self;
}

/** The conversation of a message, as the account self sees it. */
export function conversationOfMessage(m: NIMMessage, self: string): Conversation {
  const type = (m.to_type ?? SessionType.P2P) as SessionType;
  const id = m.talk_id || (type === SessionType.P2P && !isOwn(m, self) ? m.from_id : m.to_accid);
  return { id: id ?? '', type };
}

/** Whether sending a message has ended well, or not at all. */
export function isSent(m: NIMMessage): boolean {
  return m.log_status === MsgLogStatus.Sent || m.log_status === MsgLogStatus.Receipt;
}

/** Whether sending a message has failed. */
export function isFailed(m: NIMMessage): boolean {
  return ([MsgLogStatus.SendFailed, MsgLogStatus.SendCancel, MsgLogStatus.Refused] as number[]).includes(m.log_status ?? 0);
}
