using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using LibNim.Tests;
using NIM;
using NIM.Session;
using StandIn;

namespace LibNim.Unity.Tests
{
    /// <summary>Messages of a game with another program: everything comes in frames.</summary>
    internal sealed class MessageTests : IAdvancedMsgListener, IConversationListener
    {
        private readonly History seen = new History();

        internal static void All(Runner runner, Nimd nimd)
        {
            runner.Run("messages: the shapes of OpenIM", () => InPlay(() => new MessageTests().Shapes(nimd)));
            runner.Run("messages: the sample", () => InPlay(() => Sample(nimd)));
        }

        private static void InPlay(Action test)
        {
            Engine.Console.Clear();
            Engine.Play(typeof(IMSDK).Assembly);
            try
            {
                test();
            }
            finally
            {
                Engine.Quit();
            }
        }

        private static void Until(Func<bool> done, Func<string> what)
        {
            var clock = Stopwatch.StartNew();
            while (!done())
            {
                Check.That(clock.ElapsedMilliseconds < History.LimitMs, what());
                Engine.Frame();
            }
        }

        /// <summary>Plays frames until a line has come.</summary>
        private void Until(string text) { Until(() => seen.Count(text) > 0, () => "no " + text + "; there is:\n  " + seen); }

        public void OnRecvNewMessage(NIMIMMessage message)
        {
            seen.Add("message " + message.SenderID + " " + message.GetType().Name + " " + message.Body);
        }

        public void OnNewConversation(SessionInfo conversation) { seen.Add("new " + conversation.Id); }

        public void OnConversationChanged(SessionInfo conversation) { seen.Add("changed " + conversation.Id + " " + conversation.UnreadCount); }

        public void OnTotalUnreadMessageCountChanged(int totalUnreadCount) { seen.Add("unread " + totalUnreadCount); }

        private OnSucOrError Told(string what)
        {
            return (suc, errCode, errMsg) => seen.Add(what + " " + suc + " " + errCode + " " + errMsg);
        }

        private void Shapes(Nimd nimd)
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Device other = nimd.Chat(bob))
            {
                Check.That(IMSDK.InitSDK(new IMConfig { Link = new[] { nimd.Link }, AppKey = nimd.AppKey }), "init");
                IMSDK.SetAdvancedMsgListener(this);
                IMSDK.SetConversationListener(this);
                IMSDK.Login(alice, "secret", Told("login"));
                Until("login True 0");
                NIMTextMessage hi = IMSDK.CreateTextMessage("hi");
                IMSDK.SendMessage(Told("sent"), hi, bob, "");
                Check.Equal(0, seen.Count("sent"), "ends before a frame");
                Until("sent True 0");
                Until("new " + bob);
                other.Lines.Next("got 0 " + alice + " NIMTextMessage hi");
                IMSDK.SendMessage(Told("custom"), IMSDK.CreateCustomMessage("{\"hp\":3}"), bob, null);
                Until("custom True 0");
                other.Lines.Next("NIMCustomMessage");
                other.Say("text " + alice + " hello");
                Until("message " + bob + " NIMTextMessage hello");
                Until("unread 1");
                IMSDK.GetAllConversationList(list => seen.Add("list " + list.Count + " " + list.UnreadCounts + " " + list.SessionList[0].Content));
                Until("list 1 1 hello");
                IMSDK.MarkConversationMessageAsRead(Told("read"), bob);
                Until("read True 0");
                Until("unread 0");
                IMSDK.GetHistoryMessageList(
                    (m, errCode, errMsg) => seen.Add("history " + errCode + " " + string.Join(",", m.Select(x => x.Body))), bob, 10);
                Until("history 0 hello,,hi");
                IMSDK.SendMessage(Told("nobody"), IMSDK.CreateTextMessage("hi"), "nobody-has-this-name", "");
                Until("nobody False 1004");
                IMSDK.SetAdvancedMsgListener(null);
                other.Say("text " + alice + " later");
                other.Lines.Next("sent 200");
                other.Lines.Next("sent 200");
                IMSDK.SetAdvancedMsgListener(this);
                Until("message " + bob + " NIMTextMessage later");
                other.Quit();
            }
        }

        private static void Sample(Nimd nimd)
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Device other = nimd.Chat(bob))
            {
                var chat = new UnityEngine.GameObject("chat").AddComponent<ChatSample>();
                foreach (var field in new Dictionary<string, string>
                {
                    { "link", nimd.Link }, { "appKey", nimd.AppKey }, { "userId", alice }, { "token", "secret" }, { "peer", bob },
                })
                    typeof(ChatSample).GetField(field.Key, BindingFlags.NonPublic | BindingFlags.Instance).SetValue(chat, field.Value);
                Engine.Start(chat);
                Action<string> until = line => Until(() => Engine.Console.Contains("log: " + line), () => string.Join("\n", Engine.Console));
                until("sent: hello from " + alice);
                other.Lines.Next("got 0 " + alice + " NIMTextMessage hello from " + alice);
                other.Say("text " + alice + " hello yourself");
                until(bob + ": hello yourself");
                until("unread: 1");
                until("unread: 0");
                other.Quit();
            }
        }
    }
}
