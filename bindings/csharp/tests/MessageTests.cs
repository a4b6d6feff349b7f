using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using NIM;
using NIM.Messagelog;
using NIM.Session;

namespace LibNim.Tests
{
    /// <summary>Messages through LibNim.Client against a real server and another program.</summary>
    internal sealed class MessageTests
    {
        private readonly Nimd nimd;
        private readonly History seen = new History();

        private MessageTests(Nimd nimd) { this.nimd = nimd; }

        internal static void All(Runner runner, Nimd nimd)
        {
            Action<string, Func<MessageTests, Task>> run = (name, test) => runner.Run("messages: " + name, () =>
            {
                if (!test(new MessageTests(nimd)).Wait(2 * History.LimitMs)) throw new Failure("does not end");
            });
            run("sent and received, both ways", t => t.BothWays());
            run("history in pages, one message, one that is inserted", t => t.Stored());
            run("errors as exceptions", t => t.Refused());
            run("a lost connection is waited for, and dispose ends what waits", t => t.Waits());
            run("a filter drops messages, and may call the library", t => t.Filter());
            run("what comes without a handler waits for one", t => t.WithoutHandler());
        }

        private Client New(string link = null)
        {
            return new Client(new ClientOptions
            {
                DataDirectory = nimd.NewDirectory("data"), AppKey = nimd.AppKey, Links = new[] { link ?? nimd.Link },
            });
        }

