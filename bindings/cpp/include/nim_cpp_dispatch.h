// nim_cpp_dispatch.h: on which thread the callbacks run.
//
// Without anything from here they run on a thread of the library, one at a time.
// Client::SetCallbackFunction gives them to a task queue of the program; with
// Dispatcher the program fetches them itself.
#ifndef NIM_CPP_DISPATCH_H
#define NIM_CPP_DISPATCH_H

#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "nim_cpp_callbacks.h"

namespace nim {

// A task, and a function that posts tasks to the program's own thread. The
// poster must not run the task at once, must not block and must not call the
// library.
using StdClosure = std::function<void()>;
using SDKClosure = std::function<void(const StdClosure &)>;

// Dispatcher runs callbacks on the thread that calls it (pull mode).
class Dispatcher {
 public:
  // Chooses pull mode, or the library's own thread again. Legal before Init and
  // after Cleanup; false otherwise.
  static bool UsePull(bool pull) { return NIM_CPP_C(nimx_global_set_dispatch_mode)(pull ? NIMX_DISPATCH_PULL : NIMX_DISPATCH_PUSH) != 0; }

  // Runs waiting callbacks here: at most max_events, 0 for all, waiting up to
  // timeout_ms for the first (-1: no limit). Returns how many ran, or an enum
  // nimx_dispatch_result.
  static int Run(int max_events = 0, int timeout_ms = 0) { return NIM_CPP_C(nimx_global_dispatch)(max_events, timeout_ms); }

  // Waits until a callback waits: 1, 0 after the time, -1 after Cleanup.
  static int Wait(int timeout_ms) { return NIM_CPP_C(nimx_global_wait)(timeout_ms); }

  // Tells how many callbacks wait.
  static int Pending() { return NIM_CPP_C(nimx_global_pending)(); }

  // Runs callbacks here until Cleanup. Inside a callback it returns at once: the
  // next one cannot begin before that one has returned.
  static void RunUntilCleanup() {
    while (detail::Callbacks::Depth() == 0 && Wait(-1) >= 0) Run();
  }
};

namespace detail {

// Host is how the library was started, and the task queue it posts to.
class Host {
 public:
  static Host &Get() {
    static Host *const one = new Host;  // never destroyed, as Callbacks
    return *one;
  }

  bool Init(const std::string &data_dir, const std::string &install_dir, const std::string &json) {
#if defined(NIM_CPP_DYNAMIC)
    if (!Library::LoadFrom(install_dir) && !Library::Load()) return false;
    Callbacks::Get().AttachAll();
#endif
    if (Poster()) UsePoster(true);
    if (!NIM_CPP_C(nim_client_init)(data_dir.c_str(), install_dir.c_str(), json.c_str())) return false;
    const std::lock_guard<std::mutex> lock(mutex_);
    running_ = true;
    posting_ = poster_ != nullptr;
    data_dir_ = data_dir;
    install_dir_ = install_dir;
    json_ = json;
    return true;
  }

  // Ends the library by a call of its cleanup functions, and then forgets every
  // function of its time. cleanup is given what does that, for a callback that
  // runs once the registrations are over. One inside another leaves that to the
  // other, which still has answers to bring.
  template <class C>
  void Cleanup(C cleanup) {
    const auto newest = Callbacks::Get().BeginCleanup();
    bool ended;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      running_ = false;
      ended = cleanups_++ > 0 && Callbacks::Depth() > 0;
    }
    const auto end = [&] {
      if (!ended) Callbacks::Get().EndCleanup(newest);
      ended = true;
    };
    cleanup(end);
    end();
    const std::lock_guard<std::mutex> lock(mutex_);
    --cleanups_;
  }

  bool running() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return running_;
  }

  // Sets the task queue. Whether there is one cannot change in a session, so a
  // library that is initialised and logged out is started again with it.
  bool SetPoster(const SDKClosure &post) {
    auto next = post ? std::make_shared<const SDKClosure>(post) : nullptr;
    bool restart;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      restart = running_ && posting_ != (next != nullptr);
      if (!restart) poster_.swap(next);
    }
    if (!restart) {
      if (!running()) UsePoster(static_cast<bool>(post));
      else if (post) Wake();  // what waits was told to the queue before
      return true;
    }
    if (Callbacks::Depth() > 0 || NIM_CPP_C(nimx_client_get_status)() != NIMX_STATUS_LOGGED_OUT) return false;
    NIM_CPP_C(nim_client_cleanup)(nullptr);
    std::string data_dir, install_dir, json;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      running_ = false;
      poster_.swap(next);
      data_dir = data_dir_, install_dir = install_dir_, json = json_;
    }
    UsePoster(static_cast<bool>(post));
    Callbacks::Get().AttachAll();
    return Init(data_dir, install_dir, json);
  }

 private:
  static void UsePoster(bool on) {
    Dispatcher::UsePull(on);
    if (on)
      Wake();
    else
      NIM_CPP_C(nimx_global_set_wake_cb)(nullptr, nullptr, nullptr);
  }

  // Has the library call OnWake, now if something waits.
  static void Wake() { NIM_CPP_C(nimx_global_set_wake_cb)(&OnWake, nullptr, nullptr); }

  static bool &InWake() {
    static thread_local bool in_wake = false;
    return in_wake;
  }

  static void NIM_CALL OnWake(const void *) {
    const auto post = Get().Poster();
    if (!post) return;
    InWake() = true;
    NIM_CPP_TRY {
      (*post)([queue = std::weak_ptr<const SDKClosure>(post)] { Pump(queue.lock()); });
    }
    NIM_CPP_CATCH_ALL { Callbacks::Get().Report("SetCallbackFunction", NIM_CPP_CURRENT_EXCEPTION); }
    InWake() = false;
  }

  // The task of a queue. It finds nothing to do if Cleanup came first, and leaves
  // alone what another queue took over.
  static void Pump(const std::shared_ptr<const SDKClosure> &queue) {
    if (InWake()) {
      Callbacks::Get().Report("SetCallbackFunction", std::make_exception_ptr(std::logic_error("the task was run at once; it must be posted")));
      return;
    }
    if (queue && queue == Get().Poster()) Dispatcher::Run();
  }

  std::shared_ptr<const SDKClosure> Poster() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return poster_;
  }

  std::mutex mutex_;
  // Guarded by mutex_, all of them.
  std::shared_ptr<const SDKClosure> poster_;
  bool running_ = false;  // between Init and Cleanup
  bool posting_ = false;  // Init found a poster
  int cleanups_ = 0;      // that run
  std::string data_dir_, install_dir_, json_;  // what Init was told
};

}  // namespace detail
}  // namespace nim

#endif
