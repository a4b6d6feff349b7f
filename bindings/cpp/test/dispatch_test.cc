// Callbacks on threads of the program: a task queue, and pull mode.
#include <atomic>

#include "support.h"

using nim::Client;
using nim::Dispatcher;

namespace {

// A thread that runs tasks in order, as the event loop of an app does.
class EventLoop {
 public:
  EventLoop() : thread_([this] { Run(); }) {}
  ~EventLoop() { Stop(); }

  void Post(const nim::StdClosure &task) { tasks_.Put(task); }

  // Ends the loop; what was posted before still runs.
  void Stop() {
    if (!thread_.joinable()) return;
    Post(nullptr);
    thread_.join();
  }

  std::thread::id id() const { return thread_.get_id(); }

 private:
  void Run() {
    while (auto task = tasks_.Next("a task")) task();
  }

  Mailbox<nim::StdClosure> tasks_;
  std::thread thread_;
};

// Gives the callbacks back to the library's own thread.
struct PosterEnds {
  ~PosterEnds() {
    Client::Cleanup();
    Client::SetCallbackFunction(nullptr);
  }
};

}  // namespace

TEST(TaskQueueSetBeforeInit) {
  const PosterEnds end;
  EventLoop loop;
  CHECK(Client::SetCallbackFunction([&](const nim::StdClosure &task) { loop.Post(task); }));
  std::atomic<int> elsewhere(0);
  Fixture f;
  Client::RegConnectionCb([&](const nim::ConnectionEvent &e) {
    if (std::this_thread::get_id() != loop.id()) ++elsewhere;
    f.events.Put(e);
  });
  f.MustLogin(Server().NewAccount());
  f.Event("ready");
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);
  CHECK_EQ(elsewhere.load(), 0);
}

TEST(TaskQueueSetAfterInit) {
  Mailbox<bool> there;
  const PosterEnds end;
  EventLoop loop;
  Fixture f;
  CHECK(Client::SetCallbackFunction([&](const nim::StdClosure &task) { loop.Post(task); }));
  Client::RegMultispotLoginCb([&](const nim::MultiSpotLoginRes &) { there.Put(std::this_thread::get_id() == loop.id()); });
  const auto account = Server().NewAccount();
  f.MustLogin(account);  // the registrations from before are in force
  f.Event("ready");
  Device phone(account, "secret", nim::kNIMClientTypeiOS);
  CHECK(there.Next("the phone comes"));
  CHECK(!Client::SetCallbackFunction(nullptr));  // not in a session
  phone.Close();
  EventLoop other;
  CHECK(Client::SetCallbackFunction([&](const nim::StdClosure &task) { other.Post(task); }));  // another queue is fine
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);
  CHECK(Client::SetCallbackFunction(nullptr));
}

TEST(TaskQueueThatStopsBeforeCleanup) {
  Mailbox<int> codes;
  const PosterEnds end;
  EventLoop loop;
  CHECK(Client::SetCallbackFunction([&](const nim::StdClosure &task) { loop.Post(task); }));
  {
    Fixture f;
    f.MustLogin(Server().NewAccount());
    loop.Stop();
    Client::Logout(nim::kNIMLogoutAppExit, [&](nim::NIMResCode code) { codes.Put(code); });
  }  // Cleanup delivers the answer on this thread
  CHECK_EQ(codes.size(), 1);
  const int code = codes.Next("the answer");
  CHECK(code == 200 || code == nim::NIMX_ERR_CANCELLED);
}

// A task of a queue that is not in use any more runs nothing, and the queue that
// took its place is told of what waits.
TEST(TaskOfAnotherQueueComesTooLate) {
  Mailbox<nim::StdClosure> one, two;
  const PosterEnds end;
  const auto into = [](Mailbox<nim::StdClosure> &tasks) { return [&tasks](const nim::StdClosure &task) { tasks.Put(task); }; };
  int answers = 0;
  const auto ask = [&] { Client::GetServerCurrentTime([&](int, bool, std::uint64_t) { ++answers; }, true); };
  TemporaryDirectory data;

  CHECK(Client::SetCallbackFunction(into(one)));
  CHECK(Client::Init(Server().app_key(), data.path(), "", Fixture::Config("")));
  ask();
  auto late = one.Next("a task of the first queue");
  CHECK(Client::SetCallbackFunction(into(two)));
  auto task = two.Next("a task of the second queue");
  late();
  CHECK_EQ(answers, 0);
  task();
  CHECK_EQ(answers, 1);

  ask();
  late = two.Next("a task of the second queue");
  Client::Cleanup();  // delivers the answer
  CHECK_EQ(answers, 2);
  CHECK(Client::SetCallbackFunction(into(one)));
  CHECK(Client::Init(Server().app_key(), data.path(), "", Fixture::Config("")));
  ask();
  task = one.Next("a task of the first queue");
  late();
  CHECK_EQ(answers, 2);
  task();
  CHECK_EQ(answers, 3);
}

