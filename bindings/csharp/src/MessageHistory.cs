using System.Collections.Generic;
using System.Threading.Tasks;
using NIM;
using NIM.Session;

namespace LibNim
{
    /// <summary>
    /// The messages of a conversation, from the newest to the oldest. It has the members that
    /// "await foreach" looks for, on every framework.
    /// </summary>
    public sealed class MessageHistory
    {
        private readonly Client client;
        private readonly string id;
        private readonly NIMSessionType type;
        private readonly int pageSize;

        internal MessageHistory(Client client, string id, NIMSessionType type, int pageSize)
        {
            this.client = client;
            this.id = id;
            this.type = type;
            this.pageSize = pageSize;
        }

        /// <summary>A way through the messages, from the newest on.</summary>
        public Enumerator GetAsyncEnumerator() { return new Enumerator(this); }

        /// <summary>A way through the messages. One MoveNextAsync at a time.</summary>
        public sealed class Enumerator
        {
            private readonly MessageHistory history;
            private IList<NIMIMMessage> page = new NIMIMMessage[0];
            private int at = -1;
            private bool last;

            internal Enumerator(MessageHistory history) { this.history = history; }

            /// <summary>The message that MoveNextAsync has gone to.</summary>
            public NIMIMMessage Current { get { return page[at]; } }

            /// <summary>Goes to the next older message; false: there is none.</summary>
            public async Task<bool> MoveNextAsync()
            {
                if (at + 1 >= page.Count && !last)
                {
                    // A page never ends inside messages of one time, so the next one begins below it.
                    long before = page.Count == 0 ? 0 : page[page.Count - 1].TimeStamp;
                    page = await history.client.GetHistoryAsync(history.id, history.pageSize, before, history.type)
                        .ConfigureAwait(false);
                    last = page.Count < history.pageSize;
                    at = -1;
                }
                if (at + 1 >= page.Count) return false;
                at++;
                return true;
            }
        }
    }
}
