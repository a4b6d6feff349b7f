/** The calls that make a message: they need no library. */
import { refusal } from '../errors';
import { resultOf } from '../translate';
import type { SDKResult } from '../types';
import { createOpenIM, type OpenIMCustomParams, type OpenIMMessage } from './openim';
import { createTencent, type TencentCustomParams, type TencentMessage, type TencentTextParams } from './tencent';

/** Who makes messages. */
export interface Creator {
  readonly userID: string;
  uuid(): string;
}

type Params = string | OpenIMCustomParams | TencentTextParams | TencentCustomParams;

/** createTextMessage and createCustomMessage of both families: Tencent IM's name the receiver. */
export function create(by: Creator, params: Params, operationID = ''): never {
  if (typeof params === 'object' && params !== null && 'conversationType' in params) {
    return tencent(by, params) as never;
  }
  return openim(by, params, operationID) as never;
}

async function openim(by: Creator, content: string | OpenIMCustomParams, operationID: string): Promise<SDKResult<OpenIMMessage>> {
  try {
    return resultOf(createOpenIM(content, by.userID, by.uuid()), operationID);
  } catch (e) {
    throw refusal(e);
  }
}

function tencent(by: Creator, params: TencentTextParams | TencentCustomParams): TencentMessage {
  try {
    return createTencent(params, by.userID, by.uuid());
  } catch (e) {
    throw refusal(e);
  }
}
