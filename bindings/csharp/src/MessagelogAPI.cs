using System.Collections.Generic;
using System.Globalization;
using LibNim;
using NIM.Session;

namespace NIM.Messagelog
{
    /// <summary>From where to where a query goes.</summary>
    public enum MsglogSearchDirection
    {
        /// <summary>Messages older than the anchor.</summary>
        kForward = 0,
        /// <summary>Messages newer than the anchor.</summary>
        kBackward = 1,
    }

    /// <summary>Which messages a query gives.</summary>
    public sealed class QueryMsglogParams
    {
        /// <summary>The other account, or the team.</summary>
        public string AccountId { get; set; }

        /// <summary>The kind of conversation.</summary>
        public NIMSessionType SessionType { get; set; }

        /// <summary>How many, 1 to 1,000.</summary>
        public int CountLimit { get; set; }

        /// <summary>Start from this time, which is not in the page, ms since 1970; 0: from the newest.</summary>
        public long MsgAnchorTimttag { get; set; }

        /// <summary>Where the page ends at the latest, not included, ms since 1970; 0: nowhere.</summary>
        public long EndTimetag { get; set; }

        /// <summary>Older or newer ones.</summary>
        public MsglogSearchDirection Direction { get; set; }

        /// <summary>Whether the oldest of the page comes first.</summary>
        public bool Reverse { get; set; }
    }

    /// <summary>A page of messages.</summary>
    public sealed class MsglogQueryResult
    {
        /// <summary>How many there are.</summary>
        public int Count { get { return MsglogCollection.Length; } }

        /// <summary>They, the newest first unless asked otherwise.</summary>
        public NIMIMMessage[] MsglogCollection { get; private set; }

        /// <summary>From this device or from the server.</summary>
        public NIMMsglogQuerySource Source { get; private set; }

        internal static MsglogQueryResult Read(JsonObject o)
        {
            var list = o.List("content", NIMIMMessage.Read);
            var result = new MsglogQueryResult { MsglogCollection = new NIMIMMessage[list.Count], Source = (NIMMsglogQuerySource)o.Int("source") };
            list.CopyTo(result.MsglogCollection, 0);
            return result;
        }
    }

    /// <summary>Brings one message; null with an error.</summary>
    public delegate void QueryLogByMsgIdResultDelegate(ResponseCode code, string msdId, NIMIMMessage msg);

    /// <summary>Brings a page of messages.</summary>
    public delegate void QueryMsglogResultDelegate(ResponseCode code, string accountId, NIMSessionType sType, MsglogQueryResult result);

    /// <summary>Ends a change of a conversation's messages.</summary>
    public delegate void OperateMsglogResultDelegate(ResponseCode code, string uid, NIMSessionType sType);

    /// <summary>Ends a change of one message.</summary>
    public delegate void OperateSingleLogResultDelegate(ResponseCode code, string msgId);

    /// <summary>Ends a change of many messages.</summary>
    public delegate void CommonOperationResultDelegate(ResponseCode code);

    /// <summary>Ends a change of a message's LocalExtension.</summary>
    public delegate void UpdateLocalExtDelegate(ResponseCode res, string msgId);

    /// <summary>The messages that this device has stored, in the shape of NetEase's C# SDK.</summary>
    public static class MessagelogAPI
    {
        /// <summary>Asks for one message by its ClientMsgID.</summary>
        public static void QuerylogById(string clientMsgId, QueryLogByMsgIdResultDelegate action)
        {
            Ask.nim_msglog_query_msg_by_id_async(clientMsgId, null, new Call<MsglogQuerySingleReply>(r =>
            {
                if (action != null) action((ResponseCode)r.ResCode, r.MsgId, NIMIMMessage.Deserialize(r.Result));
            }));
        }

        /// <summary>
        /// Asks for the messages of a conversation that are older than a time, the newest first; 0: the
        /// newest. Messages of one time are never cut apart, so there may be more than limit.
        /// </summary>
        public static void QueryMsglogLocally(
            string accountId, NIMSessionType sType, int limit, long msgAnchorTimetag, QueryMsglogResultDelegate action)
        {
            Ask.nim_msglog_query_msg_async(accountId, sType, limit, msgAnchorTimetag, null, Pages(action));
        }

        /// <summary>Asks for messages of a conversation around a time, in either direction.</summary>
        public static void QueryMsglogLocally(QueryMsglogParams args, QueryMsglogResultDelegate action)
        {
            string how = new MsglogQueryOptions
            {
                Direction = (int)args.Direction, Reverse = args.Reverse, Endtime = args.EndTimetag,
            }.ToJson();
            Ask.nim_msglog_query_msg_async(
                args.AccountId, args.SessionType, args.CountLimit, args.MsgAnchorTimttag, how, Pages(action));
        }

        private static Call<MsglogQueryReply> Pages(QueryMsglogResultDelegate action)
        {
            return new Call<MsglogQueryReply>(r =>
            {
                if (action != null) action((ResponseCode)r.ResCode, r.Id, r.Type, MsglogQueryResult.Read(r.Object(r.Result)));
            });
        }

