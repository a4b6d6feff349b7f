using System.Collections.Generic;
using NIM;

namespace LibNim.Unity
{
    /// <summary>
    /// Where the servers are: Link for nimd, or WsAddr and ApiAddr for an OpenIM deployment.
    /// </summary>
    public sealed class IMConfig
    {
        /// <summary>nimd: gateway addresses, host:port or a whole ws:// or wss:// URL.</summary>
        public IList<string> Link { get; set; }

        /// <summary>nimd: the app key.</summary>
        public string AppKey { get; set; }

        /// <summary>OpenIM: URL of the message gateway.</summary>
        public string WsAddr { get; set; }

        /// <summary>OpenIM: URL of the REST API.</summary>
        public string ApiAddr { get; set; }

        /// <summary>OpenIM: the platform number; 0: by operating system.</summary>
        public int PlatformID { get; set; }

        /// <summary>Directory of the library's files; not set: below Application.persistentDataPath.</summary>
        public string DataDir { get; set; }

        /// <summary>Everything else; its private_server_setting is filled from the members above.</summary>
        public InitOptions Settings { get; set; }

        internal InitOptions ToInitOptions()
        {
            InitOptions o = JsonPayload.CopyOf(Settings);
            if (!string.IsNullOrEmpty(AppKey)) o.AppKey = AppKey;
            if (Link == null && string.IsNullOrEmpty(WsAddr)) return o;
            PrivateServerSetting server = o.PrivateServerSetting = JsonPayload.CopyOf(o.PrivateServerSetting);
            if (Link != null) server.Link = Link;
            if (string.IsNullOrEmpty(WsAddr)) return o;
            server.Backend = "openim";
            server.WsAddr = WsAddr;
            server.ApiAddr = ApiAddr;
            if (PlatformID != 0) server.PlatformId = PlatformID;
            return o;
        }
    }

    /// <summary>What OpenIM calls the state of a login.</summary>
    public enum LoginStatus
    {
        /// <summary>Nobody is logged in.</summary>
        Logout = 1,
        /// <summary>A login runs.</summary>
        Logging = 2,
        /// <summary>An account is logged in, the connection may be lost at the moment.</summary>
        Logged = 3,
    }

    /// <summary>The end of a call: errCode is 0 with suc, else OpenIM's number, or the library's own.</summary>
    public delegate void OnSucOrError(bool suc, int errCode, string errMsg);

    /// <summary>Hears of the connection, in OpenIM's words.</summary>
    public interface IConnListener
    {
        /// <summary>An attempt to connect begins.</summary>
        void OnConnecting();

        /// <summary>The session stands.</summary>
        void OnConnectSuccess();

        /// <summary>An attempt failed.</summary>
        void OnConnectFailed(int errCode, string errMsg);

        /// <summary>The server, or another device, has ended the session.</summary>
        void OnKickedOffline();

        /// <summary>The token has run out: get another and log in.</summary>
        void OnUserTokenExpired();

        /// <summary>The token is wrong.</summary>
        void OnUserTokenInvalid(string errMsg);
    }
}
