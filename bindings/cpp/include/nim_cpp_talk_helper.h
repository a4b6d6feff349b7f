// nim_cpp_talk_helper.h: messages, in the shapes of the NIM C++ SDK. What libnim
// adds is marked. Where the NIM SDK has a JSON value, there is its text.
#ifndef NIM_CPP_TALK_HELPER_H
#define NIM_CPP_TALK_HELPER_H

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "nim_cpp_json.h"
#include "nim_cpp_names_gen.h"

namespace nim {

// A setting that may be left to its default.
enum BoolStatus { BS_NOT_INIT = -1, BS_FALSE = 0, BS_TRUE = 1 };

// Options of a message.
struct MessageSetting {
  BoolStatus resend_flag_ = BS_NOT_INIT;
  BoolStatus server_history_saved_ = BS_NOT_INIT;
  BoolStatus roaming_ = BS_NOT_INIT;
  BoolStatus self_sync_ = BS_NOT_INIT;
  BoolStatus need_push_ = BS_NOT_INIT;
  BoolStatus push_need_badge_ = BS_NOT_INIT;  // also whether the receiver counts it as unread
  BoolStatus push_need_prefix_ = BS_NOT_INIT;
  BoolStatus routable_ = BS_NOT_INIT;
  BoolStatus need_offline_ = BS_NOT_INIT;
  std::string push_payload_;  // a JSON object
  std::string push_content_;
  std::string server_ext_;  // a JSON object; travels with the message
  std::string local_ext_;
  BoolStatus is_force_push_ = BS_NOT_INIT;
  std::list<std::string> force_push_ids_list_;
  std::string force_push_content_;
  BoolStatus anti_spam_enable_ = BS_NOT_INIT;
  std::string anti_spam_content_;
  std::string anti_apam_biz_id_;
  int anti_apam_using_yidun_ = 1;
  BoolStatus client_anti_spam_hitting_ = BS_NOT_INIT;
  BoolStatus team_msg_need_ack_ = BS_NOT_INIT;
  BoolStatus team_msg_ack_sent_ = BS_NOT_INIT;
  int team_msg_unread_count_ = -1;
  BoolStatus is_update_session_ = BS_NOT_INIT;
  std::string yidun_anti_cheating_;
};

// What a message replies to.
struct IMMessageThreadInfo {
  std::string reply_msg_from_account_;
  std::string reply_msg_to_account_;
  std::uint64_t reply_msg_time_ = 0;
  std::uint64_t reply_msg_id_server_ = 0;
  std::string reply_msg_id_client_;
  std::string thread_msg_from_account_;
  std::string thread_msg_to_account_;
  std::uint64_t thread_msg_time_ = 0;
  std::uint64_t thread_msg_id_server_ = 0;
  std::string thread_msg_id_client_;
  int deleted_ = 0;
};

// A message.
struct IMMessage {
  NIMResCode rescode_ = kNIMResSuccess;
  NIMMessageFeature feature_ = kNIMMessageFeatureDefault;

  NIMSessionType session_type_ = kNIMSessionTypeP2P;
  std::string receiver_accid_;
  std::string sender_accid_;
  std::int64_t timetag_ = 0;  // ms since 1970
  std::string content_;
  NIMMessageType type_ = kNIMMessageTypeUnknown;
  int sub_type_ = 0;
  std::string attach_;  // JSON
  std::string client_msg_id_;
  MessageSetting msg_setting_;

  std::string local_res_path_;
  std::string local_talk_id_;
  std::string local_res_id_;
  NIMMsgLogStatus status_ = kNIMMsgLogStatusNone;
  NIMMsgLogSubStatus sub_status_ = kNIMMsgLogSubStatusNone;

  IMMessageThreadInfo thread_info_;
  std::string third_party_callback_ext_;

  NIMClientType readonly_sender_client_type_ = kNIMClientTypeDefault;
  std::string readonly_sender_device_id_;
  std::string readonly_sender_nickname_;
  std::int64_t readonly_server_id_ = 0;

  IMMessage() = default;
  inline explicit IMMessage(const std::string &json_msg);

