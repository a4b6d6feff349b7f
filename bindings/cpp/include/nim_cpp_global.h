// nim_cpp_global.h: nim::Global, the proxy, the log, cached files, memory.
#ifndef NIM_CPP_GLOBAL_H
#define NIM_CPP_GLOBAL_H

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

#include "nim_cpp_callbacks.h"
#include "nim_cpp_payloads_gen.h"
#include "nim_cpp_trampolines.h"

namespace nim {

class Global {
 public:
  struct CachedFileInfo {
    std::string file_type_;
    std::string file_path_;
    int file_count_ = 0;
    std::int64_t file_total_size_ = 0;
  };

  // What went wrong with the local store.
  struct SDKDBErrorInfo {
    std::string db_name_;
    int operation_ = 0;
    int error_code_ = 0;
    std::string error_description_;
    std::string error_attach_;
  };

  using DetectProxyCallback = std::function<void(bool connect, NIMProxyDetectStep step, const std::string &json_extension)>;
  using ExceptionCallback = std::function<void(NIMSDKException exception, const std::string &log)>;
  using GetCachedFileInfoCallback = std::function<void(NIMResCode rescode, const CachedFileInfo &info)>;
  using DeleteCachedFileCallback = std::function<void(NIMResCode rescode)>;
  using SDKFeedbackCallback = std::function<void(NIMResCode rescode)>;
  using UploadSDKLogCallback = std::function<void(NIMResCode rescode)>;
  using SDKDBErrorCallback = std::function<void(const SDKDBErrorInfo &info)>;
  using SDKLogCallback = std::function<void(int log_level, const std::string &log)>;

  // Frees what a C function of the library returned.
  static void FreeStrBuf(char *str) { NIM_CPP_C(nim_global_free_str_buf)(str); }
  static void FreeBuf(void *data) { NIM_CPP_C(nim_global_free_buf)(data); }

  // Sets the proxy for all that the library sends, from the next connection on.
  // Legal at any time; kNIMProxyNone: none.
  static void SetProxy(NIMProxyType type, const std::string &host, int port, const std::string &user, const std::string &password) {
    NIM_CPP_C(nim_global_set_proxy)(type, host.c_str(), port, user.c_str(), password.c_str());
  }
  // The same with the port as text, as examples for the NIM SDK have it; what is
  // no number is port 0, which no proxy has.
  static void SetProxy(NIMProxyType type, const std::string &host, const std::string &port, const std::string &user, const std::string &password) {
    char *end = nullptr;
    const long number = std::strtol(port.c_str(), &end, 10);
    const bool valid = end != port.c_str() && *end == '\0' && number > 0 && number < 65536;
    SetProxy(type, host, valid ? static_cast<int>(number) : 0, user, password);
  }

  // Tries whether the server can be reached through a proxy. json_extension of
  // the callback is a payload::ProxyDetectResult: DetectResult reads it.
  static void DetectProxy(NIMProxyType type, const std::string &host, int port, const std::string &user, const std::string &password,
                          const DetectProxyCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return OnDetectProxy(false, kNIMProxyDetectStepAllComplete, detail::kNotInitialised, id);
    NIM_CPP_C(nim_global_detect_proxy)
    (type, host.c_str(), port, user.c_str(), password.c_str(), id != nullptr ? &OnDetectProxy : nullptr, id);
  }

  static payload::ProxyDetectResult DetectResult(const std::string &json_extension) {
    return detail::FromJson<payload::ProxyDetectResult>(json_extension.c_str());
  }

  // Counts the cached files of one kind up to a time.
  static void GetSDKCachedFileInfoAsync(const std::string &login_id, const std::string &file_type, std::int64_t end_timestamp,
                                        const std::string &json_extension, const GetCachedFileInfoCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return OnCachedFileInfo(detail::kNotInitialised, id);
    NIM_CPP_C(nim_global_get_sdk_cache_file_info_async)
    (login_id.c_str(), file_type.c_str(), end_timestamp, json_extension.c_str(), id != nullptr ? &OnCachedFileInfo : nullptr, id);
  }

  // Deletes the cached files of one kind up to a time.
  static void DeleteSDKCachedFileAsync(const std::string &login_id, const std::string &file_type, std::int64_t end_timestamp,
                                       const std::string &json_extension, const DeleteCachedFileCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return OnDeleted(kNIMLocalResAPIErrorInitUndone, id);
    NIM_CPP_C(nim_global_del_sdk_cache_file_async)
    (login_id.c_str(), file_type.c_str(), end_timestamp, json_extension.c_str(), id != nullptr ? &OnDeleted : nullptr, id);
  }

  // Reports the address of feedback files.
  static void SDKFeedbackAsync(const std::string &url, const std::string &json_extension, const SDKFeedbackCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return OnFeedback(kNIMLocalResAPIErrorInitUndone, id);
    NIM_CPP_C(nim_global_sdk_feedback_async)(url.c_str(), json_extension.c_str(), id != nullptr ? &OnFeedback : nullptr, id);
  }

