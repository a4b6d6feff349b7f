using System;
using System.Collections.Generic;
using LibNim;
using NIM.Messagelog;

namespace NIM.Session
{
    /// <summary>A conversation in the list, with its newest message.</summary>
    public sealed class SessionInfo : JsonMembers
    {
        /// <summary>The other account, or the team.</summary>
        public string Id { get { return Get("id"); } }

        /// <summary>Its kind.</summary>
        public NIMSessionType SessionType { get { return (NIMSessionType)GetInt("type"); } }

        /// <summary>How many messages in it are unread.</summary>
        public int UnreadCount { get { return GetInt("unread_count"); } }

        /// <summary>What has happened to it.</summary>
        public NIMSessionCommand Command { get { return (NIMSessionCommand)GetInt("command"); } }

        /// <summary>The ClientMsgID of its newest message.</summary>
        public string MsgId { get { return Get("msg_client_id"); } }

        /// <summary>Who sent that.</summary>
        public string Sender { get { return Get("msg_from_account"); } }

        /// <summary>When, ms since 1970.</summary>
        public long Timetag { get { return GetLong("msg_time"); } }

        /// <summary>What kind it is.</summary>
        public NIMMessageType MsgType { get { return (NIMMessageType)GetInt("msg_type"); } }

        /// <summary>Its text.</summary>
        public string Content { get { return Get("msg_body"); } }

        /// <summary>What it carries, as text.</summary>
        public string Attach { get { return Get("msg_attach"); } }

        /// <summary>What has become of it.</summary>
        public NIMMsgLogStatus Status { get { return (NIMMsgLogStatus)GetInt("msg_status"); } }

        /// <summary>Whether a recording was played.</summary>
        public NIMMsgLogSubStatus SubStatus { get { return (NIMMsgLogSubStatus)GetInt("msg_sub_status"); } }

        /// <summary>Whether this is the last of several changes that belong together.</summary>
        public bool IsLast { get { return GetFlag("last_updated_msg", false); } }

        /// <summary>Whether it is pinned on this device.</summary>
        public bool IsPinnedOnTop { get { return GetFlag("top", false); } }

        /// <summary>The app's own text.</summary>
        public string ExtendString { get { return Get("extend_data"); } }

        /// <summary>Whether it is a conversation with a robot.</summary>
        public bool IsRobot { get { return GetFlag("robot_session", false); } }
    }

    /// <summary>The list of conversations, spelled as NetEase's SDK spells it.</summary>
    public sealed class SesssionInfoList
    {
        /// <summary>How many there are.</summary>
        public int Count { get; private set; }

        /// <summary>How many messages are unread in all of them.</summary>
        public int UnreadCounts { get; private set; }

        /// <summary>They, the one with the newest message first.</summary>
        public List<SessionInfo> SessionList { get; private set; }

        internal static SesssionInfoList Read(JsonObject o)
        {
            return new SesssionInfoList
            {
                Count = o.Int("count"), UnreadCounts = o.Int("unread_counts"),
                SessionList = new List<SessionInfo>(o.List("content", JsonMembers.Of<SessionInfo>)),
            };
        }
    }

    /// <summary>A change of a conversation in the list.</summary>
    public sealed class SessionChangedEventArgs : EventArgs
    {
        internal SessionChangedEventArgs(SessionChangeReply r)
        {
            ResCode = (ResponseCode)r.Rescode;
            Info = JsonMembers.Of<SessionInfo>(r.Object(r.Result));
            TotalUnreadCount = r.TotalUnreadCounts;
        }

        /// <summary>Always kNIMResSuccess.</summary>
        public ResponseCode ResCode { get; private set; }

        /// <summary>The conversation as it is now.</summary>
        public SessionInfo Info { get; private set; }

        /// <summary>How many messages are unread in all conversations.</summary>
        public int TotalUnreadCount { get; private set; }
    }

    /// <summary>Ends a change of the list.</summary>
    public delegate void SessionChangeHandler(int rescode, SessionInfo result, int totalUnreadCounts);

    /// <summary>Brings the list.</summary>
    public delegate void QueryRecentHandler(int totalUnreadCount, SesssionInfoList result);

    /// <summary>The list of conversations, in the shape of NetEase's C# SDK.</summary>
    public static class SessionAPI
    {
        private static EventHandler<SessionChangedEventArgs> changed;

        /// <summary>Is told each change of the list, until cleanup. A message is told before the change that it causes.</summary>
        public static EventHandler<SessionChangedEventArgs> RecentSessionChangedHandler
        {
            get { return changed; }
            set
            {
                changed = value;
                Slots.SessionChange.Set(
                    value == null ? (Action<SessionChangeReply>)null : r => value(null, new SessionChangedEventArgs(r)));
            }
        }

        /// <summary>Asks for the whole list, the one with the newest message first.</summary>
        public static void QueryAllRecentSession(QueryRecentHandler handler)
        {
            Ask.nim_session_query_all_recent_session_async(null, new Call<SessionQueryRecentSessionReply>(r =>
            {
                if (handler != null) handler(r.TotalUnreadCount, SesssionInfoList.Read(r.Object(r.Result)));
            }));
        }

        /// <summary>Sets the unread number of a conversation to 0, on all devices of the account.</summary>
        public static void SetUnreadCountZero(NIMSessionType toType, string id, SessionChangeHandler handler)
        {
            Ask.nim_session_set_unread_count_zero_async(toType, id, null, Changing(handler));
        }

        /// <summary>Sets the unread numbers of all conversations to 0, on all devices of the account.</summary>
        public static void ResetAllUnreadCount(SessionChangeHandler handler)
        {
            Ask.nim_session_reset_all_unread_count_async(null, Changing(handler));
        }

        /// <summary>Takes a conversation off the list; its messages stay, and a new one brings it back.</summary>
        public static void DeleteRecentSession(NIMSessionType toType, string id, SessionChangeHandler handler)
        {
            Ask.nim_session_delete_recent_session_async(toType, id, null, Changing(handler));
        }

        /// <summary>Takes all conversations off the list; their messages stay.</summary>
        public static void DeleteAllRecentSession(SessionChangeHandler handler)
        {
            Ask.nim_session_delete_all_recent_session_async(null, Changing(handler));
        }

        /// <summary>Pins a conversation on this device, or ends that.</summary>
        public static void PinSessionOnTop(NIMSessionType toType, string id, bool top, SessionChangeHandler cb)
        {
            Ask.nim_session_set_top(toType, id, top, null, Changing(cb));
        }

        /// <summary>Stores the app's own text with a conversation, on this device.</summary>
        public static void SetSessionExtendData(NIMSessionType toType, string id, string data, SessionChangeHandler cb)
        {
            Ask.nim_session_set_extend_data(toType, id, data, null, Changing(cb));
        }

        /// <summary>Asks for the first conversations of the list.</summary>
        public static void QueryLastFewSession(int limit, QueryRecentHandler handler)
        {
            Ask.nim_session_query_last_few_session_async(limit, null, new Call<SessionQueryRecentSessionReply>(r =>
            {
                if (handler != null) handler(r.TotalUnreadCount, SesssionInfoList.Read(r.Object(r.Result)));
            }));
        }

        private static Call<SessionChangeReply> Changing(SessionChangeHandler handler)
        {
            return new Call<SessionChangeReply>(r =>
            {
                if (handler != null) handler(r.Rescode, JsonMembers.Of<SessionInfo>(r.Object(r.Result)), r.TotalUnreadCounts);
            });
        }

        /// <summary>Drops what belongs to registrations that the library does not know any more.</summary>
        internal static void Forget() { changed = null; }
    }
}
