// nim_cpp_data_sync.h: nim::DataSync, the end of the syncs after a login.
#ifndef NIM_CPP_DATA_SYNC_H
#define NIM_CPP_DATA_SYNC_H

#include <functional>
#include <string>

#include "nim_cpp_trampolines.h"

namespace nim {

class DataSync {
 public:
  using DataSyncCallback = std::function<void(NIMDataSyncType sync_type, NIMDataSyncStatus status, const std::string &json_attachment)>;

  // One kind of data is complete: once per kind, behind the login result.
  static void RegCompleteCb(const DataSyncCallback &cb) { detail::Register(detail::kDataSync, cb, &Attach, std::string()); }

  static void UnregDataSyncCb() { RegCompleteCb(nullptr); }

 private:
  static void NIM_CALL OnComplete(NIMDataSyncType type, NIMDataSyncStatus status, const char *attachment, const void *) {
    detail::Notify<DataSyncCallback>("DataSync::RegCompleteCb", detail::kDataSync,
                                     [&](const DataSyncCallback &f) { f(type, status, detail::Text(attachment)); });
  }

  static void Attach(bool on, const char *) { NIM_CPP_C(nim_data_sync_reg_complete_cb)(on ? &OnComplete : nullptr, nullptr); }
};

}  // namespace nim

#endif
