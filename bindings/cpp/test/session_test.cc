// The session through the real library: every test logs in to a real nimd.
#include "support.h"

using nim::Client;

// C reads a text up to its first NUL: neither half of such a name is logged in.
TEST(TextWithANulIsRefused) {
  Mailbox<int> codes;
  Fixture f;
  const auto account = Server().NewAccount();
  const std::string rest("\0more", 5);
  const auto refused = [](const nim::LoginRes &r) { return r.res_code_ == nim::kNIMResParameterError; };
  CHECK(refused(f.Login(account + rest, "secret")));
  CHECK(refused(f.Login(account, "secret" + rest)));
  f.MustLogin(account);
  Client::RenewToken("secret" + rest, [&](const nim::RenewTokenResult &r) { codes.Put(r.err_code); });
  CHECK_EQ(codes.Next("the answer"), 414);
  f.Logout();
}

TEST(LoginReportsEveryStep) {
  Mailbox<nim::LoginRes> steps;
  Fixture f;
  const auto account = Server().NewAccount();
  nim::LoginParams params;
  params.operation_id_ = "first";
  CHECK(Client::Login("", account, "secret", [&](const nim::LoginRes &r) { steps.Put(r); }, Client::LoginCustomDataToJson(params)));
  for (int step = nim::kNIMLoginStepLinking; step <= nim::kNIMLoginStepLogin; ++step) {
    const auto r = steps.Next("a step");
    CHECK_EQ(r.res_code_, nim::kNIMResSuccess);
    CHECK_EQ(r.login_step_, step);
    CHECK_EQ(r.error_.operation_id, "first");
    CHECK_EQ(r.IsFinal(), step == nim::kNIMLoginStepLogin);
  }
  CHECK_EQ(Client::GetCurrentUserAccount(), account);
  CHECK_EQ(Client::GetLoginState(), nim::kNIMLoginStateLogin);
  CHECK_EQ(Client::GetStatus(), nim::NIMX_STATUS_ONLINE);
  const auto user = Client::GetLoginUser();
  CHECK_EQ(user.account, account);
  CHECK(!user.device_id.empty() && !user.session.empty() && user.login_time > 0);
  for (const auto *name : {"connecting", "connected", "ready"}) CHECK_EQ(f.events.Next(name).event, name);
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);
  CHECK_EQ(Client::GetLoginState(), nim::kNIMLoginStateUnLogin);
  CHECK_EQ(Client::GetCurrentUserAccount(), "");
  CHECK_EQ(steps.size(), 0);
}

TEST(WrongTokenAndUnknownAccountAreRefused) {
  Fixture f;
  const auto account = Server().NewAccount();
  for (const auto &who : {account, std::string("nobody-here")}) {
    const auto r = f.Login(who, "wrong");
    CHECK_EQ(r.res_code_, nim::kNIMResUidPassError);
    CHECK(!r.retrying_ && !r.IsSuccess());
    CHECK_EQ(r.error_.err_name, "token_invalid");
    CHECK_EQ(r.error_.domain, "auth");
    CHECK(!r.error_.err_msg.empty());
  }
  const auto r = f.Login("no good", "secret");
  CHECK_EQ(r.res_code_, nim::kNIMResParameterError);
  CHECK_EQ(r.error_.domain, "caller");
  f.MustLogin(account);
}

TEST(SecondDeviceComesIsKickedAndGoes) {
  Fixture f;
  const auto account = Server().NewAccount();
  f.MustLogin(account);
  Device phone(account, "secret", nim::kNIMClientTypeiOS);
  auto notice = f.notices.Next("the phone comes");
  CHECK_EQ(notice.notify_type_, nim::kNIMMultiSpotNotifyTypeImIn);
  CHECK_EQ(notice.other_clients_.size(), 1);
  const auto other = notice.other_clients_.front();
  CHECK_EQ(other.device_id_, phone.id());
  CHECK_EQ(other.client_type_, nim::kNIMClientTypeiOS);
  CHECK_EQ(other.app_account_, account);
  CHECK(other.login_time_ > 1600000000000);

  Client::KickOtherClient({phone.id(), "no-such-device"});
  const auto kicked = f.kicked_others.Next("the answer of the kick");
  CHECK_EQ(kicked.res_code_, nim::kNIMResSuccess);
  CHECK_EQ(kicked.device_ids_.size(), 1);
  CHECK_EQ(kicked.device_ids_.front(), phone.id());
  CHECK_EQ(kicked.results_.size(), 2);
  phone.WaitFor("kicked " + std::to_string(nim::kNIMKickReasonKickBySelfOtherClient));
  notice = f.notices.Next("the phone goes");
  CHECK_EQ(notice.notify_type_, nim::kNIMMultiSpotNotifyTypeImOut);
  phone.Close();
}

