using System;
using System.Collections.Generic;
using LibNim;

namespace NIM
{
    /// <summary>A message that has come, and how.</summary>
    public sealed class NIMReceivedMessage
    {
        /// <summary>The message.</summary>
        public NIMIMMessage MessageContent { get; private set; }

        /// <summary>The same as MessageContent.</summary>
        public NIMIMMessage Message { get { return MessageContent; } }

        /// <summary>How it came: live, while this device was offline, from another device of the own account.</summary>
        public NIMMessageFeature Feature { get; private set; }

        /// <summary>Always kNIMResSuccess.</summary>
        public ResponseCode ResponseCode { get; private set; }

        internal static NIMReceivedMessage Read(JsonObject o)
        {
            return new NIMReceivedMessage
            {
                MessageContent = NIMIMMessage.Read(o.Object("content")), Feature = (NIMMessageFeature)o.Int("feature"),
                ResponseCode = (ResponseCode)o.Int("rescode"),
            };
        }
    }

    /// <summary>What has become of a message that was sent.</summary>
    public sealed class MessageAck : JsonMembers
    {
        /// <summary>The conversation.</summary>
        public string TalkId { get { return Get("talk_id"); } }

        /// <summary>The ClientMsgID of the message.</summary>
        public string MsgId { get { return Get("msg_id"); } }

        /// <summary>kNIMResSuccess, or the error.</summary>
        public ResponseCode Response { get { return (ResponseCode)GetInt("rescode"); } }

        /// <summary>The message's time by the server's clock, ms since 1970.</summary>
        public long TimeStamp { get { return GetLong("msg_timetag"); } }

        /// <summary>What the app's server has added.</summary>
        public string CallbackExtension { get { return Get("third_party_callback_ext"); } }

        /// <summary>Whether the word filter has matched.</summary>
        public bool ClientAntiSpam { get { return GetFlag("client_anti_spam", false); } }

        /// <summary>The error, or ok.</summary>
        internal ErrorInfo Error()
        {
            ErrorKind kind = Errors.Find(Get("err_name"));
            ErrorInfo info = kind == null ? Errors.Info((int)Response) : Errors.Info(kind);
            info.ErrCode = (int)Response;
            if (Get("err_msg").Length > 0) info.ErrMsg = Get("err_msg");
            return info;
        }
    }

    /// <summary>What TalkAPI.OnReceiveMessageHandler is told.</summary>
    public sealed class NIMReceiveMessageEventArgs : EventArgs
    {
        internal NIMReceiveMessageEventArgs(NIMReceivedMessage message) { Message = message; }

        /// <summary>The message and how it came.</summary>
        public NIMReceivedMessage Message { get; private set; }
    }

    /// <summary>What TalkAPI.OnSendMessageCompleted is told.</summary>
    public sealed class MessageArcEventArgs : EventArgs
    {
        internal MessageArcEventArgs(MessageAck ack) { ArcInfo = ack; }

        /// <summary>What has become of the message.</summary>
        public MessageAck ArcInfo { get; private set; }
    }

    /// <summary>Tells how much of a file has gone up.</summary>
    public delegate void ReportUploadProgressDelegate(long uploadedSize, long totalSize, object progressData);

    /// <summary>Asks whether a message is to be dropped; true drops it.</summary>
    public delegate bool TeamNotificationFilterDelegate(NIMIMMessage msg, string jsonExtension);

    /// <summary>Brings messages of one conversation, the oldest first, at least one.</summary>
    public delegate void ReceiveBatchMesaagesDelegate(List<NIMReceivedMessage> msgsList);

    /// <summary>
    /// Sending and receiving, in the shape of NetEase's C# SDK. Handlers run one at a time, where
    /// those of ClientAPI run, and stay until cleanup.
    /// </summary>
    public static class TalkAPI
    {
        private static EventHandler<NIMReceiveMessageEventArgs> received;
        private static EventHandler<MessageArcEventArgs> sent;

        /// <summary>
        /// Is told each message that comes, once. What comes while there is no handler, and none for
        /// whole batches, waits for one.
        /// </summary>
        public static EventHandler<NIMReceiveMessageEventArgs> OnReceiveMessageHandler
        {
            get { return received; }
            set
            {
                received = value;
                Slots.TalkReceive.Set(
                    value == null ? (Action<TalkReceiveReply>)null
                        : r => value(null, new NIMReceiveMessageEventArgs(NIMReceivedMessage.Read(r.Object(r.Content)))));
            }
        }

        /// <summary>Is told the end of each sending, exactly one for each SendMessage.</summary>
        public static EventHandler<MessageArcEventArgs> OnSendMessageCompleted
        {
            get { return sent; }
            set
            {
                sent = value;
                Slots.TalkAck.Set(
                    value == null ? (Action<TalkAckReply>)null
                        : r => value(null, new MessageArcEventArgs(JsonMembers.Of<MessageAck>(r.Object(r.Result)))));
            }
        }

        /// <summary>
        /// Sends a message. It is stored before it leaves, waits while the connection is lost, and
        /// ends in OnSendMessageCompleted after 30 s at the latest. Files are not uploaded yet: progress
        /// is never called.
        /// </summary>
        public static void SendMessage(NIMIMMessage message, ReportUploadProgressDelegate progress = null)
        {
            if (message == null) throw new ArgumentNullException("message");
            Native.nim_talk_send_msg(Utf8.Bytes(message.Serialize()), null, IntPtr.Zero, IntPtr.Zero);
        }

        /// <summary>
        /// Sets the handler of what came while this device was offline; null removes it, and the messages
        /// come to OnReceiveMessageHandler then.
        /// </summary>
        public static void RegReceiveBatchMessagesCb(ReceiveBatchMesaagesDelegate cb)
        {
            Slots.TalkReceiveMsgs.Set(
                cb == null ? (Action<TalkReceiveReply>)null
                    : r => cb(JsonReader.ReadObjects(r.Content).ConvertAll(NIMReceivedMessage.Read)));
        }

        /// <summary>
        /// Sets who is asked about each team notification before it is told, listed or counted: true drops it.
        /// It has two seconds, and may call anything; null removes it.
        /// </summary>
        public static void RegTeamNotificationFilterCb(TeamNotificationFilterDelegate action)
        {
            Slots.TalkNotificationFilter.Set(
                action == null ? (Func<TalkTeamNotificationFilterReply, int>)null
                    : r => action(NIMReceivedMessage.Read(r.Object(r.Content)).Message, r.JsonExtension) ? 1 : 0);
        }

        /// <summary>RegTeamNotificationFilterCb for all other messages.</summary>
        public static void RegMessageFilterCb(TeamNotificationFilterDelegate action)
        {
            Slots.TalkMessageFilter.Set(
                action == null ? (Func<TalkMessageFilterReply, int>)null
                    : r => action(NIMReceivedMessage.Read(r.Object(r.Content)).Message, r.JsonExtension) ? 1 : 0);
        }

        /// <summary>Sets the handler of a message that was told as failed and has arrived after all; null removes it.</summary>
        public static void RegMessageCorrectedCb(Action<MessageAck> cb)
        {
            Slots.NimxTalkMsgCorrected.Set(
                cb == null ? (Action<MsgCorrectedReply>)null : r => cb(JsonMembers.Of<MessageAck>(r.Object(r.Result))));
        }

        /// <summary>Drops what belongs to registrations that the library does not know any more.</summary>
        internal static void Forget()
        {
            received = null;
            sent = null;
        }
    }
}
