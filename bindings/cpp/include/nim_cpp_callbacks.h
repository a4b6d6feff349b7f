// nim_cpp_callbacks.h: the functions of the program that the library may still
// call. Internal to the binding.
//
// The C side holds no pointer to them: its user_data is a number, and what a
// number that is gone stands for is nothing. A function lives until it is
// removed or answered for the last time and no call of it runs any more.
#ifndef NIM_CPP_CALLBACKS_H
#define NIM_CPP_CALLBACKS_H

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "nim_cpp_library.h"
#include "nim_cpp_slots_gen.h"

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define NIM_CPP_TRY try
#define NIM_CPP_CATCH_ALL catch (...)
#define NIM_CPP_CURRENT_EXCEPTION std::current_exception()
#else
#define NIM_CPP_TRY if (true)
#define NIM_CPP_CATCH_ALL else
#define NIM_CPP_CURRENT_EXCEPTION std::exception_ptr()
#endif

namespace nim {

// Takes an exception that left a callback; where names the callback. It runs on
// the thread of the callback.
using ExceptionHandler = std::function<void(const char *where, std::exception_ptr thrown)>;

namespace detail {

// The registrations of the C API, each by the name its exceptions are reported
// under.
enum Slot {
  kDisconnect,
  kRelogin,
  kToken,
  kKickout,
  kMultispot,
  kKickOther,
  kPushSync,
  kConnection,
  kDataSync,
  kException,
  kDbError,
  kLog,
#define NIM_CPP_SLOT(name) name,
  NIM_CPP_SLOTS(NIM_CPP_SLOT)
#undef NIM_CPP_SLOT
  kSlotCount
};

// How long replacing a function waits for a call of it on another thread.
inline constexpr std::chrono::seconds kRemoveBound(2);

// One function of the program. What follows number is guarded by
// Callbacks::mutex.
struct Entry {
  explicit Entry(std::shared_ptr<void> f) : function(std::move(f)) {}
  const std::shared_ptr<void> function;
  std::uint64_t number = 0;
  int running = 0;
  bool owned = true;  // registered, awaited by its replacement, or unanswered: a call that ends is not its end
  bool passing = false;  // registered by a callback that a cleanup brought, which ends it too
};

// What the C side is told again after the library was started anew.
using Attach = void (*)(bool on, const char *json_extension);

// Callbacks owns the functions. There is one, and it is never destroyed: a
// callback may run while static objects are.
class Callbacks {
 public:
  static Callbacks &Get() {
    static Callbacks *const one = new Callbacks;
    return *one;
  }

  // How many callbacks run on this thread, one inside another.
  static int &Depth() {
    static thread_local int depth = 0;
    return depth;
  }

  // Keeps the function of a call until it is answered; returns its user_data.
  template <class F>
  const void *Add(const F &f) {
    auto entry = NewEntry(f);
    const std::lock_guard<std::mutex> lock(mutex_);
    entry->number = ++last_;
    calls_[last_] = std::move(entry);
    return reinterpret_cast<const void *>(static_cast<std::uintptr_t>(last_));
  }

  // Puts f into a slot, or empties it if f is empty. Outside a callback a
  // replacement waits until no call of the function before runs, at most
  // kRemoveBound; for a removal the library waits.
  template <class F>
  void Set(Slot slot, const F &f, Attach attach) {
    auto entry = f ? NewEntry(f) : nullptr;
    std::unique_lock<std::mutex> lock(mutex_);
    if (entry) entry->number = ++last_, entry->passing = cleaning_ && Depth() > 0;
    std::swap(slots_[slot].entry, entry);
    slots_[slot].attach = attach;
    if (f && entry && Depth() == 0) quiet_.wait_for(lock, kRemoveBound, [&] { return entry->running == 0; });
    if (entry) entry->owned = false;
    lock.unlock();  // the old function is destroyed without the lock
  }

  // Whether a slot has a function.
  bool Has(Slot slot) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return slots_[slot].entry != nullptr;
  }

  // A function that is about to run; it cannot be destroyed meanwhile.
  class Running {
   public:
    Running(Callbacks &owner, std::shared_ptr<Entry> entry) : owner_(owner), entry_(std::move(entry)) { ++Depth(); }
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    ~Running() {
      --Depth();
      std::shared_ptr<Entry> last;  // destroyed without the lock
      {
        const std::lock_guard<std::mutex> lock(owner_.mutex_);
        --entry_->running;
        if (!entry_->owned) last = std::move(entry_);
        entry_.reset();
      }
      owner_.quiet_.notify_all();
    }
    void *get() const { return entry_->function.get(); }

   private:
    Callbacks &owner_;
    std::shared_ptr<Entry> entry_;
  };