TEST(PresenceComesWithTheLogin) {
  Fixture f;
  const auto account = Server().NewAccount();
  Device phone(account, "secret", nim::kNIMClientTypeAndroid);
  const auto r = f.Login(account, "secret");
  CHECK(r.IsSuccess());
  CHECK_EQ(r.other_clients_.size(), 1);
  CHECK_EQ(r.other_clients_.front().device_id_, phone.id());
  phone.Close();
}

TEST(KickedByTheServerAndByANewcomer) {
  Fixture f;
  const auto account = Server().NewAccount();
  f.MustLogin(account);
  Server().Admin("POST", "/kick", "{\"account\":\"" + account + "\",\"reason\":\"maintenance\"}");
  auto kick = f.kickouts.Next("a kick by the server");
  CHECK_EQ(kick.kick_reason_, nim::kNIMKickReasonServerKick);
  CHECK_EQ(kick.kickout_description_, "maintenance");
  const auto event = f.Event("kicked");
  CHECK(event.kicked.has_value());
  CHECK_EQ(event.kicked->reason_code, nim::kNIMKickReasonServerKick);
  CHECK_EQ(Client::GetStatus(), nim::NIMX_STATUS_KICKED);

  f.MustLogin(account);  // straight from kicked
  Device newcomer(account, "secret", nim::kNIMClientTypePCWindows);
  kick = f.kickouts.Next("a kick by a newcomer");
  CHECK_EQ(kick.kick_reason_, nim::kNIMKickReasonSameGeneric);
  CHECK_EQ(kick.device_id_, newcomer.id());
  CHECK_EQ(kick.client_type_, nim::kNIMClientTypePCWindows);
  newcomer.Close();
}

TEST(CutAndRecovery) {
  Path path(Server().port());
  Fixture f(path.link());
  const auto account = Server().NewAccount();
  f.MustLogin(account);
  path.SetClosed(true);
  f.disconnects.Next("the loss");
  const auto failed = f.relogins.Next("a failed attempt");
  CHECK_EQ(failed.res_code_, nim::kNIMResConnectionError);
  CHECK(failed.relogin_ && failed.retrying_);
  CHECK_EQ(failed.error_.domain, "network");
  CHECK_EQ(Client::GetStatus(), nim::NIMX_STATUS_RECONNECTING);
  path.SetClosed(false);
  Client::NetworkChanged();
  const auto back = f.relogins.Until("the recovery", [](const nim::LoginRes &r) { return !r.retrying_; });
  CHECK(back.IsSuccess() && back.relogin_);
  f.Event("lost");
  f.Event("ready");
  CHECK_EQ(Client::GetCurrentUserAccount(), account);
}

TEST(TokenProviderIsAskedWhereNoTokenIsGiven) {
  Mailbox<nim::TokenRequest> requests;
  Fixture f;
  const auto account = Server().NewAccount();
  nim::LoginParams params;
  params.auth_type_ = nim::kNIMAuthTypeBySecretToken;
  Client::RegTokenProvider([&](const nim::TokenRequest &r) {
    requests.Put(r);
    return Server().Mint("dynamic", r.account, 600);
  });
  const auto r = f.Login(account, "", params);
  CHECK(r.IsSuccess());
  const auto request = requests.Next("a request");
  CHECK_EQ(request.account, account);
  CHECK_EQ(request.reason, "login");
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);

  // In the shape of the NIM SDK, and with a wrong token.
  Client::RegReloginRequestToeknCb([](std::string *token) { *token = "wrong"; });
  const auto refused = f.Login(account, "", params);
  CHECK_EQ(refused.res_code_, nim::kNIMResUidPassError);
  CHECK_EQ(requests.size(), 0);
}

TEST(ProviderServesARelogin) {
  Mailbox<std::string> reasons;
  Path path(Server().port());
  Fixture f(path.link());
  const auto account = Server().NewAccount();
  nim::LoginParams params;
  params.auth_type_ = nim::kNIMAuthTypeBySecretToken;
  Client::RegTokenProvider([&](const nim::TokenRequest &r) {
    reasons.Put(r.reason);
    return Server().Mint("dynamic", r.account, 600);
  });
  CHECK(f.Login(account, Server().Mint("dynamic", account, 600), params).IsSuccess());
  CHECK_EQ(reasons.size(), 0);
  path.SetClosed(true);
  f.disconnects.Next("the loss");
  path.SetClosed(false);
  Client::Relogin();
  CHECK(f.relogins.Until("the recovery", [](const nim::LoginRes &r) { return !r.retrying_; }).IsSuccess());
  CHECK_EQ(reasons.Next("a request"), "relogin");
}