  // The message as C takes it; with use_to_send without what only the server
  // tells.
  inline std::string ToJsonString(bool use_to_send) const;
};

// The outcome of a send.
struct SendMessageArc {
  NIMResCode rescode_ = kNIMResUnknownError;
  std::string talk_id_;
  std::string msg_id_;
  std::int64_t msg_timetag_ = 0;  // the server's time of the message, ms since 1970
  std::string third_party_callback_ext_;
  std::string err_name_;  // libnim's own: the stable name of the error
  std::string err_msg_;   // libnim's own: a sentence about it
};

namespace detail {

template <class E>
bool ReadEnum(JsonReader &r, E &v) {
  int number = static_cast<int>(v);
  r.Read(number);
  v = static_cast<E>(number);
  return true;
}

// Takes true, false and numbers.
inline bool ReadStatus(JsonReader &r, BoolStatus &v) {
  RawJson raw;
  r.Read(raw);
  if (raw.text == "true" || raw.text == "1") v = BS_TRUE;
  if (raw.text == "false" || raw.text == "0") v = BS_FALSE;
  return true;
}

inline bool ReadUnsigned(JsonReader &r, std::uint64_t &v) {
  std::int64_t number = 0;
  r.Read(number);
  v = number < 0 ? 0 : static_cast<std::uint64_t>(number);
  return true;
}

}  // namespace detail

inline bool ReadMember(JsonReader &r, std::string_view key, MessageSetting &v) {
  using detail::ReadStatus;
  if (key == kNIMMsgKeyHistorySave) return ReadStatus(r, v.server_history_saved_);
  if (key == kNIMMsgKeyMsgRoaming) return ReadStatus(r, v.roaming_);
  if (key == kNIMMsgKeyMsgSync) return ReadStatus(r, v.self_sync_);
  if (key == kNIMMsgKeyPushNeedBadge) return ReadStatus(r, v.push_need_badge_);
  if (key == kNIMMsgKeyPushEnable) return ReadStatus(r, v.need_push_);
  if (key == kNIMMsgKeyPushNeedPrefix) return ReadStatus(r, v.push_need_prefix_);
  if (key == kNIMMsgKeyResendFlag) return ReadStatus(r, v.resend_flag_);
  if (key == kNIMMsgKeyMsgRoutable) return ReadStatus(r, v.routable_);
  if (key == kNIMMsgKeySetMsgOffline) return ReadStatus(r, v.need_offline_);
  if (key == kNIMMsgKeyIsForcePush) return ReadStatus(r, v.is_force_push_);
  if (key == kNIMMsgKeyAntiSpamEnable) return ReadStatus(r, v.anti_spam_enable_);
  if (key == kNIMMsgKeyClientAntiSpam) return ReadStatus(r, v.client_anti_spam_hitting_);
  if (key == kNIMMsgKeyTeamMsgAck) return ReadStatus(r, v.team_msg_need_ack_);
  if (key == kNIMMsgKeyLocalKeyTeamMsgAckSent) return ReadStatus(r, v.team_msg_ack_sent_);
  if (key == kNIMMsgKeyIsUpdateSession) return ReadStatus(r, v.is_update_session_);
  if (key == kNIMMsgKeyAntiSpamUsingYiDun) return r.Read(v.anti_apam_using_yidun_), true;
  if (key == kNIMMsgKeyLocalKeyTeamMsgUnreadCount) return r.Read(v.team_msg_unread_count_), true;
  if (key == kNIMMsgKeyPushPayload) return r.Read(v.push_payload_), true;
  if (key == kNIMMsgKeyPushContent) return r.Read(v.push_content_), true;
  if (key == kNIMMsgKeyServerExt) return r.Read(v.server_ext_), true;
  if (key == kNIMMsgKeyLocalExt) return r.Read(v.local_ext_), true;
  if (key == kNIMMsgKeyForcePushContent) return r.Read(v.force_push_content_), true;
  if (key == kNIMMsgKeyAntiSpamContent) return r.Read(v.anti_spam_content_), true;
  if (key == kNIMMsgKeyAntiSpamBizId) return r.Read(v.anti_apam_biz_id_), true;
  if (key == kNIMMsgKeyYiDunAntiCheating) return r.Read(v.yidun_anti_cheating_), true;
  if (key != kNIMMsgKeyForcePushList) return false;
  std::string text;  // a JSON array inside a text
  r.Read(text);
  std::vector<std::string> accounts;
  JsonReader(text).Read(accounts);
  v.force_push_ids_list_.assign(accounts.begin(), accounts.end());
  return true;
}

inline bool ReadMember(JsonReader &r, std::string_view key, IMMessageThreadInfo &v) {
  using detail::ReadUnsigned;
  if (key == kNIMMsgKeyReplyMsgFromAccount) return r.Read(v.reply_msg_from_account_), true;
  if (key == kNIMMsgKeyReplyMsgToAccount) return r.Read(v.reply_msg_to_account_), true;
  if (key == kNIMMsgKeyReplyMsgTime) return ReadUnsigned(r, v.reply_msg_time_);
  if (key == kNIMMsgKeyReplyMsgIdServer) return ReadUnsigned(r, v.reply_msg_id_server_);
  if (key == kNIMMsgKeyReplyMsgIdClient) return r.Read(v.reply_msg_id_client_), true;
  if (key == kNIMMsgKeyThreadMsgFromAccount) return r.Read(v.thread_msg_from_account_), true;
  if (key == kNIMMsgKeyThreadMsgToAccount) return r.Read(v.thread_msg_to_account_), true;
  if (key == kNIMMsgKeyThreadMsgTime) return ReadUnsigned(r, v.thread_msg_time_);
  if (key == kNIMMsgKeyThreadMsgIdServer) return ReadUnsigned(r, v.thread_msg_id_server_);
  if (key == kNIMMsgKeyThreadMsgIdClient) return r.Read(v.thread_msg_id_client_), true;
  if (key == kNIMMsgKeyDeleted) return r.Read(v.deleted_), true;
  return false;
}

inline bool ReadMember(JsonReader &r, std::string_view key, IMMessage &v) {
  using detail::ReadEnum;
  if (key == kNIMMsgKeyToType) return ReadEnum(r, v.session_type_);
  if (key == kNIMMsgKeyToAccount) return r.Read(v.receiver_accid_), true;
  if (key == kNIMMsgKeyFromAccount) return r.Read(v.sender_accid_), true;
  if (key == kNIMMsgKeyFromClientType) return ReadEnum(r, v.readonly_sender_client_type_);
  if (key == kNIMMsgKeyFromDeviceId) return r.Read(v.readonly_sender_device_id_), true;
  if (key == kNIMMsgKeyFromNick) return r.Read(v.readonly_sender_nickname_), true;
  if (key == kNIMMsgKeyTime) return r.Read(v.timetag_), true;
  if (key == kNIMMsgKeyType) return ReadEnum(r, v.type_);
  if (key == kNIMMsgKeySubType) return r.Read(v.sub_type_), true;
  if (key == kNIMMsgKeyBody) return r.Read(v.content_), true;
  if (key == kNIMMsgKeyAttach) return r.Read(v.attach_), true;
  if (key == kNIMMsgKeyClientMsgid) return r.Read(v.client_msg_id_), true;
  if (key == kNIMMsgKeyServerMsgid) return r.Read(v.readonly_server_id_), true;
  if (key == kNIMMsgKeyLocalFilePath) return r.Read(v.local_res_path_), true;
  if (key == kNIMMsgKeyLocalTalkId) return r.Read(v.local_talk_id_), true;
  if (key == kNIMMsgKeyLocalResId) return r.Read(v.local_res_id_), true;
  if (key == kNIMMsgKeyLocalLogStatus) return ReadEnum(r, v.status_);
  if (key == kNIMMsgKeyLocalLogSubStatus) return ReadEnum(r, v.sub_status_);
  if (key == kNIMMsgKeyThreadInfo) return r.Read(v.thread_info_), true;
  if (key == kNIMMsgKeyThirdPartyCBEXT) return r.Read(v.third_party_callback_ext_), true;
  return ReadMember(r, key, v.msg_setting_);
}

inline bool ReadMember(JsonReader &r, std::string_view key, SendMessageArc &v) {
  if (key == "msg_id") return r.Read(v.msg_id_), true;
  if (key == "talk_id") return r.Read(v.talk_id_), true;
  if (key == "rescode") return detail::ReadEnum(r, v.rescode_);
  if (key == "msg_timetag") return r.Read(v.msg_timetag_), true;
  if (key == kNIMMsgKeyThirdPartyCBEXT) return r.Read(v.third_party_callback_ext_), true;
  if (key == "err_name") return r.Read(v.err_name_), true;
  if (key == "err_msg") return r.Read(v.err_msg_), true;
  return false;
}

namespace detail {

inline void WriteText(JsonWriter &w, const char *key, const std::string &v) {
  if (!v.empty()) w.Member(key, v);
}

inline void WriteStatus(JsonWriter &w, const char *key, BoolStatus v) {
  if (v != BS_NOT_INIT) w.Member(key, v == BS_TRUE ? 1 : 0);
}

inline void WriteNumber(JsonWriter &w, const char *key, std::uint64_t v) {
  if (v != 0) w.Member(key, static_cast<std::int64_t>(v));
}

inline void WriteSetting(JsonWriter &w, const MessageSetting &v) {
  WriteStatus(w, kNIMMsgKeyHistorySave, v.server_history_saved_);
  WriteStatus(w, kNIMMsgKeyMsgRoaming, v.roaming_);
  WriteStatus(w, kNIMMsgKeyMsgSync, v.self_sync_);
  WriteStatus(w, kNIMMsgKeyPushNeedBadge, v.push_need_badge_);
  WriteStatus(w, kNIMMsgKeyPushEnable, v.need_push_);
  WriteStatus(w, kNIMMsgKeyPushNeedPrefix, v.push_need_prefix_);
  WriteStatus(w, kNIMMsgKeyResendFlag, v.resend_flag_);
  WriteStatus(w, kNIMMsgKeyMsgRoutable, v.routable_);
  WriteStatus(w, kNIMMsgKeySetMsgOffline, v.need_offline_);
  WriteStatus(w, kNIMMsgKeyIsForcePush, v.is_force_push_);
  WriteStatus(w, kNIMMsgKeyAntiSpamEnable, v.anti_spam_enable_);
  WriteStatus(w, kNIMMsgKeyClientAntiSpam, v.client_anti_spam_hitting_);
  WriteStatus(w, kNIMMsgKeyTeamMsgAck, v.team_msg_need_ack_);
  WriteText(w, kNIMMsgKeyPushPayload, v.push_payload_);
  WriteText(w, kNIMMsgKeyPushContent, v.push_content_);
  WriteText(w, kNIMMsgKeyServerExt, v.server_ext_);
  WriteText(w, kNIMMsgKeyLocalExt, v.local_ext_);
  WriteText(w, kNIMMsgKeyForcePushContent, v.force_push_content_);
  WriteText(w, kNIMMsgKeyAntiSpamContent, v.anti_spam_content_);
  WriteText(w, kNIMMsgKeyAntiSpamBizId, v.anti_apam_biz_id_);
  WriteText(w, kNIMMsgKeyYiDunAntiCheating, v.yidun_anti_cheating_);
  if (v.anti_apam_using_yidun_ != 1) w.Member(kNIMMsgKeyAntiSpamUsingYiDun, v.anti_apam_using_yidun_);
  if (v.is_update_session_ != BS_NOT_INIT) w.Member(kNIMMsgKeyIsUpdateSession, v.is_update_session_ == BS_TRUE);
  if (v.force_push_ids_list_.empty()) return;
  JsonWriter list;
  list.Begin();
  list.Member("", std::vector<std::string>(v.force_push_ids_list_.begin(), v.force_push_ids_list_.end()));
  const std::string text = list.Take();
  w.Member(kNIMMsgKeyForcePushList, text.substr(text.find('[')));
}

struct WrittenThread {
  const IMMessageThreadInfo &info;
};
inline void Write(JsonWriter &w, const WrittenThread &t) {
  const auto &v = t.info;
  w.Begin();
  WriteText(w, kNIMMsgKeyReplyMsgFromAccount, v.reply_msg_from_account_);
  WriteText(w, kNIMMsgKeyReplyMsgToAccount, v.reply_msg_to_account_);
  WriteNumber(w, kNIMMsgKeyReplyMsgTime, v.reply_msg_time_);
  WriteNumber(w, kNIMMsgKeyReplyMsgIdServer, v.reply_msg_id_server_);
  WriteText(w, kNIMMsgKeyReplyMsgIdClient, v.reply_msg_id_client_);
  WriteText(w, kNIMMsgKeyThreadMsgFromAccount, v.thread_msg_from_account_);
  WriteText(w, kNIMMsgKeyThreadMsgToAccount, v.thread_msg_to_account_);
  WriteNumber(w, kNIMMsgKeyThreadMsgTime, v.thread_msg_time_);
  WriteNumber(w, kNIMMsgKeyThreadMsgIdServer, v.thread_msg_id_server_);
  WriteText(w, kNIMMsgKeyThreadMsgIdClient, v.thread_msg_id_client_);
  w.End();
}

// A received message: its own object is in "content", but for those that are
// given bare.
struct Received {
  IMMessage message;
};
inline bool ReadMember(JsonReader &r, std::string_view key, Received &v) {
  if (key == kNIMMsgKeyLocalReceiveMsgContent) return r.Read(v.message), true;
  if (key == kNIMMsgKeyLocalRescode) return ReadEnum(r, v.message.rescode_);
  if (key == kNIMMsgKeyLocalMsgFeature) return ReadEnum(r, v.message.feature_);
  return nim::ReadMember(r, key, v.message);
}

}  // namespace detail

inline IMMessage::IMMessage(const std::string &json_msg) { JsonReader(json_msg).Read(*this); }

inline std::string IMMessage::ToJsonString(bool use_to_send) const {
  using namespace detail;
  JsonWriter w;
  w.Begin();
  w.Member(kNIMMsgKeyToType, static_cast<int>(session_type_));
  w.Member(kNIMMsgKeyToAccount, receiver_accid_);
  w.Member(kNIMMsgKeyType, static_cast<int>(type_));
  w.Member(kNIMMsgKeyBody, content_);
  w.Member(kNIMMsgKeyAttach, attach_);
  w.Member(kNIMMsgKeyClientMsgid, client_msg_id_);
  if (sub_type_ > 0) w.Member(kNIMMsgKeySubType, sub_type_);
  if (timetag_ > 0) w.Member(kNIMMsgKeyTime, timetag_);
  WriteText(w, kNIMMsgKeyFromAccount, sender_accid_);
  WriteText(w, kNIMMsgKeyLocalFilePath, local_res_path_);
  WriteText(w, kNIMMsgKeyLocalTalkId, local_talk_id_);
  WriteText(w, kNIMMsgKeyLocalResId, local_res_id_);
  w.Member(kNIMMsgKeyLocalLogStatus, static_cast<int>(status_));
  w.Member(kNIMMsgKeyLocalLogSubStatus, static_cast<int>(sub_status_));
  WriteSetting(w, msg_setting_);
  w.Object(kNIMMsgKeyThreadInfo, WrittenThread{thread_info_});
  if (!use_to_send) {
    w.Member(kNIMMsgKeyFromClientType, static_cast<int>(readonly_sender_client_type_));
    WriteText(w, kNIMMsgKeyFromDeviceId, readonly_sender_device_id_);
    WriteText(w, kNIMMsgKeyFromNick, readonly_sender_nickname_);
    if (readonly_server_id_ > 0) w.Member(kNIMMsgKeyServerMsgid, readonly_server_id_);
    WriteText(w, kNIMMsgKeyThirdPartyCBEXT, third_party_callback_ext_);
  }
  w.End();
  return w.Take();
}

}  // namespace nim

#endif
