// nim_cpp_tool.h: nim::Tool, checksums, ids and directories.
#ifndef NIM_CPP_TOOL_H
#define NIM_CPP_TOOL_H

#include <string>

#include "nim_cpp_trampolines.h"

namespace nim {

class Tool {
 public:
  // MD5 in hex digits; of a file "" if it cannot be read.
  static std::string GetMd5(const std::string &input) {
    return detail::Available() ? Take(NIM_CPP_C(nim_tool_get_md5)(detail::Argument(input))) : std::string();
  }
  static std::string GetFileMd5(const std::string &file_path) {
    return detail::Available() ? Take(NIM_CPP_C(nim_tool_get_file_md5)(detail::Argument(file_path))) : std::string();
  }

  // 128 random bits in hex digits.
  static std::string GetUuid() { return detail::Available() ? Take(NIM_CPP_C(nim_tool_get_uuid)()) : std::string(); }

  // Directories below the data directory: of an account, "" for the one above
  // them all; of an account's files of one kind, which may not exist. They end in
  // a separator; "" outside Init and Cleanup.
  static std::string GetUserAppdataDir(const std::string &app_account) {
    return detail::Available() ? Take(NIM_CPP_C(nim_tool_get_user_appdata_dir)(detail::Argument(app_account))) : std::string();
  }
  static std::string GetUserSpecificAppdataDir(const std::string &app_account, NIMAppDataType app_data_type) {
    return detail::Available() ? Take(NIM_CPP_C(nim_tool_get_user_specific_appdata_dir)(detail::Argument(app_account), app_data_type))
                               : std::string();
  }

  // The directory in which a data directory given as a bare name is made.
  static std::string GetLocalAppdataDir() {
    return detail::Available() ? Take(NIM_CPP_C(nim_tool_get_local_appdata_dir)()) : std::string();
  }

 private:
  static std::string Take(char *text) {
    const std::string copy = detail::Text(text);
    NIM_CPP_C(nim_global_free_buf)(text);
    return copy;
  }
};

}  // namespace nim

#endif