        /// <summary>Gives all received messages of a conversation the status read. Its unread number stays.</summary>
        public static void MarkMessagesStatusRead(string id, NIMSessionType sType, OperateMsglogResultDelegate action)
        {
            Ask.nim_msglog_batch_status_read_async(id, sType, null, new Call<MsglogResExReply>(r =>
            {
                if (action != null) action((ResponseCode)r.ResCode, r.Uid, r.Type);
            }));
        }

        /// <summary>
        /// Searches stored messages of one conversation or of many (range), by type and by a piece of their
        /// text; 0 leaves an end of the time span open. endMsgId: the last message already known, or "".
        /// </summary>
        public static void QueryMsglogByCustomCondition(
            NIMMsgLogQueryRange range, string[] ids, int limit, long sTimetag, long eTimetag, string endMsgId, bool reverse,
            NIMMessageType msgType, string searchContent, QueryMsglogResultDelegate action)
        {
            Ask.nim_msglog_query_msg_by_options_async(
                range, JsonWriter.Array(ids), limit, sTimetag, eTimetag, endMsgId, reverse, msgType, searchContent, null, Pages(action));
        }

        /// <summary>Asks for stored messages of a conversation that are of some types.</summary>
        public static void QuerySpecifiedType(
            NIMSessionType sessionType, string id, int limit, long fromTime, long endTime, string endClientMsgId, bool reverse,
            List<NIMMessageType> msgTypes, QueryMsglogResultDelegate cb, string jsonExt = null)
        {
            string types = "[" + string.Join(",", msgTypes.ConvertAll(t => ((int)t).ToString(CultureInfo.InvariantCulture))) + "]";
            Ask.nim_msglog_query_the_message_of_the_specified_type_async(
                sessionType, id, limit, fromTime, endTime, endClientMsgId, reverse, types, jsonExt, Pages(cb));
        }

        /// <summary>Gives all received messages of all conversations the status read.</summary>
        public static void ReadAll(CommonOperationResultDelegate cb) { Ask.nim_msglog_read_all_async(null, Ending(cb)); }

        /// <summary>Sets the status of a message.</summary>
        public static void SetMsglogStatus(string msgId, NIMMsgLogStatus status, OperateSingleLogResultDelegate action)
        {
            Ask.nim_msglog_set_status_async(msgId, status, null, Changing(action));
        }

        /// <summary>Sets whether a recording was played.</summary>
        public static void SetMsglogSubStatus(string msgId, NIMMsgLogSubStatus status, OperateSingleLogResultDelegate action)
        {
            Ask.nim_msglog_set_sub_status_async(msgId, status, null, Changing(action));
        }

        /// <summary>Sets the LocalExtension of a message.</summary>
        public static void UpdateLocalExt(string msgId, string localExt, UpdateLocalExtDelegate cb)
        {
            Ask.nim_msglog_update_localext_async(
                msgId, localExt, null, Changing(cb == null ? (OperateSingleLogResultDelegate)null : (code, id) => cb(code, id)));
        }

        /// <summary>Deletes one message on this device.</summary>
        public static void DeleteSpecifiedMsglog(string sid, NIMSessionType sType, string msgId, OperateSingleLogResultDelegate action)
        {
            Ask.nim_msglog_delete_async(sid, sType, msgId, null, Changing(action));
        }

        /// <summary>Deletes the messages of a conversation on this device.</summary>
        public static void BatchDeleteMeglog(string id, NIMSessionType sType, OperateMsglogResultDelegate action)
        {
            Ask.nim_msglog_batch_status_delete_async(id, sType, null, new Call<MsglogResExReply>(r =>
            {
                if (action != null) action((ResponseCode)r.ResCode, r.Uid, r.Type);
            }));
        }

        /// <summary>Deletes the messages of all conversations of a kind on this device.</summary>
        public static void DeleteMsglogsBySessionType(NIMSessionType sType, bool deleteSessions, OperateMsglogResultDelegate action)
        {
            Ask.nim_msglog_delete_by_session_type_async(deleteSessions, sType, null, new Call<MsglogResExReply>(r =>
            {
                if (action != null) action((ResponseCode)r.ResCode, r.Uid, r.Type);
            }));
        }

        /// <summary>Deletes all messages on this device, and with deleteSessions the list.</summary>
        public static void ClearAll(bool deleteSessions, CommonOperationResultDelegate action)
        {
            Ask.nim_msglog_delete_all_async(deleteSessions, null, Ending(action));
        }

        private static Call<MsglogModifyResReply> Ending(CommonOperationResultDelegate action)
        {
            return new Call<MsglogModifyResReply>(r => { if (action != null) action((ResponseCode)r.ResCode); });
        }

        /// <summary>Stores a message that is not sent, in place of one with its ClientMsgID.</summary>
        public static void WriteMsglog(
            string uid, bool needUpdateSession, NIMIMMessage msg, OperateSingleLogResultDelegate action)
        {
            Ask.nim_msglog_insert_msglog_async(uid, msg.Serialize(), needUpdateSession, null, Changing(action));
        }

        private static Call<MsglogResReply> Changing(OperateSingleLogResultDelegate action)
        {
            return new Call<MsglogResReply>(r => { if (action != null) action((ResponseCode)r.ResCode, r.MsgId); });
        }
    }
}
