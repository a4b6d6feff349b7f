// nim_cpp_trampolines.h: the C functions that the library calls, each of which
// reads what it is given and runs the function that the program gave. Internal
// to the binding.
#ifndef NIM_CPP_TRAMPOLINES_H
#define NIM_CPP_TRAMPOLINES_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "nim_cpp_client_def.h"

namespace nim {
namespace detail {

// The answer of a call while the library is not loaded.
inline constexpr const char *kNotInitialised = R"({"err_code":20000,"err_name":"not_initialized","domain":"caller"})";

// A payload from a text that the library gave away.
template <class T>
T FromOwned(char *text) {
  struct Free {
    void operator()(char *p) const { NIM_CPP_C(nim_global_free_buf)(p); }
  };
  const std::unique_ptr<char, Free> owned(text);
  return FromJson<T>(owned.get());
}

// ---- answers of calls ---------------------------------------------------------

inline void NIM_CALL OnLogin(const char *json, const void *id) {
  using F = std::function<void(const LoginRes &)>;
  Guard("Login", [&] {
    const LoginRes res = ToLoginRes(json);
    Run<F>(Callbacks::Get().Take(id, res.IsFinal()), [&](const F &f) { f(res); });
  });
}

// Answers a call, for the last time, with the payload P.
template <class P>
void AnswerWith(const char *where, const char *json, const void *id) {
  using F = std::function<void(const P &)>;
  Guard(where, [&] { Run<F>(Callbacks::Get().Take(id, true), [&](const F &f) { f(FromJson<P>(json)); }); });
}

// Answers a call, for the last time, with a code.
inline void AnswerWithCode(const char *where, int code, const void *id) {
  using F = std::function<void(NIMResCode)>;
  Guard(where, [&] { Run<F>(Callbacks::Get().Take(id, true), [&](const F &f) { f(ToResCode(code)); }); });
}

inline void NIM_CALL OnLogout(const char *json, const void *id) {
  Guard("Logout", [&] { AnswerWithCode("Logout", FromJson<payload::LogoutResult>(json).err_code, id); });
}
inline void NIM_CALL OnRenewToken(const char *json, const void *id) { AnswerWith<RenewTokenResult>("RenewToken", json, id); }
inline void NIM_CALL OnDiagnostics(const char *json, const void *id) { AnswerWith<Diagnostics>("GetDiagnostics", json, id); }
inline void NIM_CALL OnResult(const char *json, const void *id) { AnswerWith<ErrorInfo>("Pause or Resume", json, id); }

inline void NIM_CALL OnServerTime(int code, nim_bool_reg calc_local, nim_uint64 time, const void *id) {
  using F = std::function<void(int, bool, std::uint64_t)>;
  Guard("GetServerCurrentTime", [&] { Run<F>(Callbacks::Get().Take(id, true), [&](const F &f) { f(code, calc_local, time); }); });
}

inline bool IsPushOff(const char *content) { return FromJson<payload::PushConfig>(content).switch_open == 1; }

inline void NIM_CALL OnPushConfig(int code, const char *content, const char *, const void *id) {
  using F = std::function<void(int, bool)>;
  Guard("MultiportPushConfig", [&] { Run<F>(Callbacks::Get().Take(id, true), [&](const F &f) { f(code, IsPushOff(content)); }); });
}

// ---- registrations ------------------------------------------------------------

// Runs the function F of a slot with body.
template <class F, class Body>
void Notify(const char *where, Slot slot, Body body) {
  Guard(where, [&] { Run<F>(Callbacks::Get().Take(slot), body); });
}

inline void NIM_CALL OnDisconnect(const char *, const void *) {
  using F = std::function<void()>;
  Notify<F>("RegDisconnectCb", kDisconnect, [](const F &f) { f(); });
}

inline void NIM_CALL OnRelogin(const char *json, const void *) {
  using F = std::function<void(const LoginRes &)>;
  Notify<F>("RegReloginCb", kRelogin, [&](const F &f) { f(ToLoginRes(json)); });
}

inline void NIM_CALL OnKickout(const char *json, const void *) {
  using F = std::function<void(const KickoutRes &)>;
  Notify<F>("RegKickoutCb", kKickout, [&](const F &f) { f(ToKickoutRes(json)); });
}

inline void NIM_CALL OnMultispot(const char *json, const void *) {
  using F = std::function<void(const MultiSpotLoginRes &)>;
  Notify<F>("RegMultispotLoginCb", kMultispot, [&](const F &f) { f(ToMultiSpotLoginRes(json)); });
}

inline void NIM_CALL OnKickOther(const char *json, const void *) {
  using F = std::function<void(const KickOtherRes &)>;
  Notify<F>("RegKickOtherCb", kKickOther, [&](const F &f) { f(ToKickOtherRes(json)); });
}

inline void NIM_CALL OnPushSync(int code, const char *content, const char *, const void *) {
  using F = std::function<void(int, bool)>;
  Notify<F>("RegSyncMultiportPushConfigCb", kPushSync, [&](const F &f) { f(code, IsPushOff(content)); });
}

inline void NIM_CALL OnConnection(const char *json, const void *) {
  using F = std::function<void(const ConnectionEvent &)>;
  Notify<F>("RegConnectionCb", kConnection, [&](const F &f) { f(FromJson<ConnectionEvent>(json)); });
}

// The library copies the token as soon as this returns; the text is this
// thread's until its next request.
inline void NIM_CALL OnToken(char *&token, nim_uint32 *length, const char *json, const void *) {
  using F = std::function<std::string(const TokenRequest &)>;
  Notify<F>("RegTokenProvider", kToken, [&](const F &f) {
    static thread_local std::string given;
    given = f(FromJson<TokenRequest>(json));
    if (given.empty()) return;
    token = &given[0];
    *length = static_cast<nim_uint32>(given.size());
  });
}

// ---- how each registration is told to the library -----------------------------

inline void AttachDisconnect(bool on, const char *json) { NIM_CPP_C(nim_client_reg_disconnect_cb)(json, on ? &OnDisconnect : nullptr, nullptr); }
inline void AttachRelogin(bool on, const char *json) { NIM_CPP_C(nim_client_reg_auto_relogin_cb)(json, on ? &OnRelogin : nullptr, nullptr); }
inline void AttachToken(bool on, const char *json) { NIM_CPP_C(nim_client_reg_relogin_request_token_cb)(json, on ? &OnToken : nullptr, nullptr); }
inline void AttachKickout(bool on, const char *json) { NIM_CPP_C(nim_client_reg_kickout_cb)(json, on ? &OnKickout : nullptr, nullptr); }
inline void AttachMultispot(bool on, const char *json) { NIM_CPP_C(nim_client_reg_multispot_login_notify_cb)(json, on ? &OnMultispot : nullptr, nullptr); }
inline void AttachKickOther(bool on, const char *json) { NIM_CPP_C(nim_client_reg_kickout_other_client_cb)(json, on ? &OnKickOther : nullptr, nullptr); }
inline void AttachPushSync(bool on, const char *json) { NIM_CPP_C(nim_client_reg_sync_multiport_push_config_cb)(json, on ? &OnPushSync : nullptr, nullptr); }
inline void AttachConnection(bool on, const char *json) { NIM_CPP_C(nimx_client_reg_connection_cb)(json, on ? &OnConnection : nullptr, nullptr, nullptr); }

}  // namespace detail
}  // namespace nim

#endif
