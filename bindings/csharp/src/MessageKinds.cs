using LibNim;

namespace NIM
{
    /// <summary>A text.</summary>
    public class NIMTextMessage : NIMIMMessage
    {
        /// <summary>An empty one, to be filled.</summary>
        public NIMTextMessage() : base(NIMMessageType.kNIMMessageTypeText) { }

        /// <summary>The text.</summary>
        public string TextContent { get { return Body; } set { Body = value; } }
    }

    /// <summary>A hint that is shown between messages.</summary>
    public class NIMTipMessage : NIMIMMessage
    {
        /// <summary>An empty one, to be filled.</summary>
        public NIMTipMessage() : base(NIMMessageType.kNIMMessageTypeTips) { }

        /// <summary>The text.</summary>
        public string TextContent { get { return Body; } set { Body = value; } }

        /// <summary>What the app adds.</summary>
        public string Attachment { get { return Get("msg_attach"); } set { Set("msg_attach", value); } }
    }

    /// <summary>
    /// A message of the app's own. What CustomContent gives as ToString travels, so a text as it is and
    /// a JsonPayload as JSON; a received one has it as text.
    /// </summary>
    public class NIMCustomMessage<T> : NIMIMMessage where T : class
    {
        private T content;

        /// <summary>An empty one, to be filled.</summary>
        public NIMCustomMessage() : base(NIMMessageType.kNIMMessageTypeCustom) { }

        /// <summary>The content.</summary>
        public virtual T CustomContent { get { return content ?? (object)Get("msg_attach") as T; } set { content = value; } }

        /// <summary>A text beside it.</summary>
        public string Extention { get { return Body; } set { Body = value; } }

        internal override void WriteMembers(JsonWriter w)
        {
            if (CustomContent != null) Set("msg_attach", CustomContent.ToString());
            base.WriteMembers(w);
        }
    }

    /// <summary>A message of the app's own, whose content is a text.</summary>
    public class NIMCustomMessage : NIMCustomMessage<object>
    {
        /// <summary>The content as text.</summary>
        public string Content { get { return (CustomContent ?? "").ToString(); } set { CustomContent = value; } }
    }

    /// <summary>What is told of a file.</summary>
    public class NIMMessageAttachment : JsonMembers
    {
        /// <summary>Its MD5 in hex digits.</summary>
        public string MD5 { get { return Get("md5"); } set { Set("md5", value); } }

        /// <summary>Its length in bytes.</summary>
        public long Size { get { return GetLong("size"); } set { Set("size", value); } }

        /// <summary>Where it can be fetched.</summary>
        public string RemoteUrl { get { return Get("url"); } set { Set("url", value); } }

        /// <summary>The name to show.</summary>
        public string DisplayName { get { return Get("name"); } set { Set("name", value); } }

        /// <summary>The end of its name, without the dot.</summary>
        public string FileExtension { get { return Get("ext"); } set { Set("ext", value); } }

        /// <summary>Its id on this device.</summary>
        public string LocalResID { get { return Get("res_id"); } set { Set("res_id", value); } }

        /// <summary>What it is uploaded for.</summary>
        public string UploadTag { get { return Get("upload_tag"); } set { Set("upload_tag", value); } }
    }

    /// <summary>What is told of a picture.</summary>
    public class NIMImageAttachment : NIMMessageAttachment
    {
        /// <summary>Pixels from left to right.</summary>
        public int Width { get { return GetInt("w"); } set { Set("w", (long)value); } }

        /// <summary>Pixels from top to bottom.</summary>
        public int Height { get { return GetInt("h"); } set { Set("h", (long)value); } }
    }

    /// <summary>A picture.</summary>
    public class NIMImageMessage : NIMIMMessage
    {
        /// <summary>An empty one, to be filled.</summary>
        public NIMImageMessage() : base(NIMMessageType.kNIMMessageTypeImage) { }

        /// <summary>The picture.</summary>
        public NIMImageAttachment ImageAttachment { get { return Attachment<NIMImageAttachment>(); } set { SetAttachment(value); } }
    }

    /// <summary>What is told of a recording.</summary>
    public class NIMAudioAttachment : NIMMessageAttachment
    {
        /// <summary>How long it is, ms.</summary>
        public int Duration { get { return GetInt("dur"); } set { Set("dur", (long)value); } }
    }

    /// <summary>A recording.</summary>
    public class NIMAudioMessage : NIMIMMessage
    {
        /// <summary>An empty one, to be filled.</summary>
        public NIMAudioMessage() : base(NIMMessageType.kNIMMessageTypeAudio) { }

        /// <summary>The recording.</summary>
        public NIMAudioAttachment AudioAttachment { get { return Attachment<NIMAudioAttachment>(); } set { SetAttachment(value); } }
    }

    /// <summary>What is told of a video.</summary>
    public class NIMVideoAttachment : NIMImageAttachment
    {
        /// <summary>How long it is, ms.</summary>
        public int Duration { get { return GetInt("dur"); } set { Set("dur", (long)value); } }
    }

    /// <summary>A video.</summary>
    public class NIMVideoMessage : NIMIMMessage
    {
        /// <summary>An empty one, to be filled.</summary>
        public NIMVideoMessage() : base(NIMMessageType.kNIMMessageTypeVideo) { }

        /// <summary>The video.</summary>
        public NIMVideoAttachment VideoAttachment { get { return Attachment<NIMVideoAttachment>(); } set { SetAttachment(value); } }
    }

    /// <summary>A file.</summary>
    public class NIMFileMessage : NIMIMMessage
    {
        /// <summary>An empty one, to be filled.</summary>
        public NIMFileMessage() : base(NIMMessageType.kNIMMessageTypeFile) { }

        /// <summary>The file.</summary>
        public NIMMessageAttachment FileAttachment { get { return Attachment<NIMMessageAttachment>(); } set { SetAttachment(value); } }
    }

    /// <summary>What is told of a place.</summary>
    public class NIMLocationMsgInfo : JsonMembers
    {
        /// <summary>Its name.</summary>
        public string Description { get { return Get("title"); } set { Set("title", value); } }

        /// <summary>Degrees to the north.</summary>
        public double Latitude { get { return Members.Real("lat"); } set { Set("lat", value); } }

        /// <summary>Degrees to the east.</summary>
        public double Longitude { get { return Members.Real("lng"); } set { Set("lng", value); } }
    }

    /// <summary>A place.</summary>
    public class NIMLocationMessage : NIMIMMessage
    {
        /// <summary>An empty one, to be filled.</summary>
        public NIMLocationMessage() : base(NIMMessageType.kNIMMessageTypeLocation) { }

        /// <summary>The place.</summary>
        public NIMLocationMsgInfo LocationInfo { get { return Attachment<NIMLocationMsgInfo>(); } set { SetAttachment(value); } }
    }

    /// <summary>Tells the members of a team that something happened in it.</summary>
    public class NIMTeamNotificationMessage : NIMIMMessage
    {
        internal NIMTeamNotificationMessage() : base(NIMMessageType.kNIMMessageTypeNotification) { }

        /// <summary>What happened, a JSON object.</summary>
        public string NotificationJson { get { return Get("msg_attach"); } }
    }

    /// <summary>A message of a kind that this program does not know.</summary>
    public class NIMUnknownMessage : NIMIMMessage
    {
        internal NIMUnknownMessage() : base(NIMMessageType.kNIMMessageTypeUnknown) { }

        /// <summary>All that came, as JSON.</summary>
        public string RawMessage { get { return ToJson(); } }
    }
}
