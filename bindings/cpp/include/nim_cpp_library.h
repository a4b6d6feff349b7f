// nim_cpp_library.h: how the binding reaches the C functions.
//
// By default a program links the library. With NIM_CPP_DYNAMIC defined in every
// file that includes the binding, it does not: nim::Library::Load loads it, or
// the first Init does, from app_install_dir or else from where the system looks.
#ifndef NIM_CPP_LIBRARY_H
#define NIM_CPP_LIBRARY_H

#include "nim_client.h"
#include "nim_cpp_names_gen.h"
#include "nim_data_sync.h"
#include "nim_global.h"
#include "nimx.h"

#if defined(NIM_CPP_DYNAMIC)

#include <atomic>
#include <mutex>
#include <string>

#include "nim_cpp_functions_gen.h"

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace nim {
namespace detail {

// What stands for a function while the library is not loaded: it does nothing
// and returns zero.
template <class F>
struct Absent;
template <class R, class... A>
struct Absent<R(NIM_CALL *)(A...)> {
  static R NIM_CALL Call(A...) { return R(); }
};

struct Functions {
#define NIM_CPP_MEMBER(f) decltype(&::f) f = &Absent<decltype(&::f)>::Call;
  NIM_CPP_FUNCTIONS(NIM_CPP_MEMBER)
#undef NIM_CPP_MEMBER
};

inline std::atomic<const Functions *> &FunctionTable() {
  static const Functions absent;
  static std::atomic<const Functions *> table(&absent);
  return table;
}

inline std::atomic<bool> &LibraryIsLoaded() {
  static std::atomic<bool> loaded(false);
  return loaded;
}

inline bool Available() { return LibraryIsLoaded(); }

#if defined(_WIN32)
inline void *OpenLibrary(const std::string &path, std::string *error) {
  const int n = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(n > 0 ? static_cast<std::size_t>(n) : 1, L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, &wide[0], n);
  HMODULE module = LoadLibraryW(wide.c_str());
  if (module == nullptr && error != nullptr) *error = path + ": error " + std::to_string(GetLastError());
  return reinterpret_cast<void *>(module);
}
inline void *FindSymbol(void *library, const char *name) {
  return reinterpret_cast<void *>(GetProcAddress(reinterpret_cast<HMODULE>(library), name));
}
constexpr const char *kLibraryName = "nim.dll";
#else
inline void *OpenLibrary(const std::string &path, std::string *error) {
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr && error != nullptr) *error = dlerror();
  return library;
}
inline void *FindSymbol(void *library, const char *name) { return dlsym(library, name); }
#if defined(__APPLE__)
constexpr const char *kLibraryName = "libnim.dylib";
#else
constexpr const char *kLibraryName = "libnim.so";
#endif
#endif

}  // namespace detail

// Library loads libnim where the program does not link it.
class Library {
 public:
  // Loads the library from a file, or with "" from where the system looks. True
  // if it is loaded, now or before; else *error says why. It is never unloaded.
  static bool Load(const std::string &path = std::string(), std::string *error = nullptr) {
    static std::mutex one_at_a_time;
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    if (detail::Available()) return true;
    void *library = detail::OpenLibrary(path.empty() ? detail::kLibraryName : path, error);
    if (library == nullptr) return false;
    static detail::Functions found;
    const char *missing = nullptr;
#define NIM_CPP_LOOK_UP(f)                                          \
  if (void *symbol = detail::FindSymbol(library, #f))               \
    found.f = reinterpret_cast<decltype(&::f)>(symbol);             \
  else                                                              \
    missing = #f;
    NIM_CPP_FUNCTIONS(NIM_CPP_LOOK_UP)
#undef NIM_CPP_LOOK_UP
    if (missing != nullptr) {
      if (error != nullptr) *error = std::string("no function ") + missing + " in the library: it is too old";
      return false;
    }
    detail::FunctionTable() = &found;
    detail::LibraryIsLoaded() = true;
    return true;
  }

  // Loads it from a directory, whose name may end in a separator.
  static bool LoadFrom(const std::string &directory, std::string *error = nullptr) {
    if (directory.empty()) return Load(directory, error);
    const char last = directory.back();
    return Load(directory + (last == '/' || last == '\\' ? "" : "/") + detail::kLibraryName, error);
  }
};

}  // namespace nim

// The C function f, as something to call.
#define NIM_CPP_C(f) (::nim::detail::FunctionTable().load()->f)

#else

namespace nim {
namespace detail {
constexpr bool Available() { return true; }
}  // namespace detail
}  // namespace nim

#define NIM_CPP_C(f) (::f)

#endif

#endif
