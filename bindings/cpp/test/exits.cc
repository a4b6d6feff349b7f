// Programs that end without Cleanup while callbacks run, and the test of them.
#include "exits.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <future>

#include "support.h"

using nim::Client;

namespace {

// Used by the callbacks, and destroyed when the program ends.
std::string &Words() {
  static std::string words = "a text that is long enough to be on the heap";
  return words;
}

std::atomic<int> busy(0);

// Asks again from each answer: the library always has a callback to deliver. A
// call that is refused is answered at once, so the last one asks no more.
void KeepBusy() {
  Client::GetServerCurrentTime(
      [](int code, bool, std::uint64_t) {
        if (Words().size() > 10) ++busy;
        if (code != nim::kNIMLocalResAPIErrorInitUndone) KeepBusy();
      },
      true);
}

struct CleansUpAtExit {
  ~CleansUpAtExit() { Client::Cleanup(); }
};

}  // namespace

int RunExit(int argc, char **argv) {
  if (argc != 6) return 2;
  Words();
  const std::string how = argv[2];
  if (how == "static") static const CleansUpAtExit at_exit;
  nim::SDKConfig config;
  config.default_link_address_ = argv[3];
  Client::RegConnectionCb([](const nim::ConnectionEvent &e) { Words() += e.event; });
  nim::Global::RegSDKLogCb([](int, const std::string &line) { busy += line.size() > Words().size(); });
  if (!Client::Init(argv[4], argv[5], "", config)) return 3;
  Client::Login("", "nobody-here", "secret", [how](const nim::LoginRes &r) {
    if (how == "inside" && r.IsFinal()) std::exit(7);
  });
  for (int i = 0; i < 4; ++i) KeepBusy();
  if (how == "inside") std::promise<void>().get_future().wait();  // for ever: the callback ends the program
  while (busy < 100) std::this_thread::yield();
  if (how == "exit") std::exit(7);
  return 7;
}

TEST(ProgramsEndWithoutCleanup) {
  for (const char *how : {"return", "exit", "static", "inside"}) {
    for (int round = 0; round < 5; ++round) {
      TemporaryDirectory data;
      const int status = RunSelf({"exit", how, Server().link(), Server().app_key(), data.path()}, std::chrono::seconds(15));
      if (status != 7) throw Failure(std::string(how) + " ended with " + std::to_string(status));
    }
  }
}
