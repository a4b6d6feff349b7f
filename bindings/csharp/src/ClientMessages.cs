using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using NIM;
using NIM.Messagelog;
using NIM.Session;

namespace LibNim
{
    public sealed partial class Client
    {
        private EventRelay<TalkReceiveReply, NIMReceivedMessage> received;
        private EventRelay<SessionChangeReply, SessionChangedEventArgs> conversations;
        private EventRelay<MsgCorrectedReply, MessageAck> corrected;

        private void MakeMessageEvents()
        {
            received = new EventRelay<TalkReceiveReply, NIMReceivedMessage>(
                this, Slots.TalkReceive, r => NIMReceivedMessage.Read(r.Object(r.Content)));
            conversations = new EventRelay<SessionChangeReply, SessionChangedEventArgs>(
                this, Slots.SessionChange, r => new SessionChangedEventArgs(r));
            corrected = new EventRelay<MsgCorrectedReply, MessageAck>(
                this, Slots.NimxTalkMsgCorrected, r => JsonMembers.Of<MessageAck>(r.Object(r.Result)));
        }

        /// <summary>
        /// A message has come. Each is told once, in the order of its conversation, and stored before; what
        /// comes while there is no handler waits for one. Messages of the account's other devices come too.
        /// </summary>
        public event EventHandler<NIMReceivedMessage> MessageReceived
        {
            add { received.Add(value); }
            remove { received.Remove(value); }
        }

        /// <summary>
        /// Is asked about each message that comes, but for team notifications, before it is told, listed or
        /// counted: false drops it. It runs where the callbacks run, has two seconds, and may call anything.
        /// </summary>
        public Func<NIMIMMessage, bool> MessageFilter
        {
            set
            {
                Alive();
                TalkAPI.RegMessageFilterCb(value == null ? (TeamNotificationFilterDelegate)null : (m, extension) => !value(m));
            }
        }

        /// <summary>A conversation was added to the list or has changed; behind the message that causes it.</summary>
        public event EventHandler<SessionChangedEventArgs> ConversationChanged
        {
            add { conversations.Add(value); }
            remove { conversations.Remove(value); }
        }

        /// <summary>A message whose SendAsync has failed with a time-out has arrived after all.</summary>
        public event EventHandler<MessageAck> MessageCorrected
        {
            add { corrected.Add(value); }
            remove { corrected.Remove(value); }
        }

        /// <summary>
        /// Sends a message; the task ends when the server has stored it, after 30 s at the latest. Before
        /// that it waits for a lost connection. After a NimException with code kNIMResTimeoutError it may
        /// still arrive, which MessageCorrected tells; sending the same object again is safe, since its
        /// ClientMsgID stays.
        /// </summary>
        public Task<MessageAck> SendAsync(NIMIMMessage message)
        {
            if (message == null) throw new ArgumentNullException("message");
            Alive();
            return Sends.Send(message);
        }

        /// <summary>Sends a text to an account or a team.</summary>
        public Task<MessageAck> SendAsync(string to, string text, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            return SendAsync(new NIMTextMessage { ReceiverID = to, SessionType = type, TextContent = text });
        }

        /// <summary>The conversations, the one with the newest message first, and the unread number of all.</summary>
        public Task<SesssionInfoList> GetConversationsAsync()
        {
            return AskFor<SessionQueryRecentSessionReply, SesssionInfoList>(
                r => SesssionInfoList.Read(r.Object(r.Result)),
                call => Ask.nim_session_query_all_recent_session_async(null, call));
        }

        /// <summary>Sets the unread number of a conversation to 0, on all devices of the account.</summary>
        public Task<SessionInfo> MarkReadAsync(string id, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            return AskFor<SessionChangeReply, SessionInfo>(
                r => JsonMembers.Of<SessionInfo>(r.Object(r.Result)),
                call => Ask.nim_session_set_unread_count_zero_async(type, id, null, call));
        }

        /// <summary>Sets the unread numbers of all conversations to 0, on all devices of the account.</summary>
        public Task MarkAllReadAsync()
        {
            return AskFor<SessionChangeReply, bool>(
                r => true, call => Ask.nim_session_reset_all_unread_count_async(null, call));
        }

        /// <summary>
        /// The messages of a conversation that are older than a time (ms since 1970; 0: the newest), the
        /// newest first. Messages of one time are never cut apart, so there may be more than limit.
        /// </summary>
        public Task<IList<NIMIMMessage>> GetHistoryAsync(
            string id, int limit = 20, long before = 0, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            return AskFor<MsglogQueryReply, IList<NIMIMMessage>>(
                r => MsglogQueryResult.Read(r.Object(r.Result)).MsglogCollection,
                call => Ask.nim_msglog_query_msg_async(id, type, limit, before, null, call));
        }

