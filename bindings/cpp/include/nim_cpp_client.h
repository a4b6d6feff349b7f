// nim_cpp_client.h: nim::Client, the session: init, login, kick, logout.
//
// How the library behaves is told in docs/CLIENT.md. A callback is a
// std::function; it may call anything here. An exception that leaves one ends
// there and goes to SetExceptionHandler. After a Reg... with an empty function
// or Cleanup has returned, the function does not start again, and it has been
// destroyed unless it still runs.
#ifndef NIM_CPP_CLIENT_H
#define NIM_CPP_CLIENT_H

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>

#include "nim_cpp_client_def.h"
#include "nim_cpp_dispatch.h"
#include "nim_cpp_trampolines.h"

namespace nim {

class Client {
 public:
  using LoginCallback = std::function<void(const LoginRes &)>;
  using LogoutCallback = std::function<void(NIMResCode)>;
  using KickoutCallback = std::function<void(const KickoutRes &)>;
  using DisconnectCallback = std::function<void()>;
  using MultiSpotLoginCallback = std::function<void(const MultiSpotLoginRes &)>;
  using KickOtherCallback = std::function<void(const KickOtherRes &)>;
  using MultiportPushConfigCallback = std::function<void(int rescode, bool switch_on)>;
  using GetCurrentServerTimeCallback = std::function<void(int rescode, bool calc_local, std::uint64_t time)>;
  // Puts a token into *token; leaving it empty keeps the old one.
  using ReloginRequestTokenCallback = std::function<void(std::string *token)>;

  // libnim's own.
  using ConnectionCallback = std::function<void(const ConnectionEvent &)>;
  using TokenProvider = std::function<std::string(const TokenRequest &)>;
  using RenewTokenCallback = std::function<void(const RenewTokenResult &)>;
  using ResultCallback = std::function<void(const ErrorInfo &)>;
  using DiagnosticsCallback = std::function<void(const Diagnostics &)>;

  // ---- the library ----------------------------------------------------------

  // Starts the library in this process. False: GetInitError tells why.
  static bool Init(const std::string &app_key, const std::string &app_data_dir, const std::string &app_install_dir, const SDKConfig &config) {
    if (!detail::Host::Get().Init(app_data_dir, app_install_dir, detail::ToJson(detail::ToOptions(app_key, config)))) return false;
    const std::lock_guard<std::mutex> lock(Kept().mutex);
    Kept().config = config;
    return true;
  }

  // Tells why the last Init failed; err_code 0 if it did not.
  static ErrorInfo GetInitError() { return detail::FromJson<ErrorInfo>(NIM_CPP_C(nimx_init_error)()); }

  // Tells the settings of the last Init.
  static SDKConfig GetSDKConfig() {
    const std::lock_guard<std::mutex> lock(Kept().mutex);
    return Kept().config;
  }

  // Ends the session, answers every call that waits, stops the library and
  // forgets every callback. Legal anywhere, inside a callback too.
  static void Cleanup(const std::string &json_extension = std::string()) {
    detail::Host::Get().Cleanup([&](const StdClosure &) { NIM_CPP_C(nim_client_cleanup)(json_extension.c_str()); });
  }

  static void Cleanup2(const std::string &json_extension = std::string()) { Cleanup2(LogoutCallback(), json_extension); }

  // Cleanup, and then cb on this thread before it returns.
  static void Cleanup2(const LogoutCallback &cb, const std::string &json_extension = std::string()) {
    detail::Host::Get().Cleanup([&](const StdClosure &end) {
      const void *const id = detail::AddIf(cb ? LogoutCallback([&](NIMResCode code) { end(), cb(code); }) : cb);
      if (!detail::Available()) return detail::OnLogout(detail::kNotInitialised, id);
      NIM_CPP_C(nim_client_cleanup2)(&detail::OnLogout, json_extension.c_str(), id);
    });
  }

  // Gives the callbacks to a task queue of the program: post is called with a
  // task and must have it run soon, later, on a thread of the program. Legal
  // before Init, and after it while nobody has logged in; false otherwise. It
  // stays until it is set again. An empty post: the library's own thread.
  static bool SetCallbackFunction(const SDKClosure &post) { return detail::Host::Get().SetPoster(post); }

  // Sets who is told of exceptions that leave callbacks; without anyone they are
  // reported on standard error.
  static void SetExceptionHandler(const ExceptionHandler &handler) { detail::Callbacks::Get().SetExceptionHandler(handler); }

  // Forgets every callback without waiting and keeps the session: for code that
  // is about to be unloaded. Registering again replays the present state.
  static void DetachCallbacks() {
    const auto newest = detail::Callbacks::Get().Newest();
    NIM_CPP_C(nimx_global_detach_callbacks)();
    detail::Callbacks::Get().End(newest);
  }

  // ---- the session ----------------------------------------------------------