  // Uploads the newest part of the library's log, with a remark.
  static void UploadSDKLog(const std::string &feedback_message, const UploadSDKLogCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return OnUploaded(kNIMLocalResAPIErrorInitUndone, id);
    NIM_CPP_C(nim_global_upload_sdk_log)(feedback_message.c_str(), id != nullptr ? &OnUploaded : nullptr, id);
  }

  // ---- registrations: an empty function removes one ---------------------------

  // Warnings of the environment.
  static void SetExceptionReportCallback(const std::string &json_extension, const ExceptionCallback &cb) {
    detail::Register(detail::kException, cb, &AttachException, json_extension);
  }

  // Failures of the local store.
  static void RegSDKDBError(const SDKDBErrorCallback &cb) { detail::Register(detail::kDbError, cb, &AttachDbError, std::string()); }

  // The lines of the library's log.
  static void RegSDKLogCb(const SDKLogCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kLog, cb, &AttachLog, json_extension);
  }

  // Removes every registration of this class.
  static void UnregGlobalCb() {
    SetExceptionReportCallback(std::string(), nullptr);
    RegSDKDBError(nullptr);
    RegSDKLogCb(nullptr);
  }

 private:
  struct DbError : SDKDBErrorInfo {};
  friend bool ReadMember(JsonReader &r, std::string_view key, DbError &v) {
    if (key == kNIMDBErrDBName) return r.Read(v.db_name_), true;
    if (key == kNIMDBERROperation) return r.Read(v.operation_), true;
    if (key == kNIMDBErrCode) return r.Read(v.error_code_), true;
    if (key == kNIMDBErrDescription_) return r.Read(v.error_description_), true;
    if (key == kNIMDBErrAttach) return r.Read(v.error_attach_), true;
    return false;
  }

  static void NIM_CALL OnDetectProxy(nim_bool_reg connect, NIMProxyDetectStep step, const char *json, const void *id) {
    using F = DetectProxyCallback;
    detail::Guard("DetectProxy", [&] { detail::Run<F>(detail::Callbacks::Get().Take(id, true), [&](const F &f) { f(connect, step, detail::Text(json)); }); });
  }

  static void NIM_CALL OnCachedFileInfo(const char *json, const void *id) {
    using F = GetCachedFileInfoCallback;
    detail::Guard("GetSDKCachedFileInfoAsync", [&] {
      detail::Run<F>(detail::Callbacks::Get().Take(id, true), [&](const F &f) {
        const auto in = detail::FromJson<payload::CacheFileInfo>(json);
        CachedFileInfo info;
        info.file_type_ = in.file_type;
        info.file_path_ = in.file_path;
        info.file_count_ = in.file_count;
        info.file_total_size_ = in.total_size;
        f(in.err_code == 0 ? kNIMResSuccess : detail::ToResCode(in.err_code), info);
      });
    });
  }

  static void NIM_CALL OnDeleted(NIMResCode code, const void *id) { detail::AnswerWithCode("DeleteSDKCachedFileAsync", code, id); }
  static void NIM_CALL OnFeedback(NIMResCode code, const void *id) { detail::AnswerWithCode("SDKFeedbackAsync", code, id); }
  static void NIM_CALL OnUploaded(int code, const void *id) { detail::AnswerWithCode("UploadSDKLog", code, id); }

  static void NIM_CALL OnException(NIMSDKException exception, const char *log, const void *) {
    using F = ExceptionCallback;
    detail::Notify<F>("SetExceptionReportCallback", detail::kException, [&](const F &f) { f(exception, detail::Text(log)); });
  }

  static void NIM_CALL OnDbError(const char *json, const void *) {
    using F = SDKDBErrorCallback;
    detail::Notify<F>("RegSDKDBError", detail::kDbError, [&](const F &f) { f(detail::FromJson<DbError>(json)); });
  }

  static void NIM_CALL OnLog(int level, const char *line, const void *) {
    using F = SDKLogCallback;
    detail::Notify<F>("RegSDKLogCb", detail::kLog, [&](const F &f) { f(level, detail::Text(line)); });
  }

  static void AttachException(bool on, const char *json) { NIM_CPP_C(nim_global_reg_exception_report_cb)(json, on ? &OnException : nullptr, nullptr); }
  static void AttachDbError(bool on, const char *) { NIM_CPP_C(nim_global_reg_sdk_db_error_cb)(on ? &OnDbError : nullptr, nullptr); }
  static void AttachLog(bool on, const char *json) { NIM_CPP_C(nim_global_reg_sdk_log_cb)(json, on ? &OnLog : nullptr, nullptr); }
};

}  // namespace nim

#endif