        /// <summary>
        /// All messages of a conversation, from the newest to the oldest, fetched page by page: with
        /// "await foreach" (C# 8), or MoveNextAsync and Current of its enumerator.
        /// </summary>
        public MessageHistory GetHistory(
            string id, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P, int pageSize = 100)
        {
            return new MessageHistory(this, id, type, pageSize);
        }

        /// <summary>One stored message by its ClientMsgID; null if there is none.</summary>
        public Task<NIMIMMessage> GetMessageAsync(string clientMsgId)
        {
            return AskFor<MsglogQuerySingleReply, NIMIMMessage>(
                (r, value) => Errors.Info(r.ResCode == Errors.NotFound.Code ? Errors.Ok.Code : r.ResCode),
                r => NIMIMMessage.Deserialize(r.Result),
                call => Ask.nim_msglog_query_msg_by_id_async(clientMsgId, null, call));
        }

        /// <summary>Stores a message that is not sent, in place of one with its ClientMsgID.</summary>
        public Task InsertMessageAsync(string id, NIMIMMessage message, bool updateConversation = true)
        {
            return AskFor<MsglogResReply, bool>(
                r => true,
                call => Ask.nim_msglog_insert_msglog_async(id, message.Serialize(), updateConversation, null, call));
        }

        /// <summary>
        /// Stored messages with a piece of text in them, the newest first: of one conversation, or of all where
        /// id is null. after is the last one already known, for the next page.
        /// </summary>
        public Task<IList<NIMIMMessage>> SearchAsync(
            string text, string id = null, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P, int limit = 20,
            NIMIMMessage after = null)
        {
            var query = new MsglogSearch
            {
                QueryRange = id == null ? (int)NIMMsgLogQueryRange.kNIMMsgLogQueryRangeAll : (int)type,
                Ids = id == null ? null : new[] { id }, LimitCount = limit, SearchContent = text,
                EndClientMsgId = after == null ? null : after.ClientMsgID,
            };
            return AskFor<MsglogQueryReply, IList<NIMIMMessage>>(
                r => MsglogQueryResult.Read(r.Object(r.Result)).MsglogCollection,
                call => Ask.nim_msglog_query_msg_by_options_async_ex(query.ToJson(), call));
        }

        /// <summary>Deletes a message on this device.</summary>
        public Task DeleteMessageAsync(NIMIMMessage message)
        {
            string id = message.TalkID.Length > 0 ? message.TalkID : message.ReceiverID; // one that this program made has no TalkID
            return AskFor<MsglogResReply, bool>(
                r => true,
                call => Ask.nim_msglog_delete_async(id, message.SessionType, message.ClientMsgID, null, call));
        }

        /// <summary>Deletes the messages of a conversation on this device.</summary>
        public Task DeleteHistoryAsync(string id, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            return AskFor<MsglogResExReply, bool>(
                r => true, call => Ask.nim_msglog_batch_status_delete_async(id, type, null, call));
        }

        /// <summary>Takes a conversation off the list; its messages stay, and a new one brings it back.</summary>
        public Task DeleteConversationAsync(string id, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            return AskFor<SessionChangeReply, bool>(
                r => true, call => Ask.nim_session_delete_recent_session_async(type, id, null, call));
        }

        /// <summary>One conversation of the list; null if it is not on it.</summary>
        public Task<SessionInfo> GetConversationAsync(string id, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            return AskFor<SessionQuerySessiondataByIdReply, SessionInfo>(
                (r, value) => Errors.Info(r.Rescode == Errors.NotFound.Code ? Errors.Ok.Code : r.Rescode),
                r => r.Rescode == Errors.NotFound.Code ? null : JsonMembers.Of<SessionInfo>(r.Object(r.Result)),
                call => Ask.nim_session_query_sessiondata_by_id_async(type, id, null, call));
        }

        /// <summary>Pins a conversation on this device, or ends that.</summary>
        public Task<SessionInfo> PinConversationAsync(
            string id, bool top = true, NIMSessionType type = NIMSessionType.kNIMSessionTypeP2P)
        {
            return AskFor<SessionChangeReply, SessionInfo>(
                r => JsonMembers.Of<SessionInfo>(r.Object(r.Result)),
                call => Ask.nim_session_set_top(type, id, top, null, call));
        }
    }
}
