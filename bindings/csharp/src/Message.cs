using System;
using LibNim;
using NIM.Messagelog;
using NIM.Session;

namespace NIM
{
    /// <summary>
    /// A message. Its class says what kind it is. To send one, set SessionType, ReceiverID and the
    /// content; the library fills in the rest. A switch that is not set keeps its default.
    /// </summary>
    public abstract class NIMIMMessage : JsonMembers
    {
        private JsonMembers attachment; // what msg_attach says, once somebody has asked for it or set it

        /// <summary>A message of one kind, without content.</summary>
        protected NIMIMMessage(NIMMessageType type)
        {
            SessionType = NIMSessionType.kNIMSessionTypeP2P;
            MessageType = type;
        }

        /// <summary>The kind of conversation.</summary>
        public NIMSessionType SessionType { get { return (NIMSessionType)GetInt("to_type"); } set { Set("to_type", (long)value); } }

        /// <summary>Who sent it.</summary>
        public string SenderID { get { return Get("from_id"); } set { Set("from_id", value); } }

        /// <summary>Whom it is for: an account or a team.</summary>
        public string ReceiverID { get { return Get("to_accid"); } set { Set("to_accid", value); } }

        /// <summary>What kind of client sent it.</summary>
        public NIMClientType SenderClientType { get { return (NIMClientType)GetInt("from_client_type"); } set { Set("from_client_type", (long)value); } }

        /// <summary>The device that sent it.</summary>
        public string SenderDeviceId { get { return Get("from_device_id"); } }

        /// <summary>The nickname of the sender.</summary>
        public string SenderNickname { get { return Get("from_nick"); } }

        /// <summary>When it was sent by the server's clock, ms since 1970.</summary>
        public long TimeStamp { get { return GetLong("time"); } set { Set("time", value); } }

        /// <summary>What kind of message it is.</summary>
        public NIMMessageType MessageType { get { return (NIMMessageType)GetInt("msg_type"); } set { Set("msg_type", (long)value); } }

        /// <summary>Its text; what it means depends on the kind.</summary>
        public string Body { get { return Get("msg_body"); } set { Set("msg_body", value); } }

        /// <summary>Its id, which the sender makes. Sending the same id twice is one message.</summary>
        public string ClientMsgID { get { return Get("client_msg_id"); } set { Set("client_msg_id", value); } }

        /// <summary>Its number at the server; 0 before that has it.</summary>
        public long ServerMsgId { get { return GetLong("server_msg_id"); } }

        /// <summary>1: it is sent again.</summary>
        public int ResendFlag { get { return GetInt("resend_flag"); } set { Set("resend_flag", (long)value); } }

        /// <summary>The app's own kind of message.</summary>
        public int SubType { get { return GetInt("msg_sub_type"); } set { Set("msg_sub_type", (long)value); } }

        /// <summary>Whether it counts as unread; true unless set.</summary>
        public bool NeedCounting { get { return GetFlag("push_need_badge", true); } set { SetFlag("push_need_badge", value); } }

        /// <summary>Whether phones get a push; true unless set.</summary>
        public bool NeedPush { get { return GetFlag("push_enable", true); } set { SetFlag("push_enable", value); } }

        /// <summary>Whether the push begins with the nickname; true unless set.</summary>
        public bool NeedPushNick { get { return GetFlag("push_prefix", true); } set { SetFlag("push_prefix", value); } }

        /// <summary>Whether the server's history keeps it; true unless set.</summary>
        public bool ServerSaveHistory { get { return GetFlag("cloud_history", true); } set { SetFlag("cloud_history", value); } }

        /// <summary>Whether devices that log in later get it; true unless set.</summary>
        public bool Roaming { get { return GetFlag("roam_msg", true); } set { SetFlag("roam_msg", value); } }

        /// <summary>Whether the sender's other devices get it; true unless set.</summary>
        public bool MultiSync { get { return GetFlag("sync_msg", true); } set { SetFlag("sync_msg", value); } }

        /// <summary>Whether the app's own server gets a copy; true unless set.</summary>
        public bool Routable { get { return GetFlag("routable_msg", true); } set { SetFlag("routable_msg", value); } }

        /// <summary>Whether it waits for a receiver who is offline; true unless set.</summary>
        public bool SavedOffline { get { return GetFlag("offline_msg", true); } set { SetFlag("offline_msg", value); } }

        /// <summary>Whether it changes the list of conversations; true unless set.</summary>
        public bool UpdateSession { get { return GetFlag("is_update_session", true); } set { Set("is_update_session", value); } }

        /// <summary>The app's own text, which the receiver gets.</summary>
        public string ServerExtension { get { return Get("server_ext"); } set { Set("server_ext", value); } }

