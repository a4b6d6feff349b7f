using System.Collections.Generic;
using System.Threading;
using NIM;

namespace LibNim
{
    /// <summary>What a Client needs to start.</summary>
    public sealed class ClientOptions
    {
        /// <summary>Directory of the library's files: a path, or a bare name for a directory of the user.</summary>
        public string DataDirectory { get; set; }

        /// <summary>The app key.</summary>
        public string AppKey { get; set; }

        /// <summary>Gateway addresses, tried in order: host:port, or a whole ws:// or wss:// URL.</summary>
        public IList<string> Links { get; set; }

        /// <summary>Everything else. AppKey and Links, where set, go before what stands here.</summary>
        public InitOptions Settings { get; set; }

        /// <summary>
        /// Who runs the callbacks. Pull: the program calls NimLibrary.Dispatch. Push: a thread of the
        /// library.
        /// </summary>
        public NimxDispatchMode DispatchMode { get; set; }

        /// <summary>
        /// Where events are raised; not set: the context of the thread that makes the Client, and
        /// without one the thread that runs the callbacks.
        /// </summary>
        public SynchronizationContext Context { get; set; }

        internal InitOptions ToInitOptions()
        {
            InitOptions o = JsonPayload.CopyOf(Settings);
            if (!string.IsNullOrEmpty(AppKey)) o.AppKey = AppKey;
            if (Links == null) return o;
            o.PrivateServerSetting = JsonPayload.CopyOf(o.PrivateServerSetting);
            o.PrivateServerSetting.Link = Links;
            return o;
        }
    }
}
