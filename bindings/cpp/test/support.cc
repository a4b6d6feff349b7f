#include "support.h"

#include <filesystem>

void Fail(const std::string &what) {
  nim::Client::Cleanup();
  throw Failure(what);
}

void Fail(const char *file, int line, const std::string &what) { Fail(std::string(file) + ":" + std::to_string(line) + ": " + what); }

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "libnim-cpp-XXXXXX").string();
  if (mkdtemp(&name[0]) == nullptr) throw Failure("mkdtemp");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

nim::SDKConfig Fixture::Config(const std::string &link) {
  nim::SDKConfig config;
  config.default_link_address_ = link.empty() ? Server().link() : link;
  config.nimx_.report_mac = false;
  return config;
}

Fixture::Fixture(const std::string &link) {
  nim::Client::RegReloginCb([this](const nim::LoginRes &r) { relogins.Put(r); });
  nim::Client::RegKickoutCb([this](const nim::KickoutRes &r) { kickouts.Put(r); });
  nim::Client::RegKickOtherCb([this](const nim::KickOtherRes &r) { kicked_others.Put(r); });
  nim::Client::RegMultispotLoginCb([this](const nim::MultiSpotLoginRes &r) { notices.Put(r); });
  nim::Client::RegConnectionCb([this](const nim::ConnectionEvent &e) { events.Put(e); });
  nim::Client::RegDisconnectCb([this] { disconnects.Put(1); });
  if (!nim::Client::Init(Server().app_key(), data.path(), "", Config(link))) throw Failure("Init: " + nim::Client::GetInitError().err_msg);
}

Fixture::~Fixture() { nim::Client::Cleanup(); }

nim::LoginRes Fixture::Login(const std::string &account, const std::string &token, const nim::LoginParams &params) {
  const auto steps = std::make_shared<Mailbox<nim::LoginRes>>();
  nim::Client::Login("", account, token, [steps](const nim::LoginRes &r) { steps->Put(r); }, nim::Client::LoginCustomDataToJson(params));
  return steps->Until("the end of the login", [](const nim::LoginRes &r) { return r.IsFinal(); });
}

void Fixture::MustLogin(const std::string &account) {
  const auto res = Login(account, "secret");
  if (!res.IsSuccess()) throw Failure("login: " + std::to_string(res.res_code_) + " " + res.error_.err_msg);
}

nim::NIMResCode Fixture::Logout() {
  const auto done = std::make_shared<Mailbox<nim::NIMResCode>>();
  nim::Client::Logout(nim::kNIMLogoutChangeAccout, [done](nim::NIMResCode code) { done->Put(code); });
  return done->Next("the answer of the logout");
}

nim::ConnectionEvent Fixture::Event(const std::string &name) {
  return events.Until(name.c_str(), [&](const nim::ConnectionEvent &e) { return e.event == name; });
}