  // The function of a call; last forgets it.
  std::shared_ptr<Entry> Take(const void *user_data, bool last) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto it = calls_.find(static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(user_data)));
    if (it == calls_.end()) return nullptr;
    auto entry = it->second;
    if (last) {
      entry->owned = false;
      calls_.erase(it);
    }
    ++entry->running;
    return entry;
  }

  std::shared_ptr<Entry> Take(Slot slot) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto &entry = slots_[slot].entry;
    if (entry) ++entry->running;
    return entry;
  }

  // The number of the newest function: what End takes.
  std::uint64_t Newest() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return last_;
  }

  // A cleanup of the C side begins; returns what EndCleanup takes.
  std::uint64_t BeginCleanup() {
    const std::lock_guard<std::mutex> lock(mutex_);
    cleaning_ = true;
    return last_;
  }

  // The C side has ended its registrations.
  void EndCleanup(std::uint64_t newest) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      cleaning_ = false;
    }
    End(newest);
  }

  // Forgets every function up to a number, after the C side has.
  void End(std::uint64_t newest) {
    std::unordered_map<std::uint64_t, std::shared_ptr<Entry>> calls;
    std::array<SlotState, kSlotCount> slots;
    const std::lock_guard<std::mutex> lock(mutex_);  // released before the functions are destroyed
    for (auto it = calls_.begin(); it != calls_.end();) {
      if (it->first > newest) {
        ++it;
        continue;
      }
      it->second->owned = false;
      calls.insert(std::move(*it));
      it = calls_.erase(it);
    }
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].entry || (slots_[i].entry->number > newest && !slots_[i].entry->passing)) continue;
      slots_[i].entry->owned = false;
      std::swap(slots[i], slots_[i]);
    }
  }

  // Tells the C side every registration again.
  void AttachAll() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Attach attach = nullptr;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (slots_[i].entry) attach = slots_[i].attach;
      }
      if (attach != nullptr) attach(true, nullptr);
    }
  }

  void SetExceptionHandler(const ExceptionHandler &handler) {
    auto next = handler ? std::make_shared<const ExceptionHandler>(handler) : nullptr;
    const std::lock_guard<std::mutex> lock(mutex_);
    handler_.swap(next);
  }

  // Reports an exception that left a callback; without a handler, on standard
  // error. What the handler throws is lost.
  void Report(const char *where, std::exception_ptr thrown) noexcept {
    std::shared_ptr<const ExceptionHandler> handler;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      handler = handler_;
    }
    NIM_CPP_TRY {
      if (handler)
        (*handler)(where, std::move(thrown));
      else
        std::fprintf(stderr, "nim: an exception left the callback of %s\n", where);
    }
    NIM_CPP_CATCH_ALL {}
  }

 private:
  struct SlotState {
    std::shared_ptr<Entry> entry;
    Attach attach = nullptr;
  };

  template <class F>
  static std::shared_ptr<Entry> NewEntry(const F &f) {
    return std::make_shared<Entry>(std::make_shared<F>(f));
  }

  std::mutex mutex_;
  std::condition_variable quiet_;  // a function has returned
  // Guarded by mutex_, all of them.
  std::unordered_map<std::uint64_t, std::shared_ptr<Entry>> calls_;
  std::array<SlotState, kSlotCount> slots_;
  std::uint64_t last_ = 0;
  bool cleaning_ = false;  // from BeginCleanup to EndCleanup
  std::shared_ptr<const ExceptionHandler> handler_;
};

// Runs body; no exception leaves it. Every trampoline is one Guard.
template <class Body>
void Guard(const char *where, Body body) noexcept {
  NIM_CPP_TRY { body(); }
  NIM_CPP_CATCH_ALL { Callbacks::Get().Report(where, NIM_CPP_CURRENT_EXCEPTION); }
}

// Runs body with the function that entry holds, if it holds one.
template <class F, class Body>
void Run(std::shared_ptr<Entry> entry, Body body) {
  if (!entry) return;
  const Callbacks::Running running(Callbacks::Get(), std::move(entry));
  body(*static_cast<const F *>(running.get()));
}

// Adds the function of a call, if there is one; returns its user_data.
template <class F>
const void *AddIf(const F &f) {
  return f ? Callbacks::Get().Add(f) : nullptr;
}

// Sets or removes a registration, here and in the library. What the library was
// told is looked at again, since another thread may have come between.
template <class F>
void Register(Slot slot, const F &f, Attach attach, const std::string &json_extension) {
  Callbacks::Get().Set(slot, f, attach);
  bool on = static_cast<bool>(f);
  attach(on, json_extension.c_str());
  while (Callbacks::Get().Has(slot) != on) attach(on = !on, json_extension.c_str());
}

// The user_data of a slot's registration, and the slot again.
inline const void *SlotData(Slot slot) { return reinterpret_cast<const void *>(static_cast<std::uintptr_t>(slot)); }

// Runs the function of the slot that data says with body.
template <class F, class Body>
void TellSlot(const char *where, const void *data, Body body) {
  Guard(where, [&] { Run<F>(Callbacks::Get().Take(static_cast<Slot>(reinterpret_cast<std::uintptr_t>(data))), body); });
}

// Answers a call, for the last time.
template <class F, class Body>
void AnswerCall(const char *where, const void *id, Body body) {
  Guard(where, [&] { Run<F>(Callbacks::Get().Take(id, true), body); });
}

// What a call is given for cb: nothing if it is empty, else what runs body with
// it and the reply.
template <class Reply, class F, class Body>
std::function<void(const Reply &)> Reading(const F &cb, Body body) {
  if (!cb) return nullptr;
  return [cb, body](const Reply &r) { body(cb, r); };
}

// The text of a C string; NULL is "".
inline std::string Text(const char *s) { return s != nullptr ? std::string(s) : std::string(); }

// A text as C reads it, up to its first NUL. Of one that has a NUL inside C would
// read a part: it becomes a byte that is no UTF-8, which the library refuses.
inline const char *Argument(const std::string &s) { return s.find('\0') == std::string::npos ? s.c_str() : "\xFF"; }

// A value of a C enum whose largest enumerator is largest: one that the enum
// cannot hold becomes fallback.
template <class E>
E ToEnum(int value, E largest, E fallback) {
  return value < 0 || value > static_cast<int>(largest) ? fallback : static_cast<E>(value);
}

// The code of a result; one of libnim's own (21000 to 21999) is kept.
inline NIMResCode ToResCode(int code) { return code < 0 || code > 32767 ? kNIMResUnknownError : static_cast<NIMResCode>(code); }

}  // namespace detail
}  // namespace nim

#endif
