// A C++ program on the C++ binding, as a desktop program for Windows would use
// it, linked through the import library that is made for MSVC.
//
//   host LINK APP_KEY ACCOUNT TOKEN DATA_DIR session|exit|return
//
// session: checks a session from login to cleanup; prints a line per check and
// ends with 7, or with 1 if one failed. exit, return: logs in, keeps callbacks coming, and
// ends that way without a cleanup, with 7.
#include <windows.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "nim_cpp_api.h"

namespace {

bool failed = false;

void Check(bool good, const char *what) {
  std::printf("%s  %s\n", good ? "ok" : "not ok", what);
  std::fflush(stdout);
  failed = failed || !good;
}

struct Answer {
  nim::LoginRes result;
  std::vector<int> steps;
};

Answer Login(const std::string &account, const std::string &token) {
  Answer answer;
  std::promise<void> done;
  nim::Client::Login("", account, token, [&](const nim::LoginRes &r) {
    answer.steps.push_back(static_cast<int>(r.login_step_));
    if (!r.IsFinal()) return;
    answer.result = r;
    done.set_value();
  });
  done.get_future().wait();
  return answer;
}

void Session(const std::string &account, const std::string &token) {
  std::promise<void> logged_out;
  Check(!Login(account, "wrong").result.IsSuccess(), "a wrong token is refused");
  Check(nim::Client::GetLoginState() == nim::kNIMLoginStateUnLogin, "and nobody is logged in");
  const Answer answer = Login(account, token);
  Check(answer.result.IsSuccess() && answer.steps == std::vector<int>{0, 1, 2, 3}, "a login takes its four steps");
  Check(nim::Client::GetLoginState() == nim::kNIMLoginStateLogin, "and is then logged in");
  Check(nim::Client::GetCurrentUserAccount() == account, "under its name");
  nim::Client::Logout(nim::kNIMLogoutChangeAccout, [&](nim::NIMResCode code) {
    Check(code == nim::kNIMResSuccess, "a logout succeeds");
    logged_out.set_value();
  });
  logged_out.get_future().wait();
  Check(Login(account, token).result.IsSuccess(), "and the next login, too");
  nim::Client::Cleanup();
}

std::atomic<int> busy(0);

// Asks again from each answer, so that there is always a callback to deliver.
void KeepBusy() {
  nim::Client::GetServerCurrentTime(
      [](int code, bool, std::uint64_t) {
        ++busy;
        if (code == nim::kNIMResSuccess) KeepBusy();
      },
      true);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  const std::string how = argv[6];
  nim::SDKConfig config;
  config.default_link_address_ = argv[1];
  if (!nim::Client::Init(argv[2], argv[5], "", config)) {
    std::printf("not ok  init: %s\n", nim::Client::GetInitError().err_msg.c_str());
    return 1;
  }
  if (how == "session") {
    Session(argv[3], argv[4]);
    Check(nim::Client::Init(argv[2], argv[5], "", config), "init again after a cleanup");
    Check(Login(argv[3], argv[4]).result.IsSuccess(), "and log in");
    nim::Client::Cleanup();
    return failed ? 1 : 7;
  }
  if (!Login(argv[3], argv[4]).result.IsSuccess()) return 1;
  for (int i = 0; i < 4; ++i) KeepBusy();
  while (busy < 100) Sleep(1);
  if (how == "exit") std::exit(7);
  return 7;
}
