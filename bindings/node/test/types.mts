/** What the compiler must accept and refuse. It is compiled, never run. */
import { CbEvents, EVENT, getSDK, Status, TYPES, type KickedOutType, type LoginData, type NimError, type SDK, type SDKResult } from 'libnim';
import { getWithRenderProcess } from 'libnim/electron/renderer';
import { initMain, type MainOptions } from 'libnim/electron/main';
import { Native } from 'libnim/native';
import { once } from 'node:events';
import 'libnim/electron/preload';

const sdk: SDK = getSDK({ SDKAppID: 1400000000, link: ['a:1', 'b:2'] });
const result: SDKResult<LoginData> = await sdk.login({ userID: 'a', token: 'b', platformID: 7, apiAddr: '', wsAddr: '' }, sdk.uuid());
await sdk.login({ userID: 'a', userSig: 'b' });
await sdk.login({ account: 'a', token: 'b', appKey: 'c' });
const zero: 0 = result.code;
const repeated: boolean = result.data.repeatLogin;

sdk.on(EVENT.KICKED_OUT, (event) => {
  const type: KickedOutType = event.data.type;
  return type === TYPES.KICKED_OUT_MULT_DEVICE;
});
sdk.once(CbEvents.OnConnectFailed, ({ errCode, errMsg }) => [errCode.toFixed(), errMsg.length]);
sdk.on('multispot', ({ data }) => data.devices.map((d) => d.device_id));
const online: boolean = sdk.status === Status.Online;
const remote: SDK = getWithRenderProcess().instance;
const options: MainOptions = { allow: (event) => event.sender.id === 1 };
const level: number = Native.load('/x').fn.nimx_abi_level();
const error = undefined as unknown as NimError;
const numbers: [number, number, number] = [error.errCode, error.code, error.openimCode];
getSDK().ref().unref();
initMain(options);
const body: string | undefined = (await sdk.sendMessage({ to: 'bob', text: 'x', type: 'team' })).data.msg_body;
const made = sdk.createTextMessage({ to: 'bob', conversationType: TYPES.CONV_C2C, payload: { text: 'x' } });
const status: 'unSend' | 'success' | 'fail' = (await sdk.sendMessage(made)).data.message.status;
const { data: message } = await remote.createTextMessage('x', sdk.uuid());
const id: string = (await sdk.sendMessage({ recvID: 'bob', groupID: '', message })).data.clientMsgID;
sdk.on(EVENT.MESSAGE_RECEIVED, ({ data }) => data.map((m) => m.conversationID));
sdk.on(CbEvents.OnRecvNewMessage, ({ data }) => data.textElem?.content);
sdk.on('messagesReceived', ({ data }) => data.map((r) => [r.message.from_id, r.feature]));
await once(getSDK(), 'ready');
getSDK().setMaxListeners(20).prependListener('ready', ({ data }) => data.status);

// @ts-expect-error no such event
sdk.on('message', () => undefined);
// @ts-expect-error a listener of another event's data
sdk.on('multispot', (event: { data: { type: 'restApi' } }) => event);
// @ts-expect-error no user
await sdk.login({ token: 'b' });
// @ts-expect-error numbers are not tokens
await sdk.renewToken(5);
// @ts-expect-error 3 is no setting
await sdk.setMultiportPushConfig(3);
// @ts-expect-error no such numbers
getSDK({ statusNumbers: 'wechat' });
// @ts-expect-error a page has no process to keep
getWithRenderProcess().instance.ref();
// @ts-expect-error the account is read
sdk.userID = 'x';

// @ts-expect-error no receiver
await sdk.sendMessage({ text: 'x' });
// @ts-expect-error no such kind
await sdk.getHistory({ to: 'bob', type: 'channel' });

export const used = [body, status, id, zero, repeated, online, remote, level, numbers];
