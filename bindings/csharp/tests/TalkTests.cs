using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using NIM;
using NIM.Messagelog;
using NIM.Session;

namespace LibNim.Tests
{
    /// <summary>Messages in the shapes of NetEase's SDK, against a real server.</summary>
    internal sealed class TalkTests
    {
        private readonly Nimd nimd;
        private readonly History seen = new History();

        private TalkTests(Nimd nimd) { this.nimd = nimd; }

        internal static void All(Runner runner, Nimd nimd)
        {
            Action<string, Action<TalkTests>> run = (name, test) => runner.Run("talk: " + name, () =>
            {
                try
                {
                    test(new TalkTests(nimd));
                }
                finally
                {
                    ClientAPI.Cleanup();
                }
            });
            run("sent, received, listed, read", t => t.Talk());
            run("what came meanwhile, in a batch", t => t.Batch());
        }

        private void Begin(string account, string dir)
        {
            Check.That(ClientAPI.Init(dir, "", nimd.Options()), "init: " + NimLibrary.InitError);
            TalkAPI.OnReceiveMessageHandler += (s, e) => seen.Add("got " + e.Message.MessageContent.Body);
            TalkAPI.OnSendMessageCompleted += (s, e) => seen.Add("sent " + (int)e.ArcInfo.Response + " " + e.ArcInfo.MsgId);
            SessionAPI.RecentSessionChangedHandler += (s, e) => seen.Add(
                "session " + (int)e.ResCode + " " + e.Info.Id + " " + e.Info.UnreadCount + " " + e.TotalUnreadCount + " " + e.Info.IsLast);
            ClientAPI.Login(null, account, "secret", r =>
            {
                if (r.LoginStep == NIMLoginStep.kNIMLoginStepLogin) seen.Add("login " + (int)r.Code);
            });
            seen.Next("login 200");
        }

        /// <summary>Runs a call and waits for its answer.</summary>
        private static T Answer<T>(Action<Action<T>> call)
        {
            var answer = default(T);
            int answers = 0;
            var done = new ManualResetEvent(false);
            call(value =>
            {
                answer = value;
                Interlocked.Increment(ref answers);
                done.Set();
            });
            Check.That(done.WaitOne(History.LimitMs), "an answer");
            Check.Equal(1, Volatile.Read(ref answers), "answers");
            return answer;
        }