  // Logs an account in. cb gets each step and then the end: LoginRes::IsFinal.
  // An app_key of "" is the one of Init; a token of "" is asked of the token
  // provider. False: the library is not initialised, and cb was told so.
  static bool Login(const std::string &app_key, const std::string &account, const std::string &password, const LoginCallback &cb,
                    const std::string &json_extension = std::string()) {
    const bool running = detail::Host::Get().running();
    const void *const id = detail::AddIf(cb);
    if (!detail::Available())
      detail::OnLogin(detail::kNotInitialised, id);
    else
      NIM_CPP_C(nim_client_login)
      (detail::Argument(app_key), detail::Argument(account), detail::Argument(password), detail::Argument(json_extension),
       id != nullptr ? &detail::OnLogin : nullptr, id);
    return running;
  }

  // Writes the json_extension of Login.
  static void LoginCustomDataToJson(const LoginParams &params, std::string &json_extension) {
    json_extension = detail::ToJson(detail::ToOptions(params));
  }
  static void LoginCustomDataToJson(const std::string &custom_data, std::string &json_extension) {
    LoginParams params;
    params.custom_data_ = custom_data;
    LoginCustomDataToJson(params, json_extension);
  }
  static std::string LoginCustomDataToJson(const LoginParams &params) {
    std::string json;
    LoginCustomDataToJson(params, json);
    return json;
  }

  // Tries to log in again at once; the outcome comes to RegReloginCb.
  static void Relogin(const std::string &json_extension = std::string()) { NIM_CPP_C(nim_client_relogin)(json_extension.c_str()); }

  // Ends the session. cb is told once, whatever the state.
  static void Logout(NIMLogoutType logout_type, const LogoutCallback &cb, const std::string &json_extension = std::string()) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnLogout(detail::kNotInitialised, id);
    NIM_CPP_C(nim_client_logout)(logout_type, json_extension.c_str(), id != nullptr ? &detail::OnLogout : nullptr, id);
  }

  // Drops other devices of the account; the outcome comes to RegKickOtherCb.
  static bool KickOtherClient(const std::list<std::string> &client_ids) {
    payload::KickOtherRequest request;
    request.device_ids.assign(client_ids.begin(), client_ids.end());
    NIM_CPP_C(nim_client_kick_other_client)(detail::ToJson(request).c_str());
    return detail::Host::Get().running();
  }

  // Tells whether an account is logged in: enum NIMLoginState.
  static NIMLoginState GetLoginState(const std::string &json_extension = std::string()) {
    return NIM_CPP_C(nim_client_get_login_state)(json_extension.c_str()) == kNIMLoginStateLogin ? kNIMLoginStateLogin : kNIMLoginStateUnLogin;
  }

  // Tells the account that is logged in, "" when there is none.
  static std::string GetCurrentUserAccount() { return detail::Text(NIM_CPP_C(nim_client_current_user_account)()); }

  static std::string GetSDKVersion() { return detail::Text(NIM_CPP_C(nim_client_version)()); }

