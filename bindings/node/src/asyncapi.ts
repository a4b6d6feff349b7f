import { failure } from './errors';
import type { OpenIMCustomParams, OpenIMHistoryParams, OpenIMInsertParams, OpenIMSendParams } from './messages/openim';
import type { AsyncApiName, LoginParams, SDK, SDKOptions, SDKResult } from './types';

/** Calls a method by the name that OpenIM's promise wrappers use; resolves with the data alone. */
export async function asyncApi(sdk: SDK, name: AsyncApiName, operationID: string, params?: unknown): Promise<unknown> {
  const calls: Record<AsyncApiName, () => Promise<SDKResult<unknown>>> = {
    initSDK: () => sdk.init(params as SDKOptions, operationID),
    login: () => sdk.login(params as LoginParams, operationID),
    logout: () => sdk.logout(operationID),
    getLoginUserID: () => sdk.getLoginUser(),
    getLoginStatus: () => sdk.getLoginStatus(),
    networkStatusChanged: () => sdk.networkChanged(),
    createTextMessage: () => sdk.createTextMessage(params as string, operationID),
    createCustomMessage: () => sdk.createCustomMessage(params as OpenIMCustomParams, operationID),
    sendMessage: () => sdk.sendMessage(params as OpenIMSendParams, operationID),
    getAllConversationList: () => sdk.getAllConversationList(operationID),
    getConversationListSplit: () => sdk.getConversationListSplit(params as { offset: number; count: number }, operationID),
    getAdvancedHistoryMessageList: () => sdk.getAdvancedHistoryMessageList(params as OpenIMHistoryParams, operationID),
    markConversationMessageAsRead: () => sdk.markConversationMessageAsRead(params as string, operationID),
    getTotalUnreadMsgCount: () => sdk.getTotalUnreadMsgCount(operationID),
    insertSingleMessageToLocalStorage: () => sdk.insertSingleMessageToLocalStorage(params as OpenIMInsertParams, operationID),
  };
  if (!Object.keys(calls).includes(name)) {
    throw failure('not_supported', `asyncApi has no ${name}`);
  }
  return (await calls[name]()).data;
}
