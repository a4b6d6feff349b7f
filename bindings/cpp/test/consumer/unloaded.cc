// A program that loads the library, where there is none: nothing crashes and
// every call is answered.
#include <cstdio>
#include <string>

#include "nim_cpp_api.h"

int main() {
  int answers = 0;
  const auto count = [&](int code) { answers += code == nim::kNIMLocalResAPIErrorInitUndone; };
  std::string error;
  const bool loaded = nim::Library::Load("/nowhere/libnim.so", &error) || nim::Client::Init("app", "data", "/nowhere", nim::SDKConfig());
  nim::Client::RegKickoutCb([](const nim::KickoutRes &) {});
  nim::Client::Login("app", "alice", "token", [&](const nim::LoginRes &r) { count(r.res_code_); });
  nim::Client::Logout(nim::kNIMLogoutAppExit, [&](nim::NIMResCode code) { count(code); });
  nim::Client::GetServerCurrentTime([&](int code, bool, std::uint64_t) { count(code); });
  nim::Client::GetMultiportPushConfigAsync([&](int code, bool) { count(code); });
  nim::Client::GetDiagnostics([&](const nim::Diagnostics &d) { count(d.err_code); });
  nim::Global::DetectProxy(nim::kNIMProxySocks5, "127.0.0.1", 1, "", "", [&](bool, nim::NIMProxyDetectStep, const std::string &json) { count(nim::Global::DetectResult(json).err_code); });
  nim::Global::UploadSDKLog("", [&](nim::NIMResCode code) { count(code); });
  nim::Client::Cleanup2([&](nim::NIMResCode code) { count(code); });
  std::printf("%d answers, %s\n", answers, error.c_str());
  return !loaded && answers == 8 && !error.empty() && nim::Client::GetSDKVersion().empty() ? 0 : 1;
}
