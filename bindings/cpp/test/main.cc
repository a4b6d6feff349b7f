// Runs the tests of the C++ binding:
//   test NIMD [NAME…]     prints "N passed, N failed" last
// and, for them, second processes of itself.
#include <cstdio>
#include <cstring>

#include "exits.h"
#include "support.h"

namespace {

struct Named {
  const char *name;
  void (*body)();
};

std::vector<Named> &Tests() {
  static std::vector<Named> tests;
  return tests;
}

const char *nimd_binary;

bool Wanted(const char *name, int argc, char **argv) {
  for (int i = 2; i < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return true;
  return argc <= 2;
}

}  // namespace

Test::Test(const char *name, void (*body)()) { Tests().push_back({name, body}); }

Nimd &Server() {
  static Nimd server(nimd_binary);
  return server;
}

int main(int argc, char **argv) {
  if (argc > 1 && std::strcmp(argv[1], "device") == 0) return RunDevice(argc, argv);
  if (argc > 1 && std::strcmp(argv[1], "exit") == 0) return RunExit(argc, argv);
  if (argc < 2) return std::fprintf(stderr, "usage: test NIMD [NAME...]\n"), 2;
  nimd_binary = argv[1];
  int passed = 0, failed = 0;
  for (const auto &test : Tests()) {
    if (!Wanted(test.name, argc, argv)) continue;
    try {
      test.body();
      ++passed;
    } catch (const std::exception &e) {
      ++failed;
      std::printf("FAIL %s: %s\n", test.name, e.what());
    }
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
