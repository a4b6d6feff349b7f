using System;
using System.Diagnostics;
using System.Threading;
using LibNim.Tests;
using LibNim.Unity;
using NIM;
using StandIn;

namespace LibNim.Unity.Tests
{
    /// <summary>
    /// The scripts of a game, as one domain loads them. The editor, which is the domain of the tests,
    /// talks to them from outside and throws them away with their domain.
    /// </summary>
    internal sealed class Scripts : MarshalByRefObject, IConnListener
    {
        private readonly History seen = new History();
        private int here;

        public override object InitializeLifetimeService() { return null; }

        internal static Scripts In(AppDomain domain)
        {
            return (Scripts)domain.CreateInstanceAndUnwrap(typeof(Scripts).Assembly.FullName, typeof(Scripts).FullName,
                false, System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.Public,
                null, null, null, null);
        }

        /// <summary>The editor has loaded the scripts.</summary>
        internal void Load(string dataPath)
        {
            Engine.DataPath = dataPath;
            Engine.Load(typeof(Editor.LinkFile).Assembly);
        }

        internal void Play() { Engine.Play(typeof(IMSDK).Assembly); }

        /// <summary>The game goes on after its scripts were loaded anew: its objects are made again.</summary>
        internal void GoOn() { new UnityEngine.GameObject("libnim").AddComponent<NimPump>(); }

        internal void Quit() { Engine.Quit(); }

        internal void Abandon() { Engine.Abandon(); }

        /// <summary>The editor is about to unload the scripts.</summary>
        internal void BeforeReload() { UnityEditor.AssemblyReloadEvents.Raise(); }

        internal bool Init(string link, string appKey)
        {
            here = Thread.CurrentThread.ManagedThreadId;
            bool ok = IMSDK.InitSDK(new IMConfig { Link = new[] { link }, AppKey = appKey }, this);
            if (!ok) seen.Add("init: " + NimLibrary.InitError);
            ClientAPI.RegKickoutCb(r => Add("kickout " + (int)r.KickReason));
            return ok;
        }

        private void Add(string line)
        {
            seen.Add((Thread.CurrentThread.ManagedThreadId == here ? "" : "astray ") + line);
        }

        internal void Login(string user, string token)
        {
            IMSDK.Login(user, token, (suc, errCode, errMsg) => Add("login " + suc + " " + errCode + " " + errMsg));
        }

        /// <summary>Plays frames until a line comes.</summary>
        internal string Until(string text)
        {
            var clock = Stopwatch.StartNew();
            while (true)
            {
                Engine.Frame();
                try
                {
                    return seen.Next(text, 5);
                }
                catch (Failure)
                {
                    if (clock.ElapsedMilliseconds > History.LimitMs) throw;
                }
            }
        }

        internal int Count(string text) { return seen.Count(text); }

        internal string Everything() { return seen.ToString(); }

        internal void Frame() { Engine.Frame(); }

        internal int Status { get { return (int)ClientAPI.GetStatus(); } }

        public void OnConnecting() { Add("OnConnecting"); }

        public void OnConnectSuccess() { Add("OnConnectSuccess"); }

        public void OnConnectFailed(int errCode, string errMsg) { Add("OnConnectFailed " + errCode); }

        public void OnKickedOffline() { Add("OnKickedOffline"); }

        public void OnUserTokenExpired() { Add("OnUserTokenExpired"); }

        public void OnUserTokenInvalid(string errMsg) { Add("OnUserTokenInvalid"); }
    }
}
