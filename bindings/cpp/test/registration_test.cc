// Registrations and their functions, with a stand-in for what tells the library:
// the orders of threads that are rare with the library itself.
#include <atomic>
#include <future>

#include "support.h"

using nim::detail::Callbacks;
using nim::detail::kDisconnect;
using nim::detail::OnDisconnect;
using nim::detail::Register;

namespace {

using Function = std::function<void()>;

void TellNobody(bool, const char *) {}

struct Ends {
  ~Ends() { Register(kDisconnect, Function(), &TellNobody, ""); }
};

}  // namespace

// A function that is replaced while another thread ends a call of it is destroyed
// by whoever replaces it: never later, on the other thread.
TEST(AReplacedFunctionIsGoneWhenRegReturns) {
  const Ends end;
  std::atomic<bool> stop(false);
  std::thread library([&] {
    while (!stop) OnDisconnect(nullptr, nullptr);
  });
  int late = 0;
  for (int i = 0; i < 50000; ++i) {
    const auto held = std::make_shared<int>(i);
    Register(kDisconnect, Function([held] {}), &TellNobody, "");
    Register(kDisconnect, Function([] {}), &TellNobody, "");
    late += held.use_count() != 1;
  }
  stop = true;
  library.join();
  CHECK_EQ(late, 0);
}

// A function whose own destructor uses the binding is destroyed without its lock.
TEST(TheDestructorOfAFunctionMayRegister) {
  struct Registers {
    ~Registers() { Register(kDisconnect, Function(), &TellNobody, ""); }
  };
  const Ends end;
  Function f = [last = std::make_shared<Registers>()] { Register(kDisconnect, Function([] {}), &TellNobody, ""); };
  Register(kDisconnect, f, &TellNobody, "");
  f = nullptr;
  OnDisconnect(nullptr, nullptr);
}

// The wait for a running call is the library's: the binding does not wait before
// it, so that the bound holds once and not twice.
TEST(RemovingWaitsOnce) {
  static std::promise<void> *go;
  std::promise<void> started, ended, release;
  go = &release;
  Register(kDisconnect, Function([&] {
             started.set_value();
             release.get_future().wait();
             ended.set_value();
           }),
           &TellNobody, "");
  std::thread library([] { OnDisconnect(nullptr, nullptr); });
  started.get_future().wait();
  const auto begin = std::chrono::steady_clock::now();
  Register(kDisconnect, Function(), [](bool, const char *) { go->set_value(); }, "");
  const auto waited = std::chrono::steady_clock::now() - begin;
  library.join();
  CHECK(ended.get_future().wait_for(std::chrono::seconds(0)) == std::future_status::ready);
  CHECK(waited < nim::detail::kRemoveBound);
}

// Two threads, one removes and one registers: what the library was told last is
// what the binding holds.
TEST(RegisteringWhileAnotherThreadRemoves) {
  static bool told, interleaved;
  const Ends end;
  struct Tell {
    static void Library(bool on, const char *) {
      if (!on && !interleaved) {
        interleaved = true;
        std::thread([] { Register(kDisconnect, Function([] {}), &Library, ""); }).join();
      }
      told = on;
    }
  };
  interleaved = false;
  Register(kDisconnect, Function([] {}), &Tell::Library, "");
  Register(kDisconnect, Function(), &Tell::Library, "");
  CHECK(interleaved);
  CHECK(told);
}
