using System;
using System.Linq;
using System.Text;
using System.Threading;
using NIM;

namespace LibNim.Tests
{
    /// <summary>What this program does as a child of its tests.</summary>
    internal static class Children
    {
        internal static int Run(string[] args)
        {
            switch (args[1])
            {
                case "device": return Phone(args[2], args[3], args[4], args[5], args[6]);
                case "chat": return Chat(args[2], args[3], args[4], args[5]);
                case "exit": return Exit(args[2] == "pull", args[3], args[4], args[5], args[6], args[7]);
                case "wrong": return Wrong();
                default: return 2;
            }
        }

        private static readonly object Output = new object();

        private static void Tell(string line)
        {
            lock (Output)
            {
                Console.WriteLine(line);
                Console.Out.Flush();
            }
        }

        private static bool Init(string link, string appKey, string dir, NimxOptions nimx)
        {
            return ClientAPI.Init(dir, "", new InitOptions
            {
                AppKey = appKey, PrivateServerSetting = new PrivateServerSetting { Link = new[] { link } }, Nimx = nimx,
            });
        }

        /// <summary>Calls into a library that has none of our functions.</summary>
        private static int Wrong()
        {
            try
            {
                ClientAPI.Login(null, "alice", "secret");
            }
            catch (Exception e)
            {
                Tell(e.GetType().Name);
            }
            return 0;
        }

        /// <summary>A phone that logs in and tells what comes, until it is told to quit.</summary>
        private static int Phone(string link, string appKey, string account, string device, string dir)
        {
            var nimx = new NimxOptions { DeviceId = device, ClientType = NIMClientType.kNIMClientTypeAndroid };
            if (!Init(link, appKey, dir, nimx)) return 3;
            ClientAPI.RegKickoutCb(r => Tell("kickout " + r.KickReason + " " + r.ClientType));
            ClientAPI.Login(null, account, "secret", r =>
            {
                if (r.LoginStep == NIMLoginStep.kNIMLoginStepLogin)
                    Tell("login " + (int)r.Code + " others " + string.Join(",", r.LoginedClients.Select(d => d.DeviceID)));
            });
            while (Console.ReadLine() != "quit") { }
            ClientAPI.Cleanup();
            return 0;
        }

        /// <summary>
        /// The other side of a conversation, in NetEase's shapes. It tells what comes, and sends what it is
        /// told to: KIND TO CONTENT.
        /// </summary>
        private static int Chat(string link, string appKey, string account, string dir)
        {
            Console.OutputEncoding = new UTF8Encoding(false);
            if (!Init(link, appKey, dir, null)) return 3;
            TalkAPI.OnReceiveMessageHandler += (s, e) => Tell(
                "got " + (int)e.Message.Feature + " " + e.Message.MessageContent.SenderID + " " +
                e.Message.MessageContent.GetType().Name + " " + e.Message.MessageContent.Body);
            TalkAPI.OnSendMessageCompleted += (s, e) => Tell("sent " + (int)e.ArcInfo.Response + " " + e.ArcInfo.TalkId);
            ClientAPI.Login(null, account, "secret", r =>
            {
                if (r.LoginStep == NIMLoginStep.kNIMLoginStepLogin) Tell("login " + (int)r.Code);
            });
            string line;
            while ((line = Console.ReadLine()) != null && line != "quit")
            {
                string[] words = line.Split(new[] { ' ' }, 3);
                if (words[0] == "text") TalkAPI.SendMessage(new NIMTextMessage { ReceiverID = words[1], TextContent = words[2] });
                else TalkAPI.SendMessage(new NIMCustomMessage { ReceiverID = words[1], Content = words[2] });
            }
            ClientAPI.Cleanup();
            return 0;
        }

        /// <summary>Ends while callbacks come every 20 ms: from Main, with or without a cleanup, or in a handler.</summary>
        private static int Exit(bool pull, string end, string link, string appKey, string account, string dir)
        {
            const int enough = 10;
            if (pull) NimLibrary.SetDispatchMode(NimxDispatchMode.Pull);
            if (!Init(link, appKey, dir, null)) return 3;
            int callbacks = 0;
            var online = new ManualResetEvent(false);
            var many = new ManualResetEvent(false);
            if (pull)
            {
                new Thread(() => { while (NimLibrary.Dispatch(0, -1) >= 0) { } }) { IsBackground = true }.Start();
            }
            ClientAPI.Login(null, account, "secret", r =>
            {
                if (r.LoginStep == NIMLoginStep.kNIMLoginStepLogin && r.Code == ResponseCode.kNIMResSuccess) online.Set();
            });
            if (!online.WaitOne(History.LimitMs)) return 4;
            // Not a Timer: about one Mono process in a hundred with a running one
            // hangs at exit, with no native library in it at all.
            new Thread(() =>
            {
                for (;; Thread.Sleep(20))
                    ClientAPI.GetServerCurrentTime(false, (code, local, time) =>
                    {
                        if (Interlocked.Increment(ref callbacks) != enough) return;
                        many.Set();
                        if (end != "inside") return;
                        Tell("leaving Main");
                        Environment.Exit(0);
                    });
            }) { IsBackground = true }.Start();
            if (!many.WaitOne(History.LimitMs)) return 5;
            if (end == "inside") Thread.Sleep(Timeout.Infinite);
            if (end == "cleanup") ClientAPI.Cleanup();
            Tell("leaving Main");
            return 0;
        }
    }
}