TEST(RenewTokenInPlace) {
  Mailbox<nim::RenewTokenResult> renewed;
  Fixture f;
  const auto account = Server().NewAccount();
  CHECK(f.Login(account, Server().Mint("hmac", account, 600)).IsSuccess());
  const auto put = [&](const nim::RenewTokenResult &r) { renewed.Put(r); };
  Client::RenewToken(Server().Mint("hmac", account, 1200), put);
  const auto good = renewed.Next("a renewal");
  CHECK_EQ(good.err_code, 200);
  CHECK(good.expires_at_ms > 0);
  Client::RenewToken("wrong", put);
  const auto bad = renewed.Next("a refusal");
  CHECK_EQ(bad.err_code, 302);
  CHECK_EQ(Client::GetStatus(), nim::NIMX_STATUS_ONLINE);
}

TEST(AccountSwitchIsRefusedUnlessAskedFor) {
  Fixture f;
  const auto alice = Server().NewAccount(), bob = Server().NewAccount();
  f.MustLogin(alice);
  CHECK_EQ(f.Login(bob, "secret").res_code_, nim::kNIMLocalResAPIErrorLogined);
  CHECK_EQ(Client::GetCurrentUserAccount(), alice);
  const auto again = f.Login(alice, "secret");
  CHECK(again.IsSuccess() && again.repeat_login_);
  nim::LoginParams params;
  params.switch_account_ = true;
  CHECK(f.Login(bob, "secret", params).IsSuccess());
  CHECK_EQ(Client::GetCurrentUserAccount(), bob);
}

TEST(LogoutAnswersInEveryState) {
  Fixture f;
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);  // not logged in
  f.MustLogin(Server().NewAccount());
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);
  CHECK_EQ(f.Logout(), nim::kNIMResSuccess);
}

TEST(CallsOutsideInitAreAnswered) {
  Mailbox<int> codes;
  CHECK(!Client::Login("app", "alice", "secret", [&](const nim::LoginRes &r) { codes.Put(r.IsFinal() ? r.res_code_ : -1); }));
  CHECK_EQ(codes.size(), 1);  // answered before the function returned
  Client::Logout(nim::kNIMLogoutAppExit, [&](nim::NIMResCode code) { codes.Put(code); });
  Client::GetServerCurrentTime([&](int code, bool, std::uint64_t) { codes.Put(code); }, false);
  Client::GetMultiportPushConfigAsync([&](int code, bool) { codes.Put(code); });
  Client::RenewToken("t", [&](const nim::RenewTokenResult &r) { codes.Put(r.err_code); });
  Client::Pause([&](const nim::ErrorInfo &r) { codes.Put(r.err_code); });
  nim::Global::UploadSDKLog("help", [&](nim::NIMResCode code) { codes.Put(code); });
  for (int i = 0; i < 7; ++i) CHECK_EQ(codes.Next("an answer"), nim::kNIMLocalResAPIErrorInitUndone);
}

TEST(InitErrorIsTold) {
  Fixture f;
  CHECK_EQ(Client::GetInitError().err_code, 0);
  TemporaryDirectory other;
  CHECK(!Client::Init("another-app", other.path(), "", Fixture::Config("")));
  CHECK_EQ(Client::GetInitError().err_code, nim::NIMX_ERR_CONFIG_CONFLICT);
  CHECK_EQ(Client::GetInitError().err_name, "config_conflict");
  CHECK_EQ(Client::GetSDKConfig().default_link_address_, Server().link());
}