TEST(RunUntilCleanupInsideACallbackReturns) {
  Mailbox<int> done;
  CHECK(Dispatcher::UsePull(true));
  {
    Fixture f;
    Client::GetServerCurrentTime([&](int, bool, std::uint64_t) {
      Client::GetServerCurrentTime([&](int, bool, std::uint64_t) { done.Put(2); }, true);
      Dispatcher::RunUntilCleanup();
      done.Put(1);
    }, true);
    struct Pump {
      ~Pump() {
        Client::Cleanup();
        thread.join();
      }
      std::thread thread{[] { Dispatcher::RunUntilCleanup(); }};
    } pump;
    CHECK_EQ(done.Next("the callback"), 1);
    CHECK_EQ(done.Next("the callback behind it"), 2);
  }
  CHECK(Dispatcher::UsePull(false));
}

TEST(TaskRunAtOnceIsReported) {
  Mailbox<std::string> reports;
  const PosterEnds end;
  Client::SetExceptionHandler([&](const char *where, std::exception_ptr) { reports.Put(where); });
  CHECK(Client::SetCallbackFunction([](const nim::StdClosure &task) { task(); }));
  Fixture f;
  Client::GetServerCurrentTime([](int, bool, std::uint64_t) {}, true);
  CHECK_EQ(reports.Next("a report"), "SetCallbackFunction");
  Client::Cleanup();
  Client::SetExceptionHandler(nullptr);
}

TEST(CleanupOnTheEventLoop) {
  Mailbox<int> done;
  const PosterEnds end;
  EventLoop loop;
  CHECK(Client::SetCallbackFunction([&](const nim::StdClosure &task) { loop.Post(task); }));
  Fixture f;
  f.MustLogin(Server().NewAccount());
  loop.Post([&] {
    Client::Logout(nim::kNIMLogoutAppExit, [&](nim::NIMResCode code) { done.Put(code); });
    Client::Cleanup();
    done.Put(0);
  });
  const int code = done.Next("the logout");
  CHECK(code == 200 || code == nim::NIMX_ERR_CANCELLED);
  CHECK_EQ(done.Next("the cleanup"), 0);
}

TEST(PullRunsCallbacksWhereItIsCalled) {
  CHECK(Dispatcher::UsePull(true));
  {
    Fixture f;
    CHECK(!Dispatcher::UsePull(false));  // not while initialised
    std::atomic<bool> final(false), here(true);
    int nested = 0;
    const auto self = std::this_thread::get_id();
    Client::Login("", Server().NewAccount(), "secret", [&](const nim::LoginRes &r) {
      if (std::this_thread::get_id() != self) here = false;
      nested = Dispatcher::Run();
      final = r.IsFinal();
    });
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!final && std::chrono::steady_clock::now() < deadline) Dispatcher::Run(0, 100);
    CHECK(final && here);
    CHECK_EQ(nested, nim::NIMX_DISPATCH_BUSY);
    Client::GetServerCurrentTime([](int, bool, std::uint64_t) {}, true);
    CHECK_EQ(Dispatcher::Wait(1000), 1);
    CHECK(Dispatcher::Pending() > 0);
    std::thread pump([] { Dispatcher::RunUntilCleanup(); });
    CHECK_EQ(f.Logout(), nim::kNIMResSuccess);
    Client::Cleanup();
    pump.join();
  }
  CHECK_EQ(Dispatcher::Run(), nim::NIMX_DISPATCH_CLOSED);
  CHECK(Dispatcher::UsePull(false));
}
