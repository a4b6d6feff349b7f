import { failure } from './errors';
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
  };
  if (!Object.keys(calls).includes(name)) {
    throw failure('not_supported', `asyncApi has no ${name}`);
  }
  return (await calls[name]()).data;
}
