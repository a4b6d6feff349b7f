// The lifetime of callbacks: unregister, replacement, cleanup, exceptions,
// threads.
#include <atomic>
#include <future>

#include "support.h"

using nim::Client;

namespace {

// Asks for the time computed here: an answer that needs no server.
void AskTime(const Client::GetCurrentServerTimeCallback &cb) { Client::GetServerCurrentTime(cb, true); }

// Waits until what was posted before has been delivered.
void Drain() {
  const auto done = std::make_shared<std::promise<void>>();
  AskTime([done](int, bool, std::uint64_t) { done->set_value(); });
  CHECK(done->get_future().wait_for(kDeadline) == std::future_status::ready);
}

}  // namespace

TEST(UnregisterDestroysTheFunction) {
  Fixture f;
  auto held = std::make_shared<int>(1);
  Client::RegKickoutCb([held](const nim::KickoutRes &) {});
  CHECK_EQ(held.use_count(), 2);
  Client::RegKickoutCb(nullptr);
  CHECK_EQ(held.use_count(), 1);
  Client::RegKickoutCb([held](const nim::KickoutRes &) {});
  Client::RegKickoutCb([](const nim::KickoutRes &) {});
  CHECK_EQ(held.use_count(), 1);
  Client::RegKickoutCb([held](const nim::KickoutRes &) {});
  Client::UnregClientCb();
  CHECK_EQ(held.use_count(), 1);
}

TEST(AnsweredCallsAreForgotten) {
  Fixture f;
  auto held = std::make_shared<int>(1);
  f.Login("nobody-here", "wrong");
  AskTime([held](int, bool, std::uint64_t) {});
  Client::Login("", "nobody-here", "wrong", [held](const nim::LoginRes &) {});
  f.Logout();  // answers the login first
  Drain();
  CHECK_EQ(held.use_count(), 1);
}

TEST(UnregisterWaitsForARunningCallback) {
  std::promise<void> started, go;
  std::atomic<bool> finished(false);
  Fixture f;
  Client::RegConnectionCb([&](const nim::ConnectionEvent &e) {
    if (e.event != "connecting") return;
    started.set_value();
    go.get_future().wait();
    finished = true;
  });
  Client::Login("", Server().NewAccount(), "secret", nullptr);
  CHECK(started.get_future().wait_for(kDeadline) == std::future_status::ready);
  std::thread releases([&] { go.set_value(); });
  Client::RegConnectionCb(nullptr);
  CHECK(finished);
  releases.join();
}

TEST(ACallbackMayRemoveItselfAndReplaceItself) {
  Mailbox<std::string> seen;
  Fixture f;
  const auto account = Server().NewAccount();
  auto held = std::make_shared<int>(0);
  Client::RegConnectionCb([&, held](const nim::ConnectionEvent &e) {
    seen.Put("first " + e.event);
    Client::RegConnectionCb([&](const nim::ConnectionEvent &next) {
      Client::RegConnectionCb(nullptr);
      seen.Put("second " + next.event);
    });
    ++*held;  // still alive, though replaced
  });
  f.MustLogin(account);
  Drain();
  CHECK_EQ(seen.Next("the first event"), "first connecting");
  CHECK_EQ(seen.Next("the second event"), "second connected");
  CHECK_EQ(seen.size(), 0);
  CHECK_EQ(held.use_count(), 1);
  CHECK_EQ(*held, 1);
}

TEST(NoCallbackAfterUnregister) {
  Fixture f;
  f.MustLogin(Server().NewAccount());
  for (int i = 0; i < 200; ++i) {
    // The flag is gone when Reg returns: a late call would be a use after it.
    auto alive = std::make_unique<std::atomic<int>>(0);
    Client::RegSyncMultiportPushConfigCb(nullptr);
    nim::Global::RegSDKLogCb([flag = alive.get()](int, const std::string &) { ++*flag; });
    Client::RegConnectionCb([flag = alive.get()](const nim::ConnectionEvent &) { ++*flag; });
    if (i % 20 == 0) Client::NetworkChanged();
    AskTime(nullptr);
    Client::RegConnectionCb(nullptr);
    nim::Global::RegSDKLogCb(nullptr);
  }
}

