// nim_cpp_session.h: nim::Session, the list of conversations and its unread
// numbers.
#ifndef NIM_CPP_SESSION_H
#define NIM_CPP_SESSION_H

#include <functional>
#include <string>

#include "nim_cpp_calls_gen.h"
#include "nim_cpp_session_helper.h"

namespace nim {

class Session {
 public:
  using ChangeCallback = std::function<void(NIMResCode rescode, const SessionData &data, int total_unread_counts)>;
  using QuerySessionListCallabck = std::function<void(int unread_count, const SessionDataList &list)>;  // as the NIM SDK spells it
  using SetUnreadCountZeroCallback = ChangeCallback;
  using DeleteRecentSessionCallback = ChangeCallback;

  // A conversation was added or has changed. An empty function removes it.
  static void RegChangeCb(const ChangeCallback &cb, const std::string &json_extension = std::string()) {
    detail::RegSessionChange(Changing(cb), json_extension);
  }

  // All conversations, the newest first.
  static void QueryAllRecentSessionAsync(const QuerySessionListCallabck &cb, const std::string &json_extension = std::string()) {
    detail::SessionQueryAllRecentSessionAsync(
        json_extension, detail::Reading<detail::SessionQueryRecentSessionReply>(cb, [](const auto &f, const auto &r) {
          f(r.total_unread_count, detail::FromJson<SessionDataList>(r.result.c_str()));
        }));
  }

  // Makes the unread number of a conversation 0, here at once and on the server
  // when it can be reached. False: the id is empty.
  static bool SetUnreadCountZeroAsync(NIMSessionType to_type, const std::string &id, const SetUnreadCountZeroCallback &cb,
                                      const std::string &json_extension = std::string()) {
    if (id.empty()) return false;
    detail::SessionSetUnreadCountZeroAsync(to_type, id, json_extension, Changing(cb));
    return true;
  }

  // The same for all.
  static bool ResetAllUnreadCountAsync(const SetUnreadCountZeroCallback &cb, const std::string &json_extension = std::string()) {
    detail::SessionResetAllUnreadCountAsync(json_extension, Changing(cb));
    return true;
  }

  // Takes a conversation off the list; its messages stay. False: the id is empty.
  static bool DeleteRecentSession(NIMSessionType to_type, const std::string &id, const DeleteRecentSessionCallback &cb,
                                  const std::string &json_extension = std::string()) {
    if (id.empty()) return false;
    detail::SessionDeleteRecentSessionAsync(to_type, id, json_extension, Changing(cb));
    return true;
  }

  // Removes every registration of this class.
  static void UnregSessionCb() { RegChangeCb(nullptr); }

 private:
  static std::function<void(const detail::SessionChangeReply &)> Changing(const ChangeCallback &cb) {
    return detail::Reading<detail::SessionChangeReply>(cb, [](const auto &f, const auto &r) {
      f(detail::ToResCode(r.rescode), detail::FromJson<SessionData>(r.result.c_str()), r.total_unread_counts);
    });
  }
};

}  // namespace nim

#endif
