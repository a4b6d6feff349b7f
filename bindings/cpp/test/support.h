// support.h: what the tests of the C++ binding share: checks, mailboxes for
// callbacks, a nimd, a way to it that can be cut, and other devices.
#ifndef NIM_CPP_TEST_SUPPORT_H
#define NIM_CPP_TEST_SUPPORT_H

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "nim_cpp_api.h"

// How long a test waits for one thing.
constexpr std::chrono::seconds kDeadline(20);

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Ends the test. It cleans the library up first, so that no callback runs when
// the test's variables are gone.
[[noreturn]] void Fail(const std::string &what);
[[noreturn]] void Fail(const char *file, int line, const std::string &what);

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) Fail(__FILE__, __LINE__, #condition);   \
  } while (false)

template <class A, class B>
void CheckEqual(const char *file, int line, const char *text, const A &got, const B &want) {
  if constexpr (std::is_convertible_v<A, std::string>) {
    if (got != want) Fail(file, line, text + (": \"" + std::string(got) + "\""));
  } else {
    const auto a = static_cast<long long>(got), b = static_cast<long long>(want);
    if (a != b) Fail(file, line, text + (": " + std::to_string(a) + ", " + std::to_string(b)));
  }
}

#define CHECK_EQ(got, want) CheckEqual(__FILE__, __LINE__, #got " is not " #want, got, want)

// Test registers a test by its name.
struct Test {
  Test(const char *name, void (*body)());
};

#define TEST(name)                            \
  static void name();                         \
  static const Test register_##name(#name, name); \
  static void name()

// Mailbox takes values from callbacks and gives them to the test in order.
template <class T>
class Mailbox {
 public:
  void Put(const T &value) {
    const std::lock_guard<std::mutex> lock(mutex_);  // held while notifying: the reader may destroy this
    values_.push_back(value);
    changed_.notify_all();
  }

  // Waits for the next value.
  T Next(const char *what) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, kDeadline, [&] { return !values_.empty(); })) {
      lock.unlock();
      Fail(std::string("nothing came: ") + what);
    }
    T value = values_.front();
    values_.pop_front();
    return value;
  }

  // Waits for a value that satisfies a condition, dropping those before it.
  template <class F>
  T Until(const char *what, F ok) {
    for (;;) {
      T value = Next(what);
      if (ok(value)) return value;
    }
  }

  std::size_t size() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return values_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

// TemporaryDirectory is removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  const std::string &path() const { return path_; }

 private:
  std::string path_;
};

// Nimd is a server that runs as a child process.
class Nimd {
 public:
  explicit Nimd(const std::string &binary);
  ~Nimd();

  const std::string &link() const { return link_; }
  const std::string &app_key() const { return app_key_; }
  int port() const { return port_; }

  // Calls the REST API under /v1 with a JSON body; returns what it answers.
  std::string Admin(const std::string &method, const std::string &path, const std::string &body);

  // Creates an account, or gives it a new token.
  void SetToken(const std::string &account, const std::string &token);

  // Makes a token that expires.
  std::string Mint(const std::string &kind, const std::string &account, int seconds);

  // Creates an account of a new name with the token "secret".
  std::string NewAccount();

 private:
  TemporaryDirectory data_;
  int pid_ = -1;
  int port_ = 0;
  int accounts_ = 0;
  std::string link_, admin_, admin_key_, app_key_;
};

// The server that all tests share.
Nimd &Server();

// Path forwards a port to the server until it is cut.
class Path {
 public:
  explicit Path(int port);
  ~Path();
  std::string link() const { return "ws://127.0.0.1:" + std::to_string(listen_port_) + "/nim"; }
  // Ends the connections; while closed, new ones end at once.
  void SetClosed(bool closed);

 private:
  void Accept();
  void Forward(int from, int to);

  const int port_;
  int listener_ = -1;
  int listen_port_ = 0;
  std::mutex mutex_;
  bool closed_ = false;         // guarded by mutex_
  std::set<int> open_;          // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_
  std::thread accepting_;
};

// Device is this program as a second process: another device of an account. It
// answers each message with "re: " and its text.
class Device {
 public:
  // Logs in. kind is the client type it reports.
  Device(const std::string &account, const std::string &token, nim::NIMClientType kind);
  ~Device();
  // Waits for a line that the device writes.
  std::string WaitFor(const std::string &begin);
  // Logs out and ends.
  void Close();
  const std::string &id() const { return id_; }

 private:
  TemporaryDirectory data_;
  std::string id_;
  int pid_ = -1;
  int in_ = -1;
  int out_ = -1;
};

// What a Device runs.
int RunDevice(int argc, char **argv);

// Runs this program again with arguments; returns its exit status, or -1 if it
// does not end within limit.
int RunSelf(const std::vector<std::string> &arguments, std::chrono::milliseconds limit);

// Fixture starts the library with the settings of the tests, registers a mailbox
// for everything, and cleans up. What a test's callbacks use is declared before
// it, so that it outlives them.
struct Fixture {
  explicit Fixture(const std::string &link = std::string());
  ~Fixture();

  // Settings for the shared server.
  static nim::SDKConfig Config(const std::string &link);

  // Logs in and waits for the end.
  nim::LoginRes Login(const std::string &account, const std::string &token, const nim::LoginParams &params = nim::LoginParams());
  // The same, which must succeed.
  void MustLogin(const std::string &account);
  nim::NIMResCode Logout();
  // Waits for a connection event.
  nim::ConnectionEvent Event(const std::string &name);

  TemporaryDirectory data;
  Mailbox<nim::LoginRes> relogins;
  Mailbox<nim::KickoutRes> kickouts;
  Mailbox<nim::KickOtherRes> kicked_others;
  Mailbox<nim::MultiSpotLoginRes> notices;
  Mailbox<nim::ConnectionEvent> events;
  Mailbox<int> disconnects;
};

#endif
