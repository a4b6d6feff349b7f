using System.Collections.Generic;
using LibNim;

namespace NimUtility
{
    /// <summary>How much is logged.</summary>
    public enum SdkLogLevel
    {
        /// <summary>The library cannot go on.</summary>
        Fatal = 1,
        /// <summary>Something failed.</summary>
        Error = 2,
        /// <summary>Something is odd.</summary>
        Warn = 3,
        /// <summary>What a released program logs.</summary>
        App = 5,
        /// <summary>Everything.</summary>
        Pro = 6,
    }

    /// <summary>
    /// Settings of the client. The properties that have no effect configure what this library does not
    /// have: messages, files, the local store.
    /// </summary>
    public class SdkCommonSetting
    {
        /// <summary>How much is logged.</summary>
        public SdkLogLevel LogLevel { get; set; } = SdkLogLevel.App;
        /// <summary>How many failed attempts of a login are retried; 0: no limit, and 30 s for a first login.</summary>
        public int MaxLoginRetry { get; set; }
        /// <summary>
        /// For addresses without a scheme: true wss, false ws. Not set: wss, but for loopback; that SDK
        /// has false for it.
        /// </summary>
        public bool? UseHttps { get; set; }
        /// <summary>No effect: the servers of PrivateServerSetting hold either way.</summary>
        public bool UsePriviteServer { get; set; }
        /// <summary>No effect.</summary>
        public string DataBaseEncryptKey { get; set; }
        /// <summary>No effect.</summary>
        public bool PredownloadAttachmentThumbnail { get; set; }
        /// <summary>How long a first login without MaxLoginRetry may take, s; 0: 30.</summary>
        public int CustomTimeout { get; set; }
        /// <summary>No effect.</summary>
        public string PushCerName { get; set; }
        /// <summary>No effect.</summary>
        public int PreloadImageQuality { get; set; }
        /// <summary>No effect.</summary>
        public string PreloadImageResize { get; set; }
        /// <summary>No effect.</summary>
        public bool SyncSessionAck { get; set; }
        /// <summary>No effect.</summary>
        public bool NotNeedSaveCustomMsg { get; set; }
        /// <summary>No effect.</summary>
        public int ResendListCapacity { get; set; }
        /// <summary>No effect.</summary>
        public bool CountingTeamNotification { get; set; }
        /// <summary>No effect.</summary>
        public bool AnimatedImageEnabled { get; set; }
        /// <summary>No effect.</summary>
        public bool ClientAntiSpam { get; set; }
        /// <summary>No effect.</summary>
        public bool TeamMsgAckEnabled { get; set; }
        /// <summary>No effect.</summary>
        public bool AppDataBackup { get; set; }
        /// <summary>No effect.</summary>
        public string DataBackupPath { get; set; }
        /// <summary>No effect.</summary>
        public bool AppDataRestore { get; set; }
        /// <summary>No effect.</summary>
        public bool UseDefaultRestore { get; set; }
        /// <summary>No effect.</summary>
        public bool CachingMarkreadEnabled { get; set; }
        /// <summary>No effect.</summary>
        public int CachingMarkreadTime { get; set; }
        /// <summary>No effect.</summary>
        public int CachingMarkreadCount { get; set; }
        /// <summary>No effect.</summary>
        public bool ResetUnreadCountWhenRecall { get; set; }
    }

    /// <summary>Where the servers are.</summary>
    public class SdkPrivateServerSetting
    {
        /// <summary>Gateway: host:port, or a whole ws:// or wss:// URL.</summary>
        public string LinkServer { get; set; }
        /// <summary>Further gateways.</summary>
        public List<string> LinkServerList { get; set; }
        /// <summary>URL that answers with gateway addresses.</summary>
        public string LbsAddress { get; set; }
        /// <summary>No effect.</summary>
        public string NOSLbsAddress { get; set; }
        /// <summary>No effect.</summary>
        public string NosUploadServer { get; set; }
        /// <summary>No effect.</summary>
        public string NosUploadHost { get; set; }
        /// <summary>No effect.</summary>
        public List<string> UploadServerList { get; set; }
        /// <summary>No effect.</summary>
        public List<string> DownloadServerList { get; set; }
        /// <summary>No effect.</summary>
        public List<string> AccessServerList { get; set; }
        /// <summary>No effect.</summary>
        public string RSAPublicKey { get; set; }
        /// <summary>No effect.</summary>
        public int RsaVersion { get; set; }
        /// <summary>No effect.</summary>
        public string DownloadAddrTemplate { get; set; }
        /// <summary>No effect.</summary>
        public string AccelerateHost { get; set; }
        /// <summary>No effect.</summary>
        public string AccelerateTemplate { get; set; }
        /// <summary>No effect.</summary>
        public string ErrorReportServer { get; set; }
        /// <summary>No effect.</summary>
        public bool UploadStatisticsData { get; set; }
    }

    /// <summary>The settings of ClientAPI.Init, in the shape of NetEase's C# SDK.</summary>
    public class NimConfig
    {
        /// <summary>App key for logins that give none.</summary>
        public string AppKey { get; set; }
        /// <summary>Settings of the client.</summary>
        public SdkCommonSetting CommonSetting { get; set; }
        /// <summary>Where the servers are; not set: in the file.</summary>
        public SdkPrivateServerSetting PrivateServerSetting { get; set; }
        /// <summary>File with the servers; not set: nim_server.conf beside the program.</summary>
        public string ServerConfFilePath { get; set; }

        /// <summary>The settings as JSON.</summary>
        public string Serialize() { return ((InitOptions)this).ToJson(); }

        /// <summary>The same settings as Init takes them.</summary>
        public static implicit operator InitOptions(NimConfig config)
        {
            if (config == null) return null;
            var options = new InitOptions { AppKey = config.AppKey, ServerConfFilePath = config.ServerConfFilePath };
            SdkCommonSetting common = config.CommonSetting;
            if (common != null)
                options.GlobalConfig = new GlobalConfig
                {
                    SdkLogLevel = (NIM.NIMSDKLogLevel)common.LogLevel, LoginRetryMaxTimes = common.MaxLoginRetry,
                    CustomTimeout = common.CustomTimeout,
                    UseHttps = common.UseHttps,
                };
            SdkPrivateServerSetting servers = config.PrivateServerSetting;
            if (servers == null) return options;
            var links = new List<string>();
            if (!string.IsNullOrEmpty(servers.LinkServer)) links.Add(servers.LinkServer);
            if (servers.LinkServerList != null) links.AddRange(servers.LinkServerList);
            options.PrivateServerSetting = new PrivateServerSetting { Link = links, Lbs = servers.LbsAddress };
            return options;
        }
    }
}