TEST(CleanupEndsRegistrationsAndAnswersCalls) {
  Mailbox<int> codes;
  auto held = std::make_shared<int>(0);
  {
    Fixture f;
    Path path(Server().port());
    path.SetClosed(true);
    Client::RegKickoutCb([held](const nim::KickoutRes &) {});
    nim::Global::SetProxy(nim::kNIMProxyNone, "", 0, "", "");
    Client::Login("", "somebody", "secret", [&, held](const nim::LoginRes &r) {
      if (r.IsFinal()) codes.Put(r.res_code_);
    });
    Client::Cleanup();
  }
  CHECK_EQ(codes.size(), 1);
  const int code = codes.Next("the answer");
  CHECK(code == nim::NIMX_ERR_CANCELLED || code == nim::kNIMResUidPassError);
  CHECK_EQ(held.use_count(), 1);
}

TEST(CleanupInsideACallback) {
  const auto account = Server().NewAccount();
  for (int round = 0; round < 2; ++round) {
    TemporaryDirectory data;
    CHECK(Client::Init(Server().app_key(), data.path(), "", Fixture::Config("")));
    auto held = std::make_shared<int>(0);
    const auto done = std::make_shared<Mailbox<int>>();
    Client::RegConnectionCb([held](const nim::ConnectionEvent &) {});
    Client::Login("", account, "secret", [held, done](const nim::LoginRes &r) {
      if (!r.IsFinal()) return;
      AskTime([done](int code, bool, std::uint64_t) { done->Put(code); });
      Client::Cleanup2([held, done](nim::NIMResCode code) { done->Put(code); });
      done->Put(-*held);
    });
    const int time = done->Next("the answer that cleanup brings");
    CHECK(time == 200 || time == nim::NIMX_ERR_CANCELLED);
    CHECK_EQ(done->Next("cleanup2"), 200);
    CHECK_EQ(done->Next("the end of the callback"), 0);
    Client::Cleanup();  // waits until that callback has returned
    CHECK_EQ(held.use_count(), 1);
  }
}

// The second one is over at once; the answers that the first brings still come.
TEST(CleanupInsideAnAnswerOfCleanup) {
  std::vector<int> answers;
  CHECK(nim::Dispatcher::UsePull(true));
  TemporaryDirectory data;
  CHECK(Client::Init(Server().app_key(), data.path(), "", Fixture::Config("")));
  AskTime([&](int, bool, std::uint64_t) {
    answers.push_back(1);
    Client::Cleanup();
  });
  AskTime([&](int, bool, std::uint64_t) { answers.push_back(2); });
  Client::Cleanup();
  CHECK(nim::Dispatcher::UsePull(false));
  CHECK_EQ(answers.size(), 2);
}

// Also what an answer registers while Cleanup delivers it is ended, on a thread
// and inside a callback; what Cleanup2's callback registers is the next
// session's.
TEST(CleanupEndsWhatItsAnswersRegister) {
  const auto held = std::make_shared<int>(0);
  const auto asks = [&] {
    Client::GetMultiportPushConfigAsync([&](int, bool) { Client::RegKickoutCb([held](const nim::KickoutRes &) {}); });
    Client::Pause([&](const nim::ErrorInfo &) { Client::RegConnectionCb([held](const nim::ConnectionEvent &) {}); });
  };
  for (const bool inside : {false, true}) {
    CHECK(nim::Dispatcher::UsePull(true));
    TemporaryDirectory data;
    CHECK(Client::Init(Server().app_key(), data.path(), "", Fixture::Config("")));
    if (inside) AskTime([&](int, bool, std::uint64_t) { asks(), Client::Cleanup(); });
    else asks();
    if (inside) CHECK(nim::Dispatcher::Run(1, 1000) == 1);
    Client::Cleanup();
    CHECK_EQ(held.use_count(), 1);
    CHECK(Client::Init(Server().app_key(), data.path(), "", Fixture::Config("")));
    Client::Cleanup2([&](nim::NIMResCode) { Client::RegKickoutCb([held](const nim::KickoutRes &) {}); });
    CHECK_EQ(held.use_count(), 2);
    Client::RegKickoutCb(nullptr);
    CHECK(nim::Dispatcher::UsePull(false));
  }
}