TEST(ServerTimePushConfigAndDiagnostics) {
  Mailbox<std::uint64_t> times;
  Mailbox<int> push;
  Mailbox<nim::Diagnostics> diagnostics;
  Fixture f;
  f.MustLogin(Server().NewAccount());
  Client::GetServerCurrentTime([&](int code, bool, std::uint64_t ms) { times.Put(code == 200 ? ms : 0); }, false);
  CHECK(times.Next("the time") > 1600000000000);
  const auto put = [&](int code, bool on) { push.Put(code == 200 ? on : -1); };
  Client::SetMultiportPushConfigAsync(true, put);
  CHECK_EQ(push.Next("the answer of the setting"), 1);
  Client::GetMultiportPushConfigAsync(put);
  CHECK_EQ(push.Next("the setting"), 1);
  Client::GetDiagnostics([&](const nim::Diagnostics &d) { diagnostics.Put(d); });
  const auto d = diagnostics.Next("diagnostics");
  CHECK_EQ(d.status, nim::NIMX_STATUS_ONLINE);
  CHECK(!d.attempts.empty() && !d.trace.empty() && d.bytes_in > 0);
  CHECK(d.attempts.back().total_us > 0);
  CHECK_EQ(Client::GetCapabilities().backend, "nim");
  CHECK_EQ(Client::GetCapabilities().version, Client::GetSDKVersion());
}

TEST(DataSyncEndsForEveryKind) {
  Mailbox<int> kinds;
  Fixture f;
  nim::DataSync::RegCompleteCb([&](nim::NIMDataSyncType type, nim::NIMDataSyncStatus status, const std::string &json) {
    const bool teams = type == nim::kNIMDataSyncTypeTeamInfo || type == nim::kNIMDataSyncTypeSuperTeamInfo;
    kinds.Put(status == nim::kNIMDataSyncStatusComplete && json == (teams ? "[]" : type == nim::kNIMDataSyncTypeUnreadMsg ? "{}" : "") ? type : -1);
  });
  f.MustLogin(Server().NewAccount());
  kinds.Until("teams", [](int type) { return type == nim::kNIMDataSyncTypeTeamInfo; });
  kinds.Until("unread messages", [](int type) { return type == nim::kNIMDataSyncTypeUnreadMsg; });
}

TEST(ProxyIsUsedAndDetected) {
  Mailbox<nim::payload::ProxyDetectResult> found;
  Fixture f;
  const auto account = Server().NewAccount();
  Path dead(1);  // whatever connects there is hung up on
  const auto link = dead.link();
  const int port = std::stoi(link.substr(link.find_last_of(':') + 1));
  nim::Global::DetectProxy(nim::kNIMProxySocks5, "127.0.0.1", port, "", "", [&](bool connected, nim::NIMProxyDetectStep step, const std::string &json) {
    CHECK(!connected && step == nim::kNIMProxyDetectStepAllComplete);
    found.Put(nim::Global::DetectResult(json));
  });
  CHECK_EQ(found.Next("the outcome").err_name, "proxy_failed");
  nim::Global::SetProxy(nim::kNIMProxySocks5, "127.0.0.1", std::to_string(port), "", "");
  nim::LoginParams params;
  params.timeout_ms_ = 500;
  const auto r = f.Login(account, "secret", params);
  CHECK(!r.IsSuccess());
  CHECK_EQ(r.error_.domain, "network");
  nim::Global::SetProxy(nim::kNIMProxyNone, "", 0, "", "");
  f.MustLogin(account);
}

TEST(ToolsGiveText) {
  CHECK_EQ(nim::Tool::GetUserAppdataDir("alice"), "");
  Fixture f;
  CHECK_EQ(nim::Tool::GetMd5("secret"), "5ebe2294ecd0e0f08eab7690d2a6ee69");
  CHECK_EQ(nim::Tool::GetUuid().size(), 32u);
  CHECK_EQ(nim::Tool::GetFileMd5("/nowhere"), "");
  const std::string own = nim::Tool::GetUserAppdataDir("alice");
  CHECK(own.size() > 1 && own.back() == '/');
  CHECK_EQ(nim::Tool::GetUserSpecificAppdataDir("alice", nim::kNIMAppDataTypeImage), own + "image/");
  CHECK_EQ(own.rfind(nim::Tool::GetUserAppdataDir(""), 0), 0u);
  CHECK(!nim::Tool::GetLocalAppdataDir().empty());
}

TEST(PauseAndResume) {
  Mailbox<int> done;
  Fixture f;
  f.MustLogin(Server().NewAccount());
  const auto put = [&](const nim::ErrorInfo &r) { done.Put(r.err_code); };
  Client::Pause(put);
  CHECK_EQ(done.Next("the pause"), 200);
  CHECK_EQ(Client::GetStatus(), nim::NIMX_STATUS_PAUSED);
  Client::Resume(put);
  CHECK_EQ(done.Next("the resume"), 200);
  f.Event("not_ready");
  f.Event("ready");
  CHECK_EQ(Client::GetStatus(), nim::NIMX_STATUS_ONLINE);
}