  // Tells the clock of the server; with calc_local without asking it.
  static void GetServerCurrentTime(const GetCurrentServerTimeCallback &cb, bool calc_local = true) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnServerTime(kNIMLocalResAPIErrorInitUndone, calc_local, 0, id);
    NIM_CPP_C(nim_client_get_server_current_time)(calc_local, id != nullptr ? &detail::OnServerTime : nullptr, nullptr, id);
  }

  // Sets whether phones get no pushes while a desktop of the account is online.
  static void SetMultiportPushConfigAsync(bool switch_on, const MultiportPushConfigCallback &cb, const std::string &json_extension = std::string()) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnPushConfig(kNIMLocalResAPIErrorInitUndone, "{}", "{}", id);
    payload::PushConfig config;
    config.switch_open = switch_on ? 1 : 2;
    NIM_CPP_C(nim_client_set_multiport_push_config)
    (detail::ToJson(config).c_str(), json_extension.c_str(), id != nullptr ? &detail::OnPushConfig : nullptr, id);
  }

  static void GetMultiportPushConfigAsync(const MultiportPushConfigCallback &cb, const std::string &json_extension = std::string()) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnPushConfig(kNIMLocalResAPIErrorInitUndone, "{}", "{}", id);
    NIM_CPP_C(nim_client_get_multiport_push_config)(json_extension.c_str(), id != nullptr ? &detail::OnPushConfig : nullptr, id);
  }

  static void UpdateApnsToken(const std::string &device_token) { NIM_CPP_C(nim_client_update_apns_token)(device_token.c_str()); }

  // ---- registrations: an empty function removes one ---------------------------

  // The connection was lost; relogin begins.
  static void RegDisconnectCb(const DisconnectCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kDisconnect, cb, &detail::AttachDisconnect, json_extension);
  }

  // The outcome of every relogin.
  static void RegReloginCb(const LoginCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kRelogin, cb, &detail::AttachRelogin, json_extension);
  }

  // The library needs a token: at a login that was given none, and before a
  // relogin with a dynamic or app-checked token. There is one provider: this, or
  // the one of RegTokenProvider.
  static void RegReloginRequestTokenCb(const ReloginRequestTokenCallback &cb, const std::string &json_extension = std::string()) {
    TokenProvider provider;
    if (cb) {
      provider = [cb](const TokenRequest &) {
        std::string token;
        cb(&token);
        return token;
      };
    }
    RegTokenProvider(provider, json_extension);
  }
  // The same, as the NIM SDK spells it.
  static void RegReloginRequestToeknCb(const ReloginRequestTokenCallback &cb, const std::string &json_extension = std::string()) {
    RegReloginRequestTokenCb(cb, json_extension);
  }
  // libnim's own: the same, told for whom and why. "" keeps the old token.
  static void RegTokenProvider(const TokenProvider &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kToken, cb, &detail::AttachToken, json_extension);
  }

  // This device was thrown out; the session is over.
  static void RegKickoutCb(const KickoutCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kKickout, cb, &detail::AttachKickout, json_extension);
  }

  // Other devices of the account came or went.
  static void RegMultispotLoginCb(const MultiSpotLoginCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kMultispot, cb, &detail::AttachMultispot, json_extension);
  }

  // The outcome of KickOtherClient.
  static void RegKickOtherCb(const KickOtherCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kKickOther, cb, &detail::AttachKickOther, json_extension);
  }
  static void RegKickOtherClientCb(const KickOtherCallback &cb, const std::string &json_extension = std::string()) {
    RegKickOtherCb(cb, json_extension);
  }

  // Another device changed the push setting.
  static void RegSyncMultiportPushConfigCb(const MultiportPushConfigCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kPushSync, cb, &detail::AttachPushSync, json_extension);
  }

  // libnim's own: every change of the connection and the session, as one stream.
  static void RegConnectionCb(const ConnectionCallback &cb, const std::string &json_extension = std::string()) {
    detail::Register(detail::kConnection, cb, &detail::AttachConnection, json_extension);
  }

  // Removes every registration of this class.
  static void UnregClientCb() {
    RegDisconnectCb(nullptr);
    RegReloginCb(nullptr);
    RegTokenProvider(nullptr);
    RegKickoutCb(nullptr);
    RegMultispotLoginCb(nullptr);
    RegKickOtherCb(nullptr);
    RegSyncMultiportPushConfigCb(nullptr);
    RegConnectionCb(nullptr);
  }

  // ---- libnim's own -----------------------------------------------------------

  // Tells the state of the session, finer than GetLoginState.
  static nimx_status GetStatus() { return detail::ToEnum(NIM_CPP_C(nimx_client_get_status)(), NIMX_STATUS_PAUSED, NIMX_STATUS_LOGGED_OUT); }

  // Tells who is logged in; account "" when nobody is.
  static LoginUser GetLoginUser() { return detail::FromOwned<LoginUser>(NIM_CPP_C(nimx_client_get_login_user)()); }

  // Tells what this library and its current server can do.
  static payload::Capabilities GetCapabilities() { return detail::FromOwned<payload::Capabilities>(NIM_CPP_C(nimx_client_capabilities)()); }

  // Replaces the token of the running session without a logout.
  static void RenewToken(const std::string &token, const RenewTokenCallback &cb,
                         const payload::RenewTokenOptions &options = payload::RenewTokenOptions()) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnRenewToken(detail::kNotInitialised, id);
    NIM_CPP_C(nimx_client_renew_token)(detail::Argument(token), detail::ToJson(options).c_str(), id != nullptr ? &detail::OnRenewToken : nullptr, id);
  }

  // Says that the network changed: a waiting relogin is tried at once.
  static void NetworkChanged() { NIM_CPP_C(nimx_client_network_changed)(nullptr); }

  // Closes the connection without a logout and keeps it closed until Resume.
  static void Pause(const ResultCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnResult(detail::kNotInitialised, id);
    NIM_CPP_C(nimx_client_pause)(nullptr, id != nullptr ? &detail::OnResult : nullptr, id);
  }
  static void Resume(const ResultCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnResult(detail::kNotInitialised, id);
    NIM_CPP_C(nimx_client_resume)(nullptr, id != nullptr ? &detail::OnResult : nullptr, id);
  }

  // Collects what is known about the connection. Holds no secret.
  static void GetDiagnostics(const DiagnosticsCallback &cb) {
    const void *const id = detail::AddIf(cb);
    if (!detail::Available()) return detail::OnDiagnostics(detail::kNotInitialised, id);
    NIM_CPP_C(nimx_client_diagnostics)(nullptr, id != nullptr ? &detail::OnDiagnostics : nullptr, id);
  }

 private:
  struct LastInit {
    std::mutex mutex;
    SDKConfig config;
  };
  static LastInit &Kept() {
    static LastInit *const one = new LastInit;
    return *one;
  }
};

}  // namespace nim

#endif
