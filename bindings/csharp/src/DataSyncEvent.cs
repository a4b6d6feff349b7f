namespace LibNim
{
    /// <summary>The end of one sync after a login.</summary>
    public sealed class DataSyncEvent
    {
        /// <summary>What was synced.</summary>
        public NIM.NIMDataSyncType Type { get; internal set; }

        /// <summary>Always complete.</summary>
        public NIM.NIMDataSyncStatus Status { get; internal set; }

        /// <summary>What belongs to it: of teams a JSON array, of one team or conversation its id, or "".</summary>
        public string Attachment { get; internal set; }

        internal static DataSyncEvent Of(DataSyncReply r)
        {
            return new DataSyncEvent { Type = r.SyncType, Status = r.Status, Attachment = r.JsonAttachment };
        }
    }
}