        /// <summary>The app's own text, which stays on this device.</summary>
        public string LocalExtension { get { return Get("local_ext"); } set { Set("local_ext", value); } }

        /// <summary>What the push carries, a JSON object as text.</summary>
        public string PushPayload { get { return Get("push_payload"); } set { Set("push_payload", value); } }

        /// <summary>What the push says.</summary>
        public string PushContent { get { return Get("push_content"); } set { Set("push_content", value); } }

        /// <summary>Whether it is checked for spam.</summary>
        public bool AntiSpamEnabled { get { return GetFlag("anti_spam_enable", false); } set { SetFlag("anti_spam_enable", value); } }

        /// <summary>The text for that check.</summary>
        public string AntiSpamContent { get { return Get("anti_spam_content"); } set { Set("anti_spam_content", value); } }

        /// <summary>Whether the client's word filter has matched.</summary>
        public bool ClientAntiSpamHitting { get { return GetFlag("client_anti_spam_hitting", false); } set { SetFlag("client_anti_spam_hitting", value); } }

        /// <summary>1: members of a team are asked for receipts.</summary>
        public int NeedTeamAck { get { return GetInt("team_msg_ack"); } set { Set("team_msg_ack", (long)value); } }

        /// <summary>Whether its receipt was sent.</summary>
        public bool TeamMsgAckSent { get { return GetFlag("team_msg_ack_sent", false); } }

        /// <summary>How many members have not read it.</summary>
        public int TeamMsgUnreadCount { get { return GetInt("team_msg_unread_count"); } }

        /// <summary>Where its file is on this device.</summary>
        public string LocalFilePath { get { return Get("local_res_path"); } set { Set("local_res_path", value); } }

        /// <summary>Its conversation: the other account, or the team.</summary>
        public string TalkID { get { return Get("talk_id"); } set { Set("talk_id", value); } }

        /// <summary>The id of its file.</summary>
        public string ResourceId { get { return Get("res_id"); } set { Set("res_id", value); } }

        /// <summary>What has become of it.</summary>
        public NIMMsgLogStatus MsgLogStatus { get { return (NIMMsgLogStatus)GetInt("log_status"); } set { Set("log_status", (long)value); } }

        /// <summary>Whether an audio message was played.</summary>
        public NIMMsgLogSubStatus MsgLogSubStatus { get { return (NIMMsgLogSubStatus)GetInt("log_sub_status"); } set { Set("log_sub_status", (long)value); } }

        /// <summary>The message as JSON. One without an id gets one.</summary>
        public string Serialize()
        {
            if (ClientMsgID.Length == 0) ClientMsgID = Guid.NewGuid().ToString("N");
            return ToJson();
        }

        /// <summary>Reads a message, with every member that it has; null for what is no JSON object.</summary>
        public static NIMIMMessage Deserialize(string json)
        {
            JsonObject o = JsonReader.ReadObject(json);
            return o.IsEmpty ? null : Read(o);
        }

        internal static NIMIMMessage Read(JsonObject members)
        {
            NIMIMMessage m = Create((NIMMessageType)members.Int("msg_type"));
            m.Members = members;
            return m;
        }

        private static NIMIMMessage Create(NIMMessageType type)
        {
            switch (type)
            {
                case NIMMessageType.kNIMMessageTypeText: return new NIMTextMessage();
                case NIMMessageType.kNIMMessageTypeImage: return new NIMImageMessage();
                case NIMMessageType.kNIMMessageTypeAudio: return new NIMAudioMessage();
                case NIMMessageType.kNIMMessageTypeVideo: return new NIMVideoMessage();
                case NIMMessageType.kNIMMessageTypeLocation: return new NIMLocationMessage();
                case NIMMessageType.kNIMMessageTypeNotification: return new NIMTeamNotificationMessage();
                case NIMMessageType.kNIMMessageTypeFile: return new NIMFileMessage();
                case NIMMessageType.kNIMMessageTypeTips: return new NIMTipMessage();
                case NIMMessageType.kNIMMessageTypeCustom: return new NIMCustomMessage();
                default: return new NIMUnknownMessage();
            }
        }

        internal T Attachment<T>() where T : JsonMembers, new()
        {
            if (attachment == null && Get("msg_attach").Length > 0) attachment = Of<T>(JsonReader.ReadObject(Get("msg_attach")));
            return attachment as T;
        }

        internal void SetAttachment(JsonMembers value)
        {
            attachment = value;
            if (value == null) Set("msg_attach", "");
        }

        internal override void WriteMembers(JsonWriter w)
        {
            if (attachment != null) Set("msg_attach", attachment.ToJson());
            base.WriteMembers(w);
        }
    }
}
