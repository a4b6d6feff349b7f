// nim_cpp_msglog_helper.h: answers of the message log, in the shapes of the NIM
// C++ SDK.
#ifndef NIM_CPP_MSGLOG_HELPER_H
#define NIM_CPP_MSGLOG_HELPER_H

#include <list>
#include <string_view>
#include <vector>

#include "nim_cpp_talk_helper.h"

namespace nim {

struct QueryMsglogResult {
  int count_ = 0;
  NIMMsglogQuerySource source_ = kNIMMsglogQuerySourceLocal;
  std::list<IMMessage> msglogs_;
};

inline bool ReadMember(JsonReader &r, std::string_view key, QueryMsglogResult &v) {
  if (key == kNIMMsglogQueryKeyCount) return r.Read(v.count_), true;
  if (key == kNIMMsglogQueryKeySource) return detail::ReadEnum(r, v.source_);
  if (key != kNIMMsglogQueryKeyContent) return false;
  std::vector<IMMessage> messages;
  r.Read(messages);
  v.msglogs_.assign(messages.begin(), messages.end());
  return true;
}

}  // namespace nim

#endif
