/* The layout of every struct that crosses the ABI, as the compilers of existing
 * programs lay it out. Compiled only, for each target; see run.sh. */
#include "nim_c_api.h"

#include <stddef.h>

#define JOIN(a, b) a##b
#define NAME(line) JOIN(layout_, line)
#define CHECK(condition) typedef char NAME(__LINE__)[(condition) ? 1 : -1]

/* 64-bit integers are aligned to 4 bytes by the 32-bit System V ABI alone. */
#if defined(__i386__) && !defined(_WIN32)
#define LONG_ALIGN 4
#else
#define LONG_ALIGN 8
#endif
#define ALIGNED(n, to) (((n) + (to) - 1) / (to) * (to))
#define P sizeof(void *)
#define L(n) ALIGNED(n, LONG_ALIGN)
#define AT(type, member, offset) CHECK(offsetof(type, member) == (offset))
#define SIZE(type, size) CHECK(sizeof(type) == (size))

SIZE(nim_bool, 1);
SIZE(nim_bool_reg, 1);
SIZE(nim_int64, 8);
SIZE(nim_uint64, 8);
SIZE(nim_uint32, 4);
SIZE(enum NIMResCode, 4);
SIZE(enum NIMSessionType, 4);
SIZE(enum LogsBackupRemoteState, 4);

/* by value */
SIZE(NIMQueryMsgOnlineAsyncParam, P == 8 ? 56 : 48);
AT(NIMQueryMsgOnlineAsyncParam, to_type, 0);
AT(NIMQueryMsgOnlineAsyncParam, limit_count, 4);
AT(NIMQueryMsgOnlineAsyncParam, from_time, 8);
AT(NIMQueryMsgOnlineAsyncParam, end_time, 16);
AT(NIMQueryMsgOnlineAsyncParam, end_msg_id, 24);
AT(NIMQueryMsgOnlineAsyncParam, reverse, 32);
AT(NIMQueryMsgOnlineAsyncParam, need_save_to_local, 33);
AT(NIMQueryMsgOnlineAsyncParam, auto_download_attachment, 34);
AT(NIMQueryMsgOnlineAsyncParam, msg_type_list, P == 8 ? 40 : 36);
AT(NIMQueryMsgOnlineAsyncParam, msg_type_list_length, P == 8 ? 48 : 40);
AT(NIMQueryMsgOnlineAsyncParam, is_exclusion_type, P == 8 ? 52 : 44);

SIZE(NIMQueryMsgByKeywordOnlineAsyncParam, L(25));
AT(NIMQueryMsgByKeywordOnlineAsyncParam, limit_count, 4);
AT(NIMQueryMsgByKeywordOnlineAsyncParam, from_time, 8);
AT(NIMQueryMsgByKeywordOnlineAsyncParam, end_time, 16);
AT(NIMQueryMsgByKeywordOnlineAsyncParam, reverse, 24);

/* by reference */
SIZE(nim_talk_recall_extra_params, 5 * P);
AT(nim_talk_recall_extra_params, attach, 4 * P);

SIZE(NIMQueryMsgAsyncParam, L(260) + 144);
AT(NIMQueryMsgAsyncParam, from_account, 4);
AT(NIMQueryMsgAsyncParam, to_account, 132);
AT(NIMQueryMsgAsyncParam, server_id, L(260));
AT(NIMQueryMsgAsyncParam, client_id, L(260) + 8);
AT(NIMQueryMsgAsyncParam, msg_timetag, L(260) + 136);

SIZE(NIMQueryThreadHistoryMsgAsyncParam, 32);
AT(NIMQueryThreadHistoryMsgAsyncParam, exclude_msg_id, 16);
AT(NIMQueryThreadHistoryMsgAsyncParam, limit, 24);
AT(NIMQueryThreadHistoryMsgAsyncParam, reverse, 28);

/* by pointer */
SIZE(SessionMainTagInfo, 68);
AT(SessionMainTagInfo, to_type, 64);

