import { errorTable, type ErrorInfo, type ErrorName } from './generated';

const names = Object.keys(errorTable) as ErrorName[];

/** What a NimError looks like as plain data, between processes and in logs. */
export interface ErrorData {
  errCode: number;
  errMsg: string;
  errName: string;
  code: number;
  openimCode: number;
  domain: string;
  retryable: boolean;
  operationID: string;
  serverCode: number;
  step: string;
  endpoint: string;
  data: unknown;
}

/**
 * What every rejected promise of this package carries.
 *
 * errCode, errName and errMsg are the library's (docs/ERRORS.md). code is Tencent IM's number for the
 * same thing and openimCode OpenIM's; where a family has none, they are the library's too.
 */
export class NimError extends Error implements ErrorData {
  override readonly name: string = 'NimError';
  readonly errCode: number;
  readonly errMsg: string;
  readonly errName: string;
  readonly code: number;
  readonly openimCode: number;
  /** Whose matter it is: caller, network, server, auth. */
  readonly domain: string;
  /** Whether trying again can help. */
  readonly retryable: boolean;
  readonly operationID: string;
  /** The number that the server used, 0 if it gave none. */
  readonly serverCode: number;
  /** What was being done: dns, tcp, proxy, tls, upgrade, hello, login, … */
  readonly step: string;
  readonly endpoint: string;
  /** The library's whole answer. */
  readonly data: unknown;

  constructor(e: ErrorData) {
    super(e.errMsg);
    this.errCode = e.errCode;
    this.errMsg = e.errMsg;
    this.errName = e.errName;
    this.code = e.code;
    this.openimCode = e.openimCode;
    this.domain = e.domain;
    this.retryable = e.retryable;
    this.operationID = e.operationID;
    this.serverCode = e.serverCode;
    this.step = e.step;
    this.endpoint = e.endpoint;
    this.data = e.data;
  }

  toJSON(): ErrorData {
    const { errCode, errMsg, errName, code, openimCode, domain, retryable } = this;
    const { operationID, serverCode, step, endpoint, data } = this;
    return { errCode, errMsg, errName, code, openimCode, domain, retryable, operationID, serverCode, step, endpoint, data };
  }
}

/** Turns an answer of the library into plain error data. Some answers are a code alone: the first row that has it. */
export function errorData(info: ErrorInfo): ErrorData {
  const name = info.err_name ?? names.find((n) => errorTable[n].code === info.err_code) ?? '';
  const row = name in errorTable ? errorTable[name as ErrorName] : undefined;
  return {
    errCode: info.err_code,
    errMsg: info.err_msg ?? row?.text ?? `error ${info.err_code}`,
    errName: name,
    code: row?.tencent || info.err_code,
    openimCode: row?.openim || info.err_code,
    domain: info.domain ?? row?.domain ?? '',
    retryable: info.retryable ?? row?.retryable ?? false,
    operationID: info.operation_id ?? '',
    serverCode: info.server_code ?? 0,
    step: info.step ?? '',
    endpoint: info.endpoint ?? '',
    data: info,
  };
}

/** Makes the error of an answer of the library. */
export function errorOf(info: ErrorInfo): NimError {
  return new NimError(errorData(info));
}

/** Throws the error of an answer whose code is not that of success; detail is an ErrorInfo, or ''. */
export function checkCode(code: number, detail: string): void {
  if (code !== errorTable.ok.code) {
    throw errorOf({ err_code: code, ...(JSON.parse(detail || '{}') as object) });
  }
}

/** Makes an error of the table that this package reports itself. */
export function failure(name: ErrorName, detail?: string): NimError {
  const row = errorTable[name];
  return errorOf({
    err_code: row.code,
    err_name: name,
    err_msg: detail === undefined ? row.text : `${row.text}: ${detail}`,
    domain: row.domain,
    retryable: row.retryable,
  });
}

/** What a mistake in the arguments of a call rejects with; another error stays what it is. */
export function refusal(e: unknown): unknown {
  return e instanceof TypeError ? failure('invalid_argument', e.message) : e;
}

/** Reads the arguments of a call: a mistake in them is what the call rejects with. */
export function argument<T>(read: () => T): T {
  try {
    return read();
  } catch (e) {
    throw refusal(e);
  }
}

/** Throws an error of the program's code on its own: it must not end what called that code. */
export function throwLater(e: unknown): void {
  queueMicrotask(() => {
    throw e;
  });
}
