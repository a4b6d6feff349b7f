using System;
using System.Collections.Generic;
using NIM;
using NIM.Messagelog;
using NIM.Session;

namespace LibNim.Unity
{
    /// <summary>Hears of messages, in OpenIM's words.</summary>
    public interface IAdvancedMsgListener
    {
        /// <summary>A message has come: each once, in the order of its conversation, stored before.</summary>
        void OnRecvNewMessage(NIMIMMessage message);
    }

    /// <summary>Hears of the list of conversations, in OpenIM's words.</summary>
    public interface IConversationListener
    {
        /// <summary>A conversation was added.</summary>
        void OnNewConversation(SessionInfo conversation);

        /// <summary>A conversation has changed.</summary>
        void OnConversationChanged(SessionInfo conversation);

        /// <summary>How many messages are unread in all conversations.</summary>
        void OnTotalUnreadMessageCountChanged(int totalUnreadCount);
    }

    /// <summary>Brings messages, the newest first; none with an error.</summary>
    public delegate void OnMessages(IList<NIMIMMessage> messages, int errCode, string errMsg);

    public static partial class IMSDK
    {
        private static int unread = -1;

        /// <summary>
        /// Sets who hears of messages; null removes it. What comes while there is nobody waits, so it may be
        /// set before the login or after it.
        /// </summary>
        public static void SetAdvancedMsgListener(IAdvancedMsgListener listener)
        {
            if (listener == null) TalkAPI.OnReceiveMessageHandler = null;
            else TalkAPI.OnReceiveMessageHandler = (s, e) => listener.OnRecvNewMessage(e.Message.MessageContent);
        }

        /// <summary>Sets who hears of the list of conversations; null removes it.</summary>
        public static void SetConversationListener(IConversationListener listener)
        {
            unread = -1;
            if (listener == null) SessionAPI.RecentSessionChangedHandler = null;
            else SessionAPI.RecentSessionChangedHandler = (s, e) => Tell(listener, e);
        }

        private static void Tell(IConversationListener listener, SessionChangedEventArgs e)
        {
            if (e.Info.Command == NIMSessionCommand.kNIMSessionCommandAdd) listener.OnNewConversation(e.Info);
            else listener.OnConversationChanged(e.Info);
            if (unread == e.TotalUnreadCount) return;
            unread = e.TotalUnreadCount;
            listener.OnTotalUnreadMessageCountChanged(unread);
        }

        /// <summary>A text to be sent.</summary>
        public static NIMTextMessage CreateTextMessage(string text) { return new NIMTextMessage { TextContent = text }; }

        /// <summary>A message of the game's own to be sent.</summary>
        public static NIMCustomMessage CreateCustomMessage(string data) { return new NIMCustomMessage { Content = data }; }

        /// <summary>
        /// Sends a message to a user, or to a team where groupId is not empty. cb is called once: when the
        /// server has stored it, or with the error, after 30 s at the latest; a lost connection is waited for
        /// until then. Sending the same object again is the same message.
        /// </summary>
        public static void SendMessage(OnSucOrError cb, NIMIMMessage message, string recvId, string groupId)
        {
            bool team = !string.IsNullOrEmpty(groupId);
            message.SessionType = team ? NIMSessionType.kNIMSessionTypeTeam : NIMSessionType.kNIMSessionTypeP2P;
            message.ReceiverID = team ? groupId : recvId;
            Sends.Send(message, ack => Finish(cb, ack.Error()), null);
        }

        /// <summary>Brings the conversations, the one with the newest message first, and the unread number of all.</summary>
        public static void GetAllConversationList(Action<SesssionInfoList> cb)
        {
            SessionAPI.QueryAllRecentSession((total, list) => cb(list));
        }

        /// <summary>Brings the newest messages of a conversation, or those older than a time, ms since 1970.</summary>
        public static void GetHistoryMessageList(
            OnMessages cb, string id, int count, long before = 0, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            MessagelogAPI.QueryMsglogLocally(id, type, count, before, (code, of, kind, page) =>
            {
                ErrorInfo info = Errors.Info((int)code);
                bool success = code == ResponseCode.kNIMResSuccess;
                cb(page.MsglogCollection, success ? 0 : Code(info), success ? "" : info.ErrMsg);
            });
        }

        /// <summary>Sets the unread number of a conversation to 0, on all devices of the user.</summary>
        public static void MarkConversationMessageAsRead(
            OnSucOrError cb, string id, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            SessionAPI.SetUnreadCountZero(type, id, (code, conversation, total) => Finish(cb, Errors.Info(code)));
        }
    }
}