SIZE(SessionRoamMsgHasMoreTagInfo, L(68) + 16);
AT(SessionRoamMsgHasMoreTagInfo, message_time_tag, L(68));
AT(SessionRoamMsgHasMoreTagInfo, message_server_id, L(68) + 8);

SIZE(NIMDeleteSessionHistoryMessagesNotifyInfo, L(132) + 8 + 1024);
AT(NIMDeleteSessionHistoryMessagesNotifyInfo, id, 4);
AT(NIMDeleteSessionHistoryMessagesNotifyInfo, time, L(132));
AT(NIMDeleteSessionHistoryMessagesNotifyInfo, ext, L(132) + 8);

SIZE(NIMDeleteMessagesSelfParam, L(260) + 144 + 1024);
AT(NIMDeleteMessagesSelfParam, from_account, 4);
AT(NIMDeleteMessagesSelfParam, to_account, 132);
AT(NIMDeleteMessagesSelfParam, server_id, L(260));
AT(NIMDeleteMessagesSelfParam, client_id, L(260) + 8);
AT(NIMDeleteMessagesSelfParam, msg_timetag, L(260) + 136);
AT(NIMDeleteMessagesSelfParam, ext, L(260) + 144);

SIZE(NIMLogsBackupExportInfo, 8 * P);
AT(NIMLogsBackupExportInfo, encrypt_key_, 2 * P);
AT(NIMLogsBackupExportInfo, user_data_, 7 * P);

SIZE(NIMLogsBackupImportInfo, 6 * P);
AT(NIMLogsBackupImportInfo, user_data_, 5 * P);

/* Signalling: every struct goes by pointer. Events begin with the members of
 * NIMSignalingNotifyInfo. */
#define CHANNEL sizeof(NIMSignalingChannelInfo)
#define EVENT sizeof(NIMSignalingNotifyInfo)

SIZE(NIMSignalingChannelInfo, P == 8 ? 64 : 40);
AT(NIMSignalingChannelInfo, channel_type_, 0);
AT(NIMSignalingChannelInfo, channel_name_, P);
AT(NIMSignalingChannelInfo, channel_id_, 2 * P);
AT(NIMSignalingChannelInfo, channel_ext_, 3 * P);
AT(NIMSignalingChannelInfo, create_timestamp_, 4 * P);
AT(NIMSignalingChannelInfo, expire_timestamp_, 4 * P + 8);
AT(NIMSignalingChannelInfo, creator_id_, 4 * P + 16);
AT(NIMSignalingChannelInfo, invalid_, 5 * P + 16);

SIZE(NIMSignalingMemberInfo, L(P) + 24);
AT(NIMSignalingMemberInfo, uid_, L(P));
AT(NIMSignalingMemberInfo, create_timestamp_, L(P) + 8);
AT(NIMSignalingMemberInfo, expire_timestamp_, L(P) + 16);

SIZE(NIMSignalingChannelDetailedinfo, CHANNEL + 2 * P);
AT(NIMSignalingChannelDetailedinfo, members_, CHANNEL);
AT(NIMSignalingChannelDetailedinfo, member_size_, CHANNEL + P);

SIZE(NIMSignalingPushInfo, 5 * P);
AT(NIMSignalingPushInfo, push_title_, P);
AT(NIMSignalingPushInfo, need_badge_, 4 * P);

SIZE(NIMSignalingNotifyInfo, L(L(4) + CHANNEL + 2 * P) + 8);
AT(NIMSignalingNotifyInfo, channel_info_, L(4));
AT(NIMSignalingNotifyInfo, from_account_id_, L(4) + CHANNEL);
AT(NIMSignalingNotifyInfo, custom_info_, L(4) + CHANNEL + P);
AT(NIMSignalingNotifyInfo, timestamp_, L(L(4) + CHANNEL + 2 * P));