TEST(LogoutThenCleanupInsideItsCallback) {
  Fixture f;
  f.MustLogin(Server().NewAccount());
  const auto done = std::make_shared<Mailbox<int>>();
  Client::Logout(nim::kNIMLogoutAppExit, [done](nim::NIMResCode code) {
    Client::Cleanup();
    done->Put(code);
  });
  CHECK_EQ(done->Next("the logout"), 200);
}

TEST(ExceptionsStayInside) {
  Mailbox<std::string> reports;
  Fixture f;
  Client::SetExceptionHandler([&](const char *where, std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception &e) {
      reports.Put(std::string(where) + ": " + e.what());
    } catch (...) {
      reports.Put(std::string(where) + ": something");
    }
    throw std::runtime_error("the handler itself");
  });
  AskTime([](int, bool, std::uint64_t) { throw std::runtime_error("one"); });
  CHECK_EQ(reports.Next("an answer that throws"), "GetServerCurrentTime: one");
  Client::RegConnectionCb([](const nim::ConnectionEvent &) { throw 2; });
  const auto account = Server().NewAccount();
  CHECK(f.Login(account, "secret").IsSuccess());
  CHECK_EQ(reports.Next("a registration that throws"), "RegConnectionCb: something");
  Client::RegConnectionCb(nullptr);
  Client::RegTokenProvider([](const nim::TokenRequest &) -> std::string { throw std::runtime_error("no token"); });
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);
  nim::LoginParams params;
  params.auth_type_ = nim::kNIMAuthTypeBySecretToken;
  params.timeout_ms_ = 1000;
  CHECK(!f.Login(account, "", params).IsSuccess());
  reports.Until("a provider that throws", [](const std::string &r) { return r == "RegTokenProvider: no token"; });
  Client::SetExceptionHandler(nullptr);
}

TEST(CallbacksRunOneAtATimeWhileThreadsRegister) {
  std::atomic<int> running(0), overlaps(0), answers(0);
  const auto enter = [&] {
    if (running.fetch_add(1) != 0) ++overlaps;
    running.fetch_sub(1);
  };
  Fixture f;
  f.MustLogin(Server().NewAccount());
  constexpr int kThreads = 4, kRounds = 150;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        AskTime([&](int, bool, std::uint64_t) { enter(), ++answers; });
        nim::Global::RegSDKLogCb([&](int, const std::string &) { enter(); });
        Client::RegKickoutCb([&](const nim::KickoutRes &) { enter(); });
        Client::RegKickoutCb(nullptr);
        if (i % 3 == 0) nim::Global::RegSDKLogCb(nullptr);
      }
    });
  }
  for (auto &t : threads) t.join();
  Drain();
  CHECK_EQ(overlaps.load(), 0);
  CHECK_EQ(answers.load(), kThreads * kRounds);
}

TEST(DetachForgetsAndReattachReplays) {
  Mailbox<nim::ConnectionEvent> events;
  Fixture f;
  f.MustLogin(Server().NewAccount());
  f.Event("ready");
  auto held = std::make_shared<int>(0);
  Client::RegKickoutCb([held](const nim::KickoutRes &) {});
  Client::DetachCallbacks();
  CHECK_EQ(held.use_count(), 1);
  Client::RegConnectionCb([&](const nim::ConnectionEvent &e) { events.Put(e); });
  const auto e = events.Next("the present state");
  CHECK_EQ(e.event, "ready");
  CHECK(e.replay);
  Client::RegConnectionCb(nullptr);
}
