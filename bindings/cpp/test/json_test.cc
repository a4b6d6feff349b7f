// The JSON reader and writer, without the library.
#include <clocale>
#include <random>

#include "support.h"

using nim::detail::FromJson;
using nim::detail::ToJson;

namespace {

const char *const kLogin =
    R"({"err_code":302,"err_name":"token_invalid","retryable":true,"login_step":3,"retrying":false,"unknown":{"a":[1,{"b":"}"}]},)"
    R"("other_clients_pres":[{"app_account":"a\u00e9\ud83d\ude00\n","client_type":2,"login_time":1700000000000},{}],"kicked":{"reason_code":2}})";

}  // namespace

TEST(JsonReadsAPayload) {
  const auto r = FromJson<nim::payload::LoginResult>(kLogin);
  CHECK_EQ(r.err_code, 302);
  CHECK_EQ(r.err_name, "token_invalid");
  CHECK(r.retryable && !r.retrying);
  CHECK_EQ(r.other_clients_pres.size(), 2);
  CHECK_EQ(r.other_clients_pres[0].app_account, "a\xC3\xA9\xF0\x9F\x98\x80\n");
  CHECK_EQ(r.other_clients_pres[0].login_time, 1700000000000);
  CHECK_EQ(r.kicked->reason_code, 2);
}

TEST(JsonToleratesOtherTypes) {
  const auto r = FromJson<nim::payload::LoginResult>(
      R"({"err_code":"302","err_name":7,"login_step":null,"retrying":"yes","other_clients_pres":{},"kicked":null,"attempt":1e3,"server_code":99999999999,"retry_in_ms":-5})");
  CHECK_EQ(r.err_code, 0);
  CHECK_EQ(r.err_name, "");
  CHECK(!r.retrying && !r.kicked && r.other_clients_pres.empty());
  CHECK_EQ(r.attempt, 1000);
  CHECK_EQ(r.server_code, 2147483647);
  CHECK_EQ(r.retry_in_ms, -5);
  for (const char *text : {"", "null", "[]", "7", "\"x\"", "{\"err_code\"", "{\"err_code\":", "{]"}) CHECK_EQ(FromJson<nim::payload::LoginResult>(text).err_code, 0);
  CHECK_EQ(FromJson<nim::payload::LoginResult>(nullptr).err_code, 0);
}

// As encoding/json and JSON.parse read them: what follows half a pair is kept.
TEST(JsonReadsHalfPairs) {
  const auto text = [](const std::string &escapes) { return FromJson<nim::payload::ErrorInfo>(("{\"err_name\":\"" + escapes + "\"}").c_str()).err_name; };
  CHECK_EQ(text("\\ud800\\u0041"), "\xEF\xBF\xBD" "A");
  CHECK_EQ(text("\\ud800\\ud83d\\ude00"), "\xEF\xBF\xBD\xF0\x9F\x98\x80");
  CHECK_EQ(text("\\ude00x"), "\xEF\xBF\xBDx");
  CHECK_EQ(text("\\ud800"), "\xEF\xBF\xBD");
  CHECK_EQ(text("\\udbff\\udfff"), "\xF4\x8F\xBF\xBF");
}

