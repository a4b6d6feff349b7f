using System;
using System.Collections.Generic;
using LibNim;

namespace NIM
{
    /// <summary>A step or the end of a login, or the outcome of a relogin.</summary>
    public sealed class NIMLoginResult
    {
        internal NIMLoginResult(LoginResult details)
        {
            Details = details;
            LoginedClients = NIMMultiClientLoginInfo.List(details.OtherClientsPres);
        }

        /// <summary>kNIMResSuccess, or the error.</summary>
        public ResponseCode Code { get { return (ResponseCode)Details.ErrCode; } }

        /// <summary>How far the login has come.</summary>
        public NIMLoginStep LoginStep { get { return Details.LoginStep; } }

        /// <summary>Whether this is a relogin.</summary>
        public bool IsRelogin { get { return Details.Relogin; } }

        /// <summary>After an error: whether another attempt follows.</summary>
        public bool Retrying { get { return Details.Retrying; } }

        /// <summary>Own other devices that are online.</summary>
        public List<NIMMultiClientLoginInfo> LoginedClients { get; private set; }

        /// <summary>All that the library told.</summary>
        public LoginResult Details { get; private set; }

        /// <summary>Everything as text.</summary>
        public string Dump() { return Details.Dump(); }
    }

    /// <summary>Another device of the account.</summary>
    public sealed class NIMMultiClientLoginInfo
    {
        internal NIMMultiClientLoginInfo(ClientPres details) { Details = details; }

        /// <summary>Its account.</summary>
        public string AppAccount { get { return Details.AppAccount; } }

        /// <summary>What kind it is.</summary>
        public NIMClientType ClientType { get { return Details.ClientType; } }

        /// <summary>Its operating system.</summary>
        public string OperateSystem { get { return Details.ClientOs; } }

        /// <summary>Its hardware address, if it reports one.</summary>
        public string MacAddress { get { return Details.Mac; } }

        /// <summary>Its device id, for KickOtherClients.</summary>
        public string DeviceID { get { return Details.DeviceId; } }

        /// <summary>When it logged in, ms since 1970.</summary>
        public long LoginTimeStamp { get { return Details.LoginTime; } }

        /// <summary>The text it logged in with.</summary>
        public string CustomTag { get { return Details.CustomTag; } }

        /// <summary>All that the library told.</summary>
        public ClientPres Details { get; private set; }

        /// <summary>Everything as text.</summary>
        public string Dump() { return Details.Dump(); }

        internal static List<NIMMultiClientLoginInfo> List(IList<ClientPres> list)
        {
            var result = new List<NIMMultiClientLoginInfo>();
            foreach (ClientPres item in list) result.Add(new NIMMultiClientLoginInfo(item));
            return result;
        }
    }

    /// <summary>Other devices of the account came or went.</summary>
    public sealed class NIMMultiSpotLoginNotifyResult
    {
        internal NIMMultiSpotLoginNotifyResult(MultiSpotEvent details)
        {
            Details = details;
            OtherClients = NIMMultiClientLoginInfo.List(details.OtherClientsPres);
        }

        /// <summary>Whether they came or went.</summary>
        public NIMMultiSpotNotifyType NotifyType { get { return Details.MultiSpotNotiyType; } }

        /// <summary>The devices.</summary>
        public List<NIMMultiClientLoginInfo> OtherClients { get; private set; }

        /// <summary>All that the library told.</summary>
        public MultiSpotEvent Details { get; private set; }

        /// <summary>Everything as text.</summary>
        public string Dump() { return Details.Dump(); }
    }

    /// <summary>The end of a session.</summary>
    public sealed class NIMLogoutResult
    {
        internal NIMLogoutResult(LogoutResult details) { Details = details; }

        /// <summary>kNIMResSuccess, or the error.</summary>
        public ResponseCode Code { get { return (ResponseCode)Details.ErrCode; } }

