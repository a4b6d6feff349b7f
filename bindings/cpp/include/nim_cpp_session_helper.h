// nim_cpp_session_helper.h: the list of conversations, in the shapes of the NIM
// C++ SDK.
#ifndef NIM_CPP_SESSION_HELPER_H
#define NIM_CPP_SESSION_HELPER_H

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "nim_cpp_talk_helper.h"

namespace nim {

struct StickTopSessionInfo {
  bool top_ = false;
  std::string id_;
  NIMSessionType type_ = kNIMSessionTypeP2P;
  std::string ext_;
  std::int64_t create_time_ = 0;
  std::int64_t update_time_ = 0;
};

struct SessionData {
  std::string id_;
  NIMSessionType type_ = kNIMSessionTypeP2P;
  int unread_count_ = 0;
  NIMSessionCommand command_ = kNIMSessionCommandAdd;
  std::string msg_id_;
  std::string msg_sender_accid_;
  std::int64_t msg_timetag_ = 0;  // ms since 1970
  NIMMessageType msg_type_ = kNIMMessageTypeUnknown;
  std::string msg_content_;
  std::string msg_attach_;
  NIMMsgLogStatus msg_status_ = kNIMMsgLogStatusNone;
  NIMMsgLogSubStatus msg_sub_status_ = kNIMMsgLogSubStatusNone;
  bool last_updated_msg_ = true;
  bool placed_on_top_ = false;
  std::string extend_data_;
  bool is_robot_session_ = false;
  StickTopSessionInfo stick_top_info_;
};

struct SessionDataList {
  int count_ = 0;
  int unread_count_ = 0;
  std::list<SessionData> sessions_;
};

inline bool ReadMember(JsonReader &r, std::string_view key, StickTopSessionInfo &v) {
  if (key == kNIMSessionStickTopInfoTop) return r.Read(v.top_), true;
  if (key == kNIMSessionStickTopInfoSessionId) return r.Read(v.id_), true;
  if (key == kNIMSessionStickTopInfoType) return detail::ReadEnum(r, v.type_);
  if (key == kNIMSessionStickTopInfoExt) return r.Read(v.ext_), true;
  if (key == kNIMSessionStickTopInfoCreateTime) return r.Read(v.create_time_), true;
  if (key == kNIMSessionStickTopInfoUpdateTime) return r.Read(v.update_time_), true;
  return false;
}

inline bool ReadMember(JsonReader &r, std::string_view key, SessionData &v) {
  using detail::ReadEnum;
  if (key == kNIMSessionId) return r.Read(v.id_), true;
  if (key == ::kNIMSessionType) return ReadEnum(r, v.type_);
  if (key == kNIMSessionUnreadCount) return r.Read(v.unread_count_), true;
  if (key == kNIMSessionCommand) return ReadEnum(r, v.command_);
  if (key == kNIMSessionMsgClientID) return r.Read(v.msg_id_), true;
  if (key == kNIMSessionMsgFromAccount) return r.Read(v.msg_sender_accid_), true;
  if (key == kNIMSessionMsgTime) return r.Read(v.msg_timetag_), true;
  if (key == kNIMSessionMsgType) return ReadEnum(r, v.msg_type_);
  if (key == kNIMSessionMsgBody) return r.Read(v.msg_content_), true;
  if (key == kNIMSessionMsgAttach) return r.Read(v.msg_attach_), true;
  if (key == kNIMSessionMsgStatus) return ReadEnum(r, v.msg_status_);
  if (key == kNIMSessionMsgSubStatus) return ReadEnum(r, v.msg_sub_status_);
  if (key == kNIMSessionLastUpdatedMsg) return r.Read(v.last_updated_msg_), true;
  if (key == kNIMSessionOnTop) return r.Read(v.placed_on_top_), true;
  if (key == kNIMSessionExtendedData) return r.Read(v.extend_data_), true;
  if (key == kNIMSessionRobotFlag) return r.Read(v.is_robot_session_), true;
  if (key == kNIMSessionStickTopInfo) return r.Read(v.stick_top_info_), true;
  return false;
}

inline bool ReadMember(JsonReader &r, std::string_view key, SessionDataList &v) {
  if (key == kNIMSessionListCount) return r.Read(v.count_), true;
  if (key == kNIMSessionListUnreadCount) return r.Read(v.unread_count_), true;
  if (key != kNIMSessionListContent) return false;
  std::vector<SessionData> sessions;
  r.Read(sessions);
  v.sessions_.assign(sessions.begin(), sessions.end());
  return true;
}

}  // namespace nim

#endif
