// nim_cpp_msglog.h: nim::MsgLog, the stored messages.
#ifndef NIM_CPP_MSGLOG_H
#define NIM_CPP_MSGLOG_H

#include <cstdint>
#include <functional>
#include <string>

#include "nim_cpp_calls_gen.h"
#include "nim_cpp_msglog_helper.h"

namespace nim {

// Every function but the queries gives false where it refuses its arguments: an
// empty id, a page of nothing. cb is not called then.
class MsgLog {
 public:
  using QueryMsgCallback = std::function<void(NIMResCode res_code, const std::string &id, NIMSessionType to_type, const QueryMsglogResult &result)>;
  using QuerySingleMsgCallback = std::function<void(NIMResCode res_code, const std::string &msg_id, const IMMessage &msg)>;
  using ModifyMultipleMsglogCallback = std::function<void(NIMResCode res_code, const std::string &uid, NIMSessionType to_type)>;
  using BatchStatusReadCallback = ModifyMultipleMsglogCallback;
  using ModifySingleMsglogCallback = std::function<void(NIMResCode res_code, const std::string &msg_id)>;
  using WriteMsglogCallback = ModifySingleMsglogCallback;

  // One stored message; 404: there is none.
  static bool QueryMsgByIDAysnc(const std::string &client_msg_id, const QuerySingleMsgCallback &cb, const std::string &json_extension = std::string()) {
    if (client_msg_id.empty()) return false;
    detail::MsglogQueryMsgByIdAsync(client_msg_id, json_extension,
                                    detail::Reading<detail::MsglogQuerySingleReply>(cb, [](const auto &f, const auto &r) {
                                      f(detail::ToResCode(static_cast<int>(r.res_code)), r.msg_id, IMMessage(r.result));
                                    }));
    return true;
  }

  // A page of a conversation: messages older than anchor_msg_time, 0 for the
  // newest, the newest first. Messages of one time are never cut apart, so there
  // may be more than limit_count.
  static bool QueryMsgAsync(const std::string &account_id, NIMSessionType to_type, int limit_count, std::int64_t anchor_msg_time,
                            const QueryMsgCallback &cb, const std::string &json_extension = std::string()) {
    if (account_id.empty() || limit_count <= 0) return false;
    detail::MsglogQueryMsgAsync(account_id, to_type, limit_count, anchor_msg_time, json_extension, Page(cb));
    return true;
  }

  // Gives all received messages of a conversation the status read. The unread
  // number stays: Session::SetUnreadCountZeroAsync is for that.
  static bool BatchStatusReadAsync(const std::string &account_id, NIMSessionType to_type, const BatchStatusReadCallback &cb,
                                   const std::string &json_extension = std::string()) {
    if (account_id.empty()) return false;
    detail::MsglogBatchStatusReadAsync(account_id, to_type, json_extension,
                                       detail::Reading<detail::MsglogResExReply>(cb, [](const auto &f, const auto &r) {
                                         f(detail::ToResCode(static_cast<int>(r.res_code)), r.uid, r.type);
                                       }));
    return true;
  }

  // Stores a message that is not sent, in place of one with its id.
  static bool WriteMsglogToLocalAsync(const std::string &talk_id, const IMMessage &msg, bool need_update_session, const WriteMsglogCallback &cb,
                                      const std::string &json_extension = std::string()) {
    if (talk_id.empty() || msg.client_msg_id_.empty()) return false;
    detail::MsglogInsertMsglogAsync(talk_id, msg.ToJsonString(false), need_update_session, json_extension,
                                    detail::Reading<detail::MsglogResReply>(cb, [](const auto &f, const auto &r) {
                                      f(detail::ToResCode(static_cast<int>(r.res_code)), r.msg_id);
                                    }));
    return true;
  }

 private:
  static std::function<void(const detail::MsglogQueryReply &)> Page(const QueryMsgCallback &cb) {
    return detail::Reading<detail::MsglogQueryReply>(cb, [](const auto &f, const auto &r) {
      f(detail::ToResCode(static_cast<int>(r.res_code)), r.id, r.type, detail::FromJson<QueryMsglogResult>(r.result.c_str()));
    });
  }
};

}  // namespace nim

#endif