SIZE(NIMSignalingNotifyInfoClose, EVENT);
SIZE(NIMSignalingNotifyInfoLeave, EVENT);
SIZE(NIMSignalingNotifyInfoControl, EVENT);
AT(NIMSignalingNotifyInfoClose, timestamp_, EVENT - 8);
AT(NIMSignalingNotifyInfoLeave, timestamp_, EVENT - 8);
AT(NIMSignalingNotifyInfoControl, timestamp_, EVENT - 8);
SIZE(NIMSignalingNotifyInfoJoin, EVENT + sizeof(NIMSignalingMemberInfo));
AT(NIMSignalingNotifyInfoJoin, member_, EVENT);
SIZE(NIMSignalingNotifyInfoInvite, L(EVENT + 7 * P));
AT(NIMSignalingNotifyInfoInvite, to_account_id_, EVENT);
AT(NIMSignalingNotifyInfoInvite, request_id_, EVENT + P);
AT(NIMSignalingNotifyInfoInvite, push_info_, EVENT + 2 * P);
SIZE(NIMSignalingNotifyInfoCancelInvite, L(EVENT + 2 * P));
AT(NIMSignalingNotifyInfoCancelInvite, request_id_, EVENT + P);
SIZE(NIMSignalingNotifyInfoReject, L(EVENT + 2 * P));
AT(NIMSignalingNotifyInfoReject, request_id_, EVENT + P);
SIZE(NIMSignalingNotifyInfoAccept, L(EVENT + 2 * P));
AT(NIMSignalingNotifyInfoAccept, request_id_, EVENT + P);

SIZE(NIMSignalingCreateParam, 3 * P);
AT(NIMSignalingCreateParam, channel_ext_, 2 * P);
SIZE(NIMSignalingCreateResParam, CHANNEL);
SIZE(NIMSignalingCloseParam, 3 * P);
AT(NIMSignalingCloseParam, offline_enabled_, 2 * P);
SIZE(NIMSignalingJoinParam, L(L(2 * P) + 9));
AT(NIMSignalingJoinParam, uid_, L(2 * P));
AT(NIMSignalingJoinParam, offline_enabled_, L(2 * P) + 8);
SIZE(NIMSignalingJoinResParam, sizeof(NIMSignalingChannelDetailedinfo));
SIZE(NIMSignalingLeaveParam, 3 * P);
AT(NIMSignalingLeaveParam, offline_enabled_, 2 * P);
SIZE(NIMSignalingQueryChannelInfoParam, P);
SIZE(NIMSignalingQueryChannelInfoResParam, sizeof(NIMSignalingChannelDetailedinfo));
SIZE(NIMSignalingCallParam, L(L(3 * P) + 8 + 9 * P));
AT(NIMSignalingCallParam, channel_ext_, 2 * P);
AT(NIMSignalingCallParam, uid_, L(3 * P));
AT(NIMSignalingCallParam, account_id_, L(3 * P) + 8);
AT(NIMSignalingCallParam, offline_enabled_, L(3 * P) + 8 + 3 * P);
AT(NIMSignalingCallParam, push_info_, L(3 * P) + 8 + 4 * P);
SIZE(NIMSignalingInviteParam, 10 * P);
AT(NIMSignalingInviteParam, offline_enabled_, 4 * P);
AT(NIMSignalingInviteParam, push_info_, 5 * P);
SIZE(NIMSignalingCancelInviteParam, 5 * P);
AT(NIMSignalingCancelInviteParam, offline_enabled_, 4 * P);
SIZE(NIMSignalingRejectParam, 5 * P);
AT(NIMSignalingRejectParam, offline_enabled_, 4 * P);
SIZE(NIMSignalingAcceptParam, L(L(4 * P + 2) + 8 + P));
AT(NIMSignalingAcceptParam, accept_custom_info_, 3 * P);
AT(NIMSignalingAcceptParam, auto_join_, 4 * P + 1);
AT(NIMSignalingAcceptParam, uid_, L(4 * P + 2));
AT(NIMSignalingAcceptParam, join_custom_info_, L(4 * P + 2) + 8);
SIZE(NIMSignalingControlParam, 3 * P);
AT(NIMSignalingControlParam, custom_info_, 2 * P);
