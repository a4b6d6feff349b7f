import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CbEvents, EVENT, getSDK, MessageType, MsgLogStatus, SessionCommand, TYPES } from 'libnim';
import { Device } from './support/device.mjs';
import { Nimd } from './support/nimd.mjs';
import { client, options, Recorder, rejection } from './support/sdk.mjs';

describe('messages', () => {
  let nimd;
  let accounts = 0;
  before(async () => {
    nimd = await Nimd.start();
  });
  after(() => nimd.stop());

  async function account() {
    const name = `user_${++accounts}`;
    await nimd.addAccount(name);
    return name;
  }

  /** This process as alice and another one as bob, both logged in. */
  async function pair(t) {
    const [alice, bob] = [await account(), await account()];
    const sdk = await client(t, nimd);
    const device = await Device.start(t, options(t, nimd));
    await sdk.login({ userID: alice, token: 'secret' });
    await device.call('login', { userID: bob, token: 'secret' });
    return { alice, bob, sdk, device };
  }

  test('a text and a custom message, with their acknowledgements', async (t) => {
    const { alice, bob, sdk, device } = await pair(t);
    const { data: sent } = await sdk.sendMessage({ to: bob, text: '你好 🙂', ext: { a: 1 } });
    assert.equal(sent.log_status, MsgLogStatus.Sent);
    assert.equal(sent.from_id, alice);
    assert.match(sent.client_msg_id, /^[0-9a-f]{32}$/);
    assert.ok(Math.abs(sent.time - Date.now()) < 60_000);
    const { data } = await device.until('messagesReceived');
    assert.equal(data.length, 1);
    assert.equal(data[0].feature, 0);
    const { message } = data[0];
    assert.equal(message.msg_body, '你好 🙂');
    assert.equal(message.server_ext, '{"a":1}');
    assert.equal(message.from_id, alice);
    assert.equal(message.talk_id, alice);
    assert.equal(message.client_msg_id, sent.client_msg_id);
    assert.equal(message.time, sent.time);

    const seen = new Recorder(sdk);
    await device.call('sendMessage', { to: alice, custom: { game: 'go', move: [3, 4] }, message: { x_unknown: 'kept' } });
    const custom = (await seen.until('messagesReceived')).data[0].message;
    assert.equal(custom.msg_type, MessageType.Custom);
    assert.deepEqual(JSON.parse(custom.msg_attach), { game: 'go', move: [3, 4] });
    assert.equal(custom.x_unknown, 'kept');
  });

  test('many at once arrive in order, each acknowledged', async (t) => {
    const { alice, bob, sdk, device } = await pair(t);
    const seen = new Recorder(sdk);
    const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`);
    for (const text of texts) {
      await device.call('sendMessage', { to: alice, text });
    }
    const acks = await Promise.all(texts.map((text) => sdk.sendMessage({ to: bob, text })));
    assert.equal(new Set(acks.map((a) => a.data.client_msg_id)).size, texts.length);
    const got = () => seen.events.filter((e) => e.name === 'messagesReceived').flatMap((e) => e.event.data.map((r) => r.message.msg_body));
    await seen.until('messagesReceived', { match: ({ data }) => data.some((r) => r.message.msg_body === texts.at(-1)) });
    assert.deepEqual(got(), texts);
    const { data } = await sdk.getHistory({ to: bob, limit: 100, oldestFirst: true });
    assert.deepEqual(data.filter((m) => m.from_id === bob).map((m) => m.msg_body), texts);
    assert.deepEqual(data.filter((m) => m.from_id === alice).map((m) => m.msg_body), texts);
  });

  test('what comes while nobody listens, or while away, waits', async (t) => {
    const { alice, bob, sdk, device } = await pair(t);
    await device.call('sendMessage', { to: alice, text: 'nobody listens' });
    const seen = new Recorder(sdk);
    assert.equal((await seen.until('messagesReceived')).data[0].message.msg_body, 'nobody listens');
    sdk.removeAllListeners();
    await device.call('sendMessage', { to: alice, text: 'the listeners went' });
    const once = await new Promise((resolve) => sdk.once('messagesReceived', resolve));
    assert.equal(once.data[0].message.msg_body, 'the listeners went');
    await sdk.logout();
    await device.call('sendMessage', { to: alice, text: 'away' });
    const back = new Recorder(sdk);
    await sdk.login({ userID: alice, token: 'secret' });
    const [received] = (await back.until('messagesReceived')).data;
    assert.equal(received.message.msg_body, 'away');
    assert.equal(received.feature, 1);
    assert.equal(received.message.talk_id, bob);
    assert.equal(back.names.filter((name) => name === 'messagesReceived').length, 1);
  });

  test('the conversations, their unread numbers and histories', async (t) => {
    const { alice, bob, sdk, device } = await pair(t);
    const seen = new Recorder(sdk);
    for (const text of ['one', 'two', 'three']) {
      await device.call('sendMessage', { to: alice, text });
    }
    await seen.until('sessionChanged', { match: ({ data }) => data.session.unread_count === 3 });
    assert.deepEqual(
      seen.events.filter((e) => e.name === 'totalUnreadChanged').map((e) => e.event.data), [1, 2, 3]);
    assert.equal((await seen.until('sessionChanged')).data.session.command, SessionCommand.Add);
    const { data: list } = await sdk.getConversationList();
    assert.equal(list.totalUnread, 3);
    assert.equal(list.sessions.length, 1);
    assert.equal(list.sessions[0].id, bob);
    assert.equal(list.sessions[0].msg_body, 'three');

    const { data: newest } = await sdk.getHistory({ to: bob, limit: 2 });
    assert.deepEqual(newest.map((m) => m.msg_body), ['three', 'two']);
    const { data: older } = await sdk.getHistory({ to: bob, before: newest[1].time });
    assert.deepEqual(older.map((m) => m.msg_body), ['one']);
    const { data: newer } = await sdk.getHistory({ to: bob, after: older[0].time, limit: 1 });
    assert.deepEqual(newer.map((m) => m.msg_body), ['two']);
    assert.equal((await sdk.getMessage(newest[0].client_msg_id)).data.msg_body, 'three');
    assert.equal((await rejection(sdk.getMessage('no-such-message'))).errCode, 404);

    await sdk.markRead({ to: bob });
    assert.equal((await sdk.getConversationList()).data.totalUnread, 0);
    assert.equal((await sdk.getMessage(newest[0].client_msg_id)).data.log_status, MsgLogStatus.Read);
    assert.equal((await seen.until('totalUnreadChanged', { match: ({ data }) => data === 0 })).data, 0);
    const from = seen.events.length;
    await device.call('sendMessage', { to: alice, text: 'four' });
    await seen.until('totalUnreadChanged', { match: ({ data }) => data === 1, from });
    await sdk.markAllRead();
    assert.equal((await sdk.getConversationList()).data.totalUnread, 0);

    const { data: note } = await sdk.insertMessage({ to: bob, text: 'a note', message: { msg_type: MessageType.Tips, log_status: MsgLogStatus.Sent } });
    assert.equal(note.msg_type, MessageType.Tips);
    assert.equal((await sdk.getHistory({ to: bob, limit: 1 })).data[0].msg_body, 'a note');
  });

  test('in the words of OpenIM', async (t) => {
    const { alice, bob, sdk, device } = await pair(t);
    const seen = new Recorder(sdk);
    const { data: created } = await sdk.createTextMessage('hello', 'operation-1');
    assert.equal(created.contentType, 101);
    assert.equal(created.sendID, alice);
    const r = await sdk.sendMessage({ recvID: bob, groupID: '', message: created }, 'operation-2');
    assert.equal(r.operationID, 'operation-2');
    assert.equal(r.data.clientMsgID, created.clientMsgID);
    assert.equal(r.data.status, 2);
    assert.equal(r.data.recvID, bob);
    assert.deepEqual(r.data.textElem, { content: 'hello' });
    assert.equal((await device.until(CbEvents.OnRecvNewMessage)).data.textElem.content, 'hello');

    const custom = await sdk.asyncApi('createCustomMessage', 'op', { data: '{"a":1}', extension: 'e', description: 'd' });
    await sdk.asyncApi('sendMessage', 'op', { recvID: bob, groupID: '', message: custom });
    const { data: history } = await device.call('getHistory', { to: alice, limit: 1 });
    assert.equal(history[0].msg_attach, '{"a":1}');

    const reply = (await device.call('createTextMessage', 'hi')).data;
    await device.call('sendMessage', { recvID: alice, groupID: '', message: reply });
    const message = (await seen.until(CbEvents.OnRecvNewMessages)).data[0];
    assert.equal(message.sendID, bob);
    assert.equal(message.recvID, alice);
    assert.equal(message.textElem.content, 'hi');
    const conversationID = `si_${[alice, bob].sort().join('_')}`;
    const changed = await seen.until(CbEvents.OnConversationChanged, { match: ({ data }) => data[0].unreadCount === 1 });
    assert.equal(changed.data[0].conversationID, conversationID);
    assert.equal((await seen.until(CbEvents.OnTotalUnreadMessageCountChanged, { match: ({ data }) => data === 1 })).data, 1);
    const { data: all } = await sdk.getAllConversationList();
    assert.equal(all.length, 1);
    assert.equal(all[0].userID, bob);
    assert.equal(JSON.parse(all[0].latestMsg).textElem.content, 'hi');
    assert.equal((await sdk.getConversationListSplit({ offset: 1, count: 10 })).data.length, 0);
    assert.equal((await sdk.getTotalUnreadMsgCount()).data, 1);
    await sdk.markConversationMessageAsRead(conversationID);
    assert.equal((await sdk.getTotalUnreadMsgCount()).data, 0);

    const page = await sdk.getAdvancedHistoryMessageList({ conversationID, count: 2, startClientMsgID: '' });
    assert.equal(page.data.isEnd, false);
    assert.deepEqual(page.data.messageList.map((m) => m.clientMsgID), [custom.clientMsgID, reply.clientMsgID]);
    const before = await sdk.getAdvancedHistoryMessageList({ conversationID, count: 2, startClientMsgID: custom.clientMsgID });
    assert.deepEqual(before.data.messageList.map((m) => m.clientMsgID), [created.clientMsgID]);
    assert.equal(before.data.isEnd, true);
    const local = (await sdk.createTextMessage('kept here')).data;
    const stored = await sdk.insertSingleMessageToLocalStorage({ message: local, recvID: alice, sendID: bob });
    assert.equal(stored.data.sendID, bob);
    assert.equal((await sdk.getHistory({ to: bob, limit: 1 })).data[0].msg_body, 'kept here');
  });

  test('in the words of Tencent IM', async (t) => {
    const { alice, bob, sdk, device } = await pair(t);
    const seen = new Recorder(sdk);
    const message = sdk.createTextMessage({ to: bob, conversationType: TYPES.CONV_C2C, payload: { text: 'hello' }, cloudCustomData: 'c' });
    assert.equal(message.type, TYPES.MSG_TEXT);
    assert.equal(message.conversationID, `C2C${bob}`);
    assert.equal(message.flow, 'out');
    assert.equal(message.status, 'unSend');
    const r = await sdk.sendMessage(message);
    assert.equal(r.code, 0);
    assert.equal(r.data.message, message);
    assert.equal(message.status, 'success');
    const received = (await device.until(EVENT.MESSAGE_RECEIVED)).data[0];
    assert.equal(received.payload.text, 'hello');
    assert.equal(received.flow, 'in');
    assert.equal(received.from, alice);
    assert.equal(received.cloudCustomData, 'c');
    assert.equal(received.conversationID, `C2C${alice}`);
    assert.equal(received.ID, message.ID);

    const custom = sdk.createCustomMessage({ to: bob, conversationType: 'C2C', payload: { data: 'x', description: 'd' } });
    await sdk.sendMessage(custom);
    await device.call('sendMessage', { to: alice, text: 'one' });
    const updated = await seen.until(EVENT.CONVERSATION_LIST_UPDATED, { match: ({ data }) => data[0].unreadCount === 1 });
    assert.equal(updated.data[0].conversationID, `C2C${bob}`);
    assert.equal(updated.data[0].lastMessage.payload.text, 'one');
    assert.equal((await sdk.getConversationList()).data.conversationList[0].unreadCount, 1);

    const { data: newest } = await sdk.getMessageList({ conversationID: `C2C${bob}`, count: 2 });
    assert.deepEqual(newest.messageList.map((m) => m.type), [TYPES.MSG_CUSTOM, TYPES.MSG_TEXT]);
    assert.deepEqual(newest.messageList[0].payload, { data: 'x', description: 'd', extension: '' });
    assert.equal(newest.isCompleted, false);
    const { data: rest } = await sdk.getMessageList({ conversationID: `C2C${bob}`, nextReqMessageID: newest.nextReqMessageID });
    assert.deepEqual(rest.messageList.map((m) => m.ID), [message.ID]);
    assert.equal(rest.isCompleted, true);
    await sdk.setMessageRead({ conversationID: `C2C${bob}` });
    assert.equal((await sdk.getConversationList()).data.conversationList[0].unreadCount, 0);
  });

  test('what is wrong is said', async (t) => {
    const { bob, sdk } = await pair(t);
    for (const [wrong, says] of [
      [{}, /to: want an account/],
      [{ to: bob }, /wants text, custom or message\.msg_type/],
      [{ to: bob, text: 5 }, /text: want a string/],
      [{ to: bob, text: 'x', type: 'channel' }, /type channel: want p2p, team, superTeam/],
      [{ recvID: '', groupID: '', message: {} }, /want one that createTextMessage|recvID or groupID/],
      [{ ...sdk.createTextMessage({ to: bob, conversationType: 'C2C', payload: { text: 'x' } }), conversationType: 'CHAT' }, /conversationID/],
      [5, /wants an object/],
    ]) {
      const e = await rejection(sdk.sendMessage(wrong));
      assert.equal(e.errCode, 414, String(e));
      assert.match(e.errMsg, says);
    }
    const e = await rejection(sdk.sendMessage({ to: bob, text: 'x', message: { msg_type: 'text' } }));
    assert.equal(e.errCode, 10414);
    assert.match(e.errMsg, /msg_type/);
    assert.equal((await rejection(sdk.getHistory({ to: bob, limit: 0 }))).errCode, 414);
    assert.equal((await rejection(sdk.getHistory({ to: bob, before: 1, after: 2 }))).errCode, 414);
    assert.equal((await rejection(sdk.markConversationMessageAsRead('si_a_b'))).errCode, 414);
    assert.equal((await rejection(sdk.getMessageList({ conversationID: bob }))).errCode, 414);
    assert.throws(() => sdk.createTextMessage({ to: bob, conversationType: 'CHAT', payload: { text: '' } }), { errCode: 414 });
    await sdk.logout();
    assert.equal((await rejection(sdk.sendMessage({ to: bob, text: 'x' }))).errCode, 20001);
    await sdk.destroy();
    assert.equal((await rejection(sdk.sendMessage({ to: bob, text: 'x' }))).errCode, 20000);
    assert.equal((await rejection(sdk.getConversationList())).errCode, 20000);
  });

  test('a send that waits is cancelled by destroy', async (t) => {
    const { bob, sdk } = await pair(t);
    await sdk.pause();
    const e = rejection(sdk.sendMessage({ to: bob, text: 'x' }));
    await sdk.destroy();
    assert.equal((await e).errCode, 21002);
    assert.equal(getSDK(), sdk);
  });
});
