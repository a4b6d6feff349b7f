import { ClientType, ProxyType, Status, type InitOptions, type PrivateServerSetting } from './generated';
import type { ProxyOptions, SDKOptions, StatusNumbers } from './types';

/** The JSON settings of nim_client_init for options. */
export function initJSON(o: SDKOptions): string {
  if (o.statusNumbers !== undefined && !Object.hasOwn(numbers, o.statusNumbers)) {
    throw new TypeError(`statusNumbers ${String(o.statusNumbers)}: want ${Object.keys(numbers).join(', ')}`);
  }
  const server: PrivateServerSetting = {
    ...(o.apiAddr !== undefined || o.wsAddr !== undefined ? { backend: 'openim' } : {}),
    ...given({ link: o.link, lbs: o.lbs, api_addr: o.apiAddr, ws_addr: o.wsAddr, platform_id: o.platformID }),
  };
  const own = given({ device_id: o.deviceID, login_timeout_ms: o.loginTimeout });
  const init = o.init ?? {};
  const extra = typeof init.private_server_setting === 'object' ? init.private_server_setting : {};
  const settings: InitOptions = {
    ...given({ app_key: o.appKey ?? (o.SDKAppID === undefined ? undefined : String(o.SDKAppID)) }),
    ...init,
    private_server_setting: { ...server, ...extra },
    nimx: { ...own, ...init.nimx },
  };
  return JSON.stringify(settings);
}

/** The members of an object that are not undefined. */
export function given<T extends object>(o: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as never;
}

/** The client type that this process shows to other devices. */
export function ownClientType(o: SDKOptions): number {
  return o.init?.nimx?.client_type || (process.platform === 'darwin' ? ClientType.MacOS : ClientType.PCWindows);
}

const proxyTypes = {
  none: ProxyType.None,
  http: ProxyType.Http11,
  socks4: ProxyType.Socks4,
  socks4a: ProxyType.Socks4a,
  socks5: ProxyType.Socks5,
} as const;

/** The arguments of nim_global_set_proxy. */
export function proxyArguments(p: ProxyOptions): [number, string, number, string, string] {
  if (!Object.hasOwn(proxyTypes, p.type)) {
    throw new TypeError(`proxy type ${String(p.type)}: want ${Object.keys(proxyTypes).join(', ')}`);
  }
  return [proxyTypes[p.type], p.host ?? '', p.port ?? 0, p.user ?? '', p.password ?? ''];
}

const numbers: Record<StatusNumbers, readonly [loggedIn: number, loggingIn: number, loggedOut: number]> = {
  tencent: [1, 2, 3],
  'tencent-rn': [0, 1, 2],
  openim: [3, 2, 1],
};

/** The login status as a family numbers it. A session survives the loss of its connection. */
export function loginStatus(status: Status, family: StatusNumbers = 'tencent'): number {
  const [loggedIn, loggingIn, loggedOut] = numbers[family];
  switch (status) {
    case Status.Online:
    case Status.Reconnecting:
    case Status.Paused:
      return loggedIn;
    case Status.LoggingIn:
      return loggingIn;
    default:
      return loggedOut;
  }
}