TEST(JsonReadsWholeNumbers) {
  const auto number = [](const std::string &digits) { return FromJson<nim::payload::ErrorInfo>(("{\"retry_in_ms\":" + digits + "}").c_str()).retry_in_ms; };
  CHECK_EQ(number("9007199254740993"), 9007199254740993);
  CHECK_EQ(number("9223372036854775807"), 9223372036854775807);
  CHECK_EQ(number("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  CHECK_EQ(number("99999999999999999999"), 9223372036854775807);
  CHECK_EQ(number("-1e400"), std::numeric_limits<std::int64_t>::min());
  CHECK_EQ(number("12.9"), 12);
  CHECK_EQ(number("-9007199254740993.9"), -9007199254740993);
  CHECK_EQ(number("9.007199254740993E+15"), 9007199254740993);
  CHECK_EQ(number("900719925474099300e-2"), 9007199254740993);
  CHECK_EQ(number("9223372036854775808.5"), 9223372036854775807);
  CHECK_EQ(number("1.25e1"), 12);
  CHECK_EQ(number("0.05e2"), 5);
  CHECK_EQ(number("1e-9999999999999999999"), 0);
  CHECK_EQ(number("0e9999999999999999999"), 0);
  CHECK_EQ(number("1e9999999999999999999"), 9223372036854775807);
}

// Numbers are JSON's, whatever point the program's locale writes.
TEST(JsonReadsNumbersInAnyLocale) {
  for (const char *name : {"de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8"}) std::setlocale(LC_NUMERIC, name);
  const auto ms = FromJson<nim::payload::ErrorInfo>(R"({"retry_in_ms":1.5e3})").retry_in_ms;
  std::setlocale(LC_NUMERIC, "C");
  CHECK_EQ(ms, 1500);
}

TEST(JsonLeavesOptionalsOfAnotherTypeUnset) {
  const auto r = FromJson<nim::payload::LoginResult>(R"({"kicked":7,"err_code":5})");
  CHECK(!r.kicked);
  CHECK_EQ(r.err_code, 5);
}

TEST(JsonBoundsNesting) {
  const auto nested = [](int depth) { return "{\"x\":" + std::string(depth, '[') + std::string(depth, ']') + ",\"err_code\":1}"; };
  CHECK_EQ(FromJson<nim::payload::ErrorInfo>(nested(63).c_str()).err_code, 1);
  CHECK_EQ(FromJson<nim::payload::ErrorInfo>(nested(64).c_str()).err_code, 0);
  CHECK_EQ(FromJson<nim::payload::ErrorInfo>(std::string(3000000, '[').c_str()).err_code, 0);
}

TEST(JsonKeepsRawValues) {
  const auto d = FromJson<nim::payload::Diagnostics>(R"({"trace":[{"at": 1},"x"],"rtt_us":9})");
  CHECK_EQ(d.trace.size(), 2);
  CHECK_EQ(d.trace[0].text, R"({"at": 1})");
  CHECK_EQ(d.rtt_us, 9);
}

TEST(JsonWritesWhatIsSet) {
  nim::payload::InitOptions o;
  CHECK_EQ(ToJson(o), "{}");
  o.app_key = "k\"\\\n\x01";
  o.private_server_setting.link = {"a:1", "b:2"};
  o.global_config.use_https = false;
  o.nimx.report_mac = false;
  CHECK_EQ(ToJson(o), R"({"app_key":"k\"\\\u000a\u0001","global_config":{"use_https":false},"private_server_setting":{"link":["a:1","b:2"]},"nimx":{"report_mac":false}})");
  std::string json;
  nim::Client::LoginCustomDataToJson("tag", json);
  CHECK_EQ(json, R"({"custom_tag":"tag"})");
  nim::LoginParams params;
  params.auth_type_ = nim::kNIMAuthTypeByAppToken;
  params.login_ex_ = "ex";
  params.force_ = false;
  nim::Client::LoginCustomDataToJson(params, json);
  CHECK_EQ(json, R"({"auth_type":2,"login_ex":"ex","force":false})");
}

// Settings as programs for the NIM SDK write them.
TEST(JsonOfTheSettingsOfANimProgram) {
  nim::SDKConfig config;
  const std::list<std::string> backups = {"https://b/lbs", "https://c/lbs"};
  config.lbs_address_ = "https://a/lbs";
  config.lbs_backup_address_ = backups;
  config.SetCustomClientType(7);
  config.disable_app_nap_ = false;
  CHECK_EQ(config.GetCustomClientType(), 7);
  const auto o = nim::detail::ToOptions("key", config);
  CHECK_EQ(o.private_server_setting.lbs_backup.size(), 2);
  CHECK_EQ(o.private_server_setting.lbs_backup.at(1), "https://c/lbs");
  CHECK_EQ(o.global_config.custom_client_type, 7);
}

// Texts with random damage: nothing but the sanitizers looks at the outcome.
TEST(JsonSurvivesDamage) {
  std::mt19937 random(20260101);
  const std::string whole = kLogin;
  for (int i = 0; i < 20000; ++i) {
    std::string text = whole.substr(0, random() % (whole.size() + 1));
    for (unsigned n = random() % 4; n > 0 && !text.empty(); --n) text[random() % text.size()] = "{}[]\",:\\u0e-t \x00\xff"[random() % 17];
    const auto r = FromJson<nim::payload::LoginResult>(text.c_str());
    CHECK(r.other_clients_pres.size() <= text.size());
  }
}

TEST(CodesOutsideTheEnumAreNotForgedIntoIt) {
  CHECK_EQ(nim::detail::ToLoginRes(R"({"err_code":70001,"login_step":9})").res_code_, nim::kNIMResUnknownError);
  CHECK_EQ(nim::detail::ToLoginRes(R"({"err_code":70001,"login_step":9})").error_.err_code, 70001);
  CHECK_EQ(nim::detail::ToLoginRes(R"({"err_code":21001})").res_code_, nim::NIMX_ERR_LOGIN_IN_PROGRESS);
  CHECK_EQ(nim::detail::ToKickoutRes(R"({"client_type":-1,"reason_code":99})").kick_reason_, nim::kNIMKickReasonServerKick);
}