        private async Task BothWays()
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Device other = nimd.Chat(bob))
            using (Client client = New())
            {
                client.MessageReceived += (s, e) => seen.Add(
                    "message " + e.Message.TalkID + " " + (int)e.Feature + " " + e.Message.MessageType + " " + e.Message.Body);
                client.ConversationChanged += (s, e) => seen.Add(
                    "conversation " + e.Info.Id + " unread " + e.Info.UnreadCount + " of " + e.TotalUnreadCount);
                await client.LoginAsync(alice, "secret");
                var message = new NIMTextMessage { ReceiverID = bob, TextContent = "\u4f60\u597d \"bob\"\n\ud83d\ude00" };
                MessageAck ack = await client.SendAsync(message);
                Check.Equal(message.ClientMsgID, ack.MsgId, "id");
                Check.Equal(bob, ack.TalkId, "conversation");
                Check.That(ack.TimeStamp > 1500000000000, "time " + ack.TimeStamp);
                other.Lines.Next("got 0 " + alice + " NIMTextMessage \u4f60\u597d \"bob\"");
                other.Say("text " + alice + " hello");
                other.Lines.Next("sent 200 " + alice);
                seen.Next("message " + bob + " 0 kNIMMessageTypeText hello");
                seen.Next("conversation " + bob + " unread 1 of 1");
                other.Say("custom " + alice + " {\"a\":1}");
                seen.Next("message " + bob + " 0 kNIMMessageTypeCustom");
                seen.Next("conversation " + bob + " unread 2 of 2");

                SesssionInfoList list = await client.GetConversationsAsync();
                Check.Equal(1, list.SessionList.Count, "conversations");
                Check.Equal(2, list.UnreadCounts, "unread in all");
                SessionInfo one = list.SessionList[0];
                Check.That(one.Id == bob && one.UnreadCount == 2 && one.Sender == bob && one.Attach == "{\"a\":1}", one.Dump());
                Check.Equal(0, (await client.MarkReadAsync(bob)).UnreadCount, "unread after reading");
                seen.Next("conversation " + bob + " unread 0 of 0");
                await client.MarkAllReadAsync();

                // The same message again is the same message, however often it is sent.
                Task<MessageAck>[] twice = { client.SendAsync(message), client.SendAsync(message) };
                foreach (MessageAck again in await Task.WhenAll(twice)) Check.Equal(ack.TimeStamp, again.TimeStamp, "time");
                await client.SendAsync(bob, "last");
                other.Lines.Next("last");
                Check.Equal(2, other.Lines.Count("got "), "what bob got:\n  " + other.Lines);
                other.Quit();
            }
        }

        private async Task Stored()
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Client client = New())
            {
                await client.LoginAsync(alice, "secret");
                var sent = new List<NIMTextMessage>();
                for (int i = 0; i < 7; i++)
                {
                    sent.Add(new NIMTextMessage { ReceiverID = bob, TextContent = "m" + i });
                    await client.SendAsync(sent[i]);
                }
                IList<NIMIMMessage> page = await client.GetHistoryAsync(bob, 3);
                Check.Equal("m6 m5 m4", string.Join(" ", page.Select(m => m.Body)), "newest page");
                page = await client.GetHistoryAsync(bob, 100, page[2].TimeStamp);
                Check.Equal("m3 m2 m1 m0", string.Join(" ", page.Select(m => m.Body)), "older ones");
                foreach (int pageSize in new[] { 1, 3, 7, 100 })
                {
                    var all = new List<string>();
                    MessageHistory.Enumerator history = client.GetHistory(bob, pageSize: pageSize).GetAsyncEnumerator();
                    while (await history.MoveNextAsync()) all.Add(history.Current.Body);
                    Check.Equal("m6 m5 m4 m3 m2 m1 m0", string.Join(" ", all), "pages of " + pageSize);
                    Check.That(!await history.MoveNextAsync(), "an end stays one");
                }

                NIMIMMessage one = await client.GetMessageAsync(sent[2].ClientMsgID);
                Check.That(one is NIMTextMessage && one.Body == "m2" && one.SenderID == alice, "one message");
                Check.Equal(NIMMsgLogStatus.kNIMMsgLogStatusSent, one.MsgLogStatus, "its status");
                Check.That(await client.GetMessageAsync("no such id") == null, "a message that there is not");
                var note = new NIMTipMessage { ReceiverID = bob, TextContent = "a note" };
                await client.InsertMessageAsync(bob, note);
                Check.Equal("a note", (await client.GetHistoryAsync(bob, 1))[0].Body, "inserted");

                Check.Equal("m4", string.Join(" ", (await client.SearchAsync("M4")).Select(m => m.Body)), "found in all");
                page = await client.SearchAsync("m", bob, limit: 3);
                Check.Equal("m6 m5 m4", string.Join(" ", page.Select(m => m.Body)), "found in one");
                page = await client.SearchAsync("m", bob, limit: 3, after: page[2]);
                Check.Equal("m3 m2 m1", string.Join(" ", page.Select(m => m.Body)), "found behind these");
                Check.Equal(0, (await client.SearchAsync("m", alice)).Count, "found in another one");
                await client.DeleteMessageAsync(sent[6]);
                await client.DeleteMessageAsync(await client.GetMessageAsync("no such id") ?? note);
                Check.Equal("m5 m4", string.Join(" ", (await client.GetHistoryAsync(bob, 2)).Select(m => m.Body)), "without what was deleted");
                Check.That((await client.PinConversationAsync(bob)).IsPinnedOnTop, "pinned");
                Check.That((await client.GetConversationAsync(bob)).IsPinnedOnTop, "stays pinned");
                Check.That(await client.GetConversationAsync("nobody") == null, "a conversation that is not listed");
                await client.DeleteConversationAsync(bob);
                Check.Equal(0, (await client.GetConversationsAsync()).Count, "conversations");
                Check.Equal(1, (await client.GetHistoryAsync(bob, 1)).Count, "messages of it");
                await client.DeleteHistoryAsync(bob);
                Check.Equal(0, (await client.GetHistoryAsync(bob)).Count, "deleted ones");
            }
        }

        private static async Task<NimException> Fails(Task task)
        {
            try
            {
                await task;
            }
            catch (NimException e)
            {
                return e;
            }
            throw new Failure("no exception");
        }

        private async Task Refused()
        {
            using (Client client = New())
            {
                Check.Equal(20001, (int)(await Fails(client.SendAsync("bob", "hi"))).Code, "not logged in");
                await client.LoginAsync(nimd.NewAccount(), "secret");
                NimException e = await Fails(client.SendAsync("", "hi"));
                Check.That(e is NimCallerException && e.Message.Contains("to_accid"), e.ToString());
                e = await Fails(client.SendAsync("nobody-has-this-name", "hi"));
                Check.That(e is NimServerException && e.Name == "not_found" && e.Message.Contains("no such account"), e.ToString());
                e = await Fails(client.SendAsync(nimd.NewAccount(), new string('x', 100000)));
                Check.That((int)e.Code == 414, e.ToString());
                e = await Fails(client.GetHistoryAsync("bob", 0));
                Check.That((int)e.Code == 414 || (int)e.Code == 10414, e.ToString());
                await Fails(client.MarkReadAsync(""));
            }
        }

        private async Task Waits()
        {
            string bob = nimd.NewAccount();
            using (var path = new TcpPath(nimd.Port))
            using (Client client = New(path.Link))
            {
                client.Disconnected += (s, e) => seen.Add("disconnected");
                await client.LoginAsync(nimd.NewAccount(), "secret");
                path.SetClosed(true);
                seen.Next("disconnected");
                Task<MessageAck> sending = client.SendAsync(bob, "over a lost connection");
                Check.That(!sending.IsCompleted, "sent without a connection");
                path.SetClosed(false);
                client.NetworkChanged();
                Check.That((await sending).TimeStamp > 0, "time");

                path.SetClosed(true);
                seen.Next("disconnected");
                sending = client.SendAsync(bob, "over none");
                client.Dispose();
                Check.Equal("cancelled", (await Fails(sending)).Name, "sending when it is disposed");
            }
        }

        private async Task Filter()
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Device other = nimd.Chat(bob))
            using (Client client = New())
            {
                client.MessageReceived += (s, e) => seen.Add("message " + e.Message.Body);
                client.MessageFilter = m =>
                {
                    seen.Add("asked " + m.Body + " of " + m.SenderID);
                    client.GetConversationsAsync();
                    if (m.Body == "throw") throw new InvalidOperationException("in a filter");
                    return m.Body != "drop";
                };
                await client.LoginAsync(alice, "secret");
                foreach (string text in new[] { "drop", "throw", "keep" }) other.Say("text " + alice + " " + text);
                seen.Next("message keep");
                Check.Equal(1, seen.Count("message throw"), "one whose filter threw");
                Check.Equal(1, seen.Count("asked drop of " + bob), "asked; there is:\n  " + seen);
                Check.Equal(0, seen.Count("message drop"), "dropped");
                client.MessageFilter = null;
                other.Say("text " + alice + " drop");
                seen.Next("message drop");
                other.Quit();
            }
        }

        private async Task WithoutHandler()
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Device other = nimd.Chat(bob))
            using (Client client = New())
            {
                EventHandler<NIMReceivedMessage> handler = (s, e) => seen.Add("message " + e.Message.Body);
                client.ConversationChanged += (s, e) => seen.Add("conversation " + e.Info.Content);
                client.MessageReceived += handler;
                await client.LoginAsync(alice, "secret");
                other.Say("text " + alice + " one");
                seen.Next("message one");
                client.MessageReceived -= handler;
                other.Say("text " + alice + " two");
                other.Lines.Next("sent 200");
                other.Lines.Next("sent 200");
                client.MessageReceived += handler;
                seen.Next("message two");
                other.Quit();
            }
        }
    }
}