        /// <summary>All that the library told.</summary>
        public LogoutResult Details { get; private set; }

        /// <summary>Everything as text.</summary>
        public string Dump() { return Details.Dump(); }
    }

    /// <summary>This client was thrown out.</summary>
    public sealed class NIMKickoutResult
    {
        internal NIMKickoutResult(KickoutEvent details) { Details = details; }

        /// <summary>What kind of client did it.</summary>
        public NIMClientType ClientType { get { return Details.ClientType; } }

        /// <summary>Why.</summary>
        public NIMKickReason KickReason { get { return Details.ReasonCode; } }

        /// <summary>The reason as text.</summary>
        public string ReasonDescription { get { return Details.ReasonDescription; } }

        /// <summary>All that the library told.</summary>
        public KickoutEvent Details { get; private set; }

        /// <summary>Everything as text.</summary>
        public string Dump() { return Details.Dump(); }
    }

    /// <summary>The devices for KickOtherClients.</summary>
    public sealed class NIMKickoutOtherDeviceInfo
    {
        /// <summary>Their device ids.</summary>
        public List<string> DeviceIDs { get; set; }
    }

    /// <summary>What became of KickOtherClients.</summary>
    public sealed class NIMKickOtherResult
    {
        internal NIMKickOtherResult(KickOtherResult details) { Details = details; }

        /// <summary>kNIMResSuccess, or the error.</summary>
        public ResponseCode Code { get { return (ResponseCode)Details.ErrCode; } }

        /// <summary>The same as Code.</summary>
        public ResponseCode ResCode { get { return Code; } }

        /// <summary>The devices that were dropped.</summary>
        public List<string> DeviceIDs { get { return new List<string>(Details.DeviceIds); } }

        /// <summary>All that the library told.</summary>
        public KickOtherResult Details { get; private set; }

        /// <summary>Everything as text.</summary>
        public string Dump() { return Details.Dump(); }
    }

    /// <summary>What ClientAPI.LoginResultHandler is told.</summary>
    public sealed class LoginResultEventArgs : EventArgs
    {
        internal LoginResultEventArgs(NIMLoginResult result) { LoginResult = result; }

        /// <summary>A step or the end of a login.</summary>
        public NIMLoginResult LoginResult { get; private set; }
    }

    /// <summary>Brings a step or the end of a login.</summary>
    public delegate void LoginResultDelegate(NIMLoginResult result);

    /// <summary>Brings the end of a logout.</summary>
    public delegate void LogoutResultDelegate(NIMLogoutResult result);

    /// <summary>Tells that this client was thrown out.</summary>
    public delegate void KickoutResultHandler(NIMKickoutResult result);

    /// <summary>Tells of other devices.</summary>
    public delegate void MultiSpotLoginNotifyResultHandler(NIMMultiSpotLoginNotifyResult result);

    /// <summary>Brings the outcome of KickOtherClients.</summary>
    public delegate void KickOtherClientResultHandler(NIMKickOtherResult result);

    /// <summary>Gives the token that a login or relogin needs; null keeps the old one.</summary>
    public delegate string ReloginRequestTokenDelegate(TokenRequest request);

    /// <summary>The push setting.</summary>
    public sealed class ConfigMultiportPushParam
    {
        /// <summary>Whether phones get pushes while a desktop is online.</summary>
        public bool Enabled { get; set; }
    }

    /// <summary>Brings the push setting.</summary>
    public delegate void ConfigMultiportPushDelegate(ResponseCode response, ConfigMultiportPushParam param);

    /// <summary>Brings the push setting: 1 no pushes while a desktop is online, 2 pushes.</summary>
    public delegate void MultiportPushConfigDelegate(ResponseCode code, int switchOpen);

    /// <summary>Brings the server's clock, ms since 1970.</summary>
    public delegate void ServerTimeDelegate(ResponseCode code, bool calcLocal, ulong time);
}
