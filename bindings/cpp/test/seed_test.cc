// The examples for C++ of the login page of the NIM SDK, as a program has them:
// only what stands for an app is added. That they compile is most of the test.
#include "nim_cpp_client.h"
#include "nim_cpp_global.h"
#include "support.h"

namespace {

std::string app_key;

namespace proxy {
void foo()
{
	nim::Global::SetProxy(nim::kNIMProxySocks5, "123.123.123.123", "400", "test", "test");
}
}  // namespace proxy

namespace login {
int failures;

void OnLoginCallback(const nim::LoginRes& login_res)
{
	if (login_res.res_code_ == nim::kNIMResSuccess)
	{
		if (login_res.login_step_ == nim::kNIMLoginStepLogin)
		{
			failures = -1;
		}
	}
	else
	{
		++failures;
	}
}

void foo()
{
	nim::Client::Login(app_key, "app account", "token", &OnLoginCallback);
}
}  // namespace login

namespace disconnect {
void OnDisconnectCallback()
{
}

void foo()
{
	nim::Client::RegDisconnectCb(&OnDisconnectCallback);
}
}  // namespace disconnect

namespace nim_comp {
struct LoginCallback {
	static void OnLogoutCallback(nim::NIMResCode res_code);
	static void OnMultispotLoginCallback(const nim::MultiSpotLoginRes& res);
	static void foo();
	static int code;
};
int LoginCallback::code;

void LoginCallback::OnLogoutCallback(nim::NIMResCode res_code)
{
	code = res_code;
	//如果是退出程序
	nim::Client::Cleanup();
}

void LoginCallback::foo()
{
	//登出到登录界面(nim::kNIMLogoutChangeAccout) 或者 退出程序(nim::kNIMLogoutAppExit)
	nim::Client::Logout(nim::kNIMLogoutAppExit, &OnLogoutCallback);
}

void LoginCallback::OnMultispotLoginCallback(const nim::MultiSpotLoginRes& res)
{
	code = static_cast<int>(res.other_clients_.size());
}
}  // namespace nim_comp

namespace kickout {
void OnKickoutCallback(const nim::KickoutRes& res)
{
	(void)res.kick_reason_;
}

void foo()
{
	nim::Client::RegKickoutCb(&OnKickoutCallback);
}
}  // namespace kickout

}  // namespace

TEST(SeedExamplesRun) {
  Fixture f;
  app_key = Server().app_key();
  proxy::foo();
  nim::Global::SetProxy(nim::kNIMProxyNone, "", 0, "", "");
  disconnect::foo();
  kickout::foo();
  nim::Client::RegMultispotLoginCb(&nim_comp::LoginCallback::OnMultispotLoginCallback);
  login::foo();
  nim_comp::LoginCallback::foo();
  nim::Client::Cleanup();  // waits for the one that the callback began
  CHECK_EQ(nim_comp::LoginCallback::code, 200);
  CHECK_EQ(login::failures, 1);  // "app account" is no account id
}

TEST(DynamicLoginOfTheSeedPage) {
  using namespace nim;  // together with the global names of the C headers
  LoginParams params;
  params.auth_type_ = nim::NIMAuthType::kNIMAuthTypeByAppToken;
  std::string json;
  Client::LoginCustomDataToJson(params, json);
  CHECK_EQ(json, R"({"auth_type":2})");
  Client::ReloginRequestTokenCallback cb = [](std::string *token) { *token = "t"; };
  Client::RegReloginRequestToeknCb(cb);
  Client::RegReloginRequestTokenCb(cb);
  Client::RegReloginRequestToeknCb(nullptr);
  const ::NIMLoginStep step = kNIMLoginStepLogin;
  CHECK_EQ(step, nim::kNIMLoginStepLogin);
  CHECK_EQ(std::string(kNIMErrorCode), ::kNIMErrorCode);
  CHECK_EQ(Client::GetSDKVersion(), ::nim_client_version());
}