        private void Talk()
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Device other = nimd.Chat(bob))
            {
                Begin(alice, nimd.NewDirectory("data"));
                TalkAPI.SendMessage(new NIMTextMessage { SessionType = NIMSessionType.kNIMSessionTypeP2P, ReceiverID = bob, TextContent = "hi", ClientMsgID = "id-1" });
                seen.Next("sent 200 id-1");
                other.Lines.Next("got 0 " + alice + " NIMTextMessage hi");
                other.Say("text " + alice + " hello");
                seen.Next("got hello");
                seen.Next("session 200 " + bob + " 1 1 True");
                SesssionInfoList list = Answer<SesssionInfoList>(done => SessionAPI.QueryAllRecentSession((unread, l) =>
                {
                    Check.Equal(1, unread, "unread");
                    done(l);
                }));
                Check.That(list.Count == 1 && list.UnreadCounts == 1 && list.SessionList[0].Content == "hello", list.SessionList[0].Dump());
                SessionInfo read = Answer<SessionInfo>(done => SessionAPI.SetUnreadCountZero(
                    NIMSessionType.kNIMSessionTypeP2P, bob, (code, info, total) => { if (code == 200 && total == 0) done(info); }));
                Check.That(read.Id == bob && read.UnreadCount == 0, read.Dump());
                Check.Equal(200, Answer<int>(done => SessionAPI.ResetAllUnreadCount((code, info, total) => done(code))), "all read");

                MsglogQueryResult page = Answer<MsglogQueryResult>(done => MessagelogAPI.QueryMsglogLocally(
                    bob, NIMSessionType.kNIMSessionTypeP2P, 20, 0, (code, id, type, result) => { if (id == bob) done(result); }));
                Check.Equal("hello hi", string.Join(" ", page.MsglogCollection.Select(m => m.Body)), "history");
                page = Answer<MsglogQueryResult>(done => MessagelogAPI.QueryMsglogLocally(
                    new QueryMsglogParams { AccountId = bob, CountLimit = 20, Reverse = true }, (code, id, type, result) => done(result)));
                Check.Equal("hi hello", string.Join(" ", page.MsglogCollection.Select(m => m.Body)), "history from the other end");
                NIMIMMessage one = Answer<NIMIMMessage>(done => MessagelogAPI.QuerylogById("id-1", (code, id, m) => done(m)));
                Check.Equal("hi", one.Body, "by id");
                Check.That(Answer<NIMIMMessage>(done => MessagelogAPI.QuerylogById("id-2", (code, id, m) => done(m))) == null, "no such id");
                Check.Equal(ResponseCode.kNIMResSuccess, Answer<ResponseCode>(done => MessagelogAPI.MarkMessagesStatusRead(
                    bob, NIMSessionType.kNIMSessionTypeP2P, (code, id, type) => done(code))), "status read");
                Check.Equal("n-1", Answer<string>(done => MessagelogAPI.WriteMsglog(
                    bob, true, new NIMTipMessage { ReceiverID = bob, TextContent = "note", ClientMsgID = "n-1" }, (code, id) => done(id))), "inserted");
                Logs(bob);
                Sessions(bob);
                ClientAPI.Cleanup();
                Check.That(TalkAPI.OnReceiveMessageHandler == null, "handlers end with a cleanup");
                other.Quit();
            }
        }

        private static void Logs(string bob)
        {
            const NIMSessionType p2p = NIMSessionType.kNIMSessionTypeP2P;
            Func<MsglogQueryResult, string> bodies = r => string.Join(" ", r.MsglogCollection.Select(m => m.Body));
            Check.Equal("hello", bodies(Answer<MsglogQueryResult>(done => MessagelogAPI.QueryMsglogByCustomCondition(
                NIMMsgLogQueryRange.kNIMMsgLogQueryRangeP2P, new[] { bob }, 10, 0, 0, "", false, NIMMessageType.kNIMMessageTypeText, "ELL",
                (code, id, type, result) => done(result)))), "found");
            Check.Equal("note", bodies(Answer<MsglogQueryResult>(done => MessagelogAPI.QuerySpecifiedType(
                p2p, bob, 10, 0, 0, "", false, new List<NIMMessageType> { NIMMessageType.kNIMMessageTypeTips },
                (code, id, type, result) => done(result)))), "of a type");
            Check.Equal("id-1", Answer<string>(done => MessagelogAPI.SetMsglogStatus(
                "id-1", NIMMsgLogStatus.kNIMMsgLogStatusSendFailed, (code, id) => done(id))), "status set");
            Check.Equal("id-1", Answer<string>(done => MessagelogAPI.UpdateLocalExt("id-1", "mine", (code, id) => done(id))), "local text set");
            NIMIMMessage one = Answer<NIMIMMessage>(done => MessagelogAPI.QuerylogById("id-1", (code, id, m) => done(m)));
            Check.That(one.MsgLogStatus == NIMMsgLogStatus.kNIMMsgLogStatusSendFailed && one.LocalExtension == "mine", one.Dump());
            Check.Equal(ResponseCode.kNIMResSuccess, Answer<ResponseCode>(done => MessagelogAPI.ReadAll(code => done(code))), "all read");
            Check.Equal("n-1", Answer<string>(done => MessagelogAPI.DeleteSpecifiedMsglog(bob, p2p, "n-1", (code, id) => done(id))), "deleted");
            Check.Equal(404, (int)Answer<ResponseCode>(done => MessagelogAPI.DeleteSpecifiedMsglog(bob, p2p, "n-1", (code, id) => done(code))), "twice");
            Check.Equal(bob, Answer<string>(done => MessagelogAPI.BatchDeleteMeglog(bob, p2p, (code, id, type) => done(id))), "messages deleted");
            Check.Equal(ResponseCode.kNIMResSuccess, Answer<ResponseCode>(done => MessagelogAPI.DeleteMsglogsBySessionType(
                p2p, false, (code, id, type) => done(code))), "of a kind deleted");
            Check.Equal(ResponseCode.kNIMResSuccess, Answer<ResponseCode>(done => MessagelogAPI.ClearAll(false, code => done(code))), "all deleted");
        }

        private static void Sessions(string bob)
        {
            const NIMSessionType p2p = NIMSessionType.kNIMSessionTypeP2P;
            Check.That(Answer<SessionInfo>(done => SessionAPI.PinSessionOnTop(p2p, bob, true, (c, i, t) => done(i))).IsPinnedOnTop, "on top");
            Check.Equal("mine", Answer<SessionInfo>(done => SessionAPI.SetSessionExtendData(p2p, bob, "mine", (c, i, t) => done(i))).ExtendString, "text");
            Check.Equal(1, Answer<SesssionInfoList>(done => SessionAPI.QueryLastFewSession(5, (t, l) => done(l))).Count, "the first ones");
            Check.Equal(bob, Answer<SessionInfo>(done => SessionAPI.DeleteRecentSession(p2p, bob, (c, i, t) => done(i))).Id, "taken off");
            Check.Equal(200, Answer<int>(done => SessionAPI.DeleteAllRecentSession((c, i, t) => done(c))), "all taken off");
        }

        private void Batch()
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount(), dir = nimd.NewDirectory("data");
            Begin(alice, dir);
            ClientAPI.Cleanup();
            using (Device other = nimd.Chat(bob))
            {
                for (int i = 0; i < 5; i++) other.Say("text " + alice + " m" + i);
                for (int i = 0; i < 5; i++) other.Lines.Next("sent 200");
                other.Quit();
            }
            TalkAPI.RegReceiveBatchMessagesCb(list => seen.Add("batch " + string.Join(" ", list.Select(m => m.MessageContent.Body))));
            Begin(alice, dir);
            seen.Next("batch m0 m1 m2 m3 m4");
            Check.Equal(0, seen.Count("got "), "told twice:\n  " + seen);
        }
    }
}
