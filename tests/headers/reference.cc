// The functions that take references in C++, in the global namespace.
#include "nim_c_api.h"
#include "nimx.h"

static void on_thread(int, const char *, int, nim_uint64, const char *, const void *) {}

void use() {
    nim_talk_recall_extra_params extra = nim_talk_recall_extra_params();
    NIMQueryMsgAsyncParam one = NIMQueryMsgAsyncParam();
    NIMQueryThreadHistoryMsgAsyncParam thread = NIMQueryThreadHistoryMsgAsyncParam();
    NIMQueryMsgOnlineAsyncParam value = NIMQueryMsgOnlineAsyncParam();

    nim_talk_recall_msg_ex("{}", "", 0, extra, 0);
    nim_msglog_query_message_online(one, 0, 0);
    nim_msglog_query_thread_history_msg("{}", thread, on_thread, 0);
    nim_msglog_query_msg_online_async2("id", value, 0, 0);
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
}
