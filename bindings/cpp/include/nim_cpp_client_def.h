// nim_cpp_client_def.h: what nim::Client takes and gives, in the shapes of the
// NIM C++ SDK. Members that end in _ and have no comment mean what they mean
// there; what libnim adds is marked.
#ifndef NIM_CPP_CLIENT_DEF_H
#define NIM_CPP_CLIENT_DEF_H

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nim_cpp_callbacks.h"
#include "nim_cpp_payloads_gen.h"

namespace nim {

using payload::ConnectionEvent;
using payload::Diagnostics;
using payload::ErrorInfo;
using payload::LoginUser;
using payload::RenewTokenResult;
using payload::TokenRequest;

// Settings of Client::Init.
struct SDKConfig {
  // Gateways and how to reach them. An address is host:port, or a whole ws:// or
  // wss:// URL. Unlike in the NIM SDK they hold whether use_private_server_ is
  // set or not: there is no other server.
  bool use_private_server_ = false;
  std::string default_link_address_;
  std::string default_link_address_ipv6_;
  std::string lbs_address_;
  std::list<std::string> lbs_backup_address_;
  std::string server_conf_file_path_;
  // true: wss and https, false: ws and http, not set: true but for loopback.
  std::optional<bool> use_https_;
  // As the NIM SDK counts: 0 its default (here: both families), 1 IPv6 only, 2
  // both.
  int ip_protocol_version_ = 0;
  bool need_update_lbs_befor_relogin_ = false;
  // 0: no limit.
  int login_max_retry_times_ = 0;
  int custom_timeout_ = 30;  // s, of a first login without a number of retries
  int custom_client_type_ = 0;
  void SetCustomClientType(int type) { custom_client_type_ = type; }
  int GetCustomClientType() const { return custom_client_type_; }
  NIMSDKLogLevel sdk_log_level_ = kNIMSDKLogLevelApp;

  // libnim's own: more gateways, tried behind default_link_address_.
  std::vector<std::string> more_link_addresses_;
  // libnim's own: "nim", or "openim" with the three below.
  std::string backend_ = "nim";
  std::string openim_ws_address_;
  std::string openim_api_address_;
  int openim_platform_id_ = 0;
  // libnim's own: device id, TLS trust, limits, ...
  payload::NimxOptions nimx_;

  // What follows is accepted and has no effect in this version: it configures
  // messages, files, push and NetEase's own wire protocol.
  std::string database_encrypt_key_;
  std::string push_cer_name_;
  std::string push_token_;
  bool preload_attach_ = true;
  int preload_image_quality_ = -1;
  std::string preload_image_resize_;
  std::string preload_image_name_template_;
  bool sync_session_ack_ = true;
  bool team_notification_unread_count_ = false;
  bool vchat_miss_unread_count_ = false;
  bool reset_unread_count_when_recall_ = false;
  bool upload_sdk_events_after_login_ = false;
  bool animated_image_thumbnail_enabled_ = false;
  bool client_antispam_ = false;
  bool team_msg_ack_ = false;
  bool caching_markread_ = false;
  std::uint32_t caching_markread_time_ = 1000;
  std::uint32_t caching_markread_count_ = 10;
  bool enable_user_datafile_backup_ = true;
  bool enable_user_datafile_restore_ = false;
  bool enable_user_datafile_defrestoreproc_ = false;
  std::string user_datafile_localbackup_folder_;
  bool dedicated_cluste_flag_ = false;
  int hand_shake_type_ = 1;
  int nego_key_neca_ = 1;
  int comm_neca_ = 1;
  std::string nego_key_neca_key_parta_;
  std::string nego_key_neca_key_partb_;
  int nego_key_neca_key_version_ = 0;
  std::string rsa_public_key_module_;
  int rsa_version_ = 0;
  std::string nos_lbs_address_;
  std::string default_nos_upload_address_;
  std::string default_nos_upload_host_;
  std::string nos_download_address_;
  std::string nos_accelerate_host_;
  std::vector<std::string> nos_accelerate_host_list_;
  std::string nos_accelerate_address_;
  std::string probe_ipv4_url_;
  std::string probe_ipv6_url_;
  std::map<int, int> sync_data_type_list_;
  std::list<std::string> http_dns_server_interface_;
  bool priority_use_cdn_host_ = false;
  bool disable_app_nap_ = true;
  bool cache_session_data_when_delete_ = false;
  std::string mock_refer_;
  std::string mock_ua_;
  int fcs_auth_type_ = 0;
  bool custom_enable_fcs_ = false;
};

// How to log in: what Client::LoginCustomDataToJson turns into the
// json_extension of Client::Login.
struct LoginParams {
  std::string custom_data_;
  NIMAuthType auth_type_ = kNIMAuthTypeDefault;
  std::string login_ex_;

  // libnim's own.
  std::string operation_id_;     // echoed in every event and log line of the login
  bool switch_account_ = false;  // log the present account out first
  bool force_ = true;            // false: do not displace another device
  int timeout_ms_ = 0;           // for the whole login; 0: the library's
};

// Another device of the account.
struct OtherClientPres {
  std::string app_account_;
  NIMClientType client_type_ = kNIMClientTypeDefault;
  std::string client_os_;
  std::string mac_address_;
  std::string device_id_;
  std::int64_t login_time_ = 0;  // ms since 1970
  std::string custom_data_;
  int custom_client_type_ = 0;
};

// A step or the end of a login or a relogin. IsFinal tells which.
struct LoginRes {
  NIMResCode res_code_ = kNIMResError;
  bool relogin_ = false;
  NIMLoginStep login_step_ = kNIMLoginStepLinking;
  std::list<OtherClientPres> other_clients_;
  bool retrying_ = false;

  // libnim's own.
  bool repeat_login_ = false;  // the account was online already
  ErrorInfo error_;            // what went wrong, in detail

  // True for the answer that no other follows.
  bool IsFinal() const { return res_code_ == kNIMResSuccess ? login_step_ == kNIMLoginStepLogin : !retrying_; }
  // True if the account is logged in now.
  bool IsSuccess() const { return res_code_ == kNIMResSuccess && login_step_ == kNIMLoginStepLogin; }
};

// This device was thrown out.
struct KickoutRes {
  NIMClientType client_type_ = kNIMClientTypeDefault;
  NIMKickReason kick_reason_ = kNIMKickReasonServerKick;
  std::string kickout_description_;
  int custom_client_type_ = 0;

  // libnim's own.
  std::string device_id_;   // who did it
  std::int64_t time_ = 0;   // when, ms since 1970
};

// Other devices of the account came or went.
struct MultiSpotLoginRes {
  NIMMultiSpotNotifyType notify_type_ = kNIMMultiSpotNotifyTypeImIn;
  std::list<OtherClientPres> other_clients_;
};

// What became of Client::KickOtherClient.
struct KickOtherRes {
  NIMResCode res_code_ = kNIMResError;
  std::list<std::string> device_ids_;  // those that were dropped

  // libnim's own.
  std::vector<payload::KickedDevice> results_;
  ErrorInfo error_;
};

namespace detail {

inline payload::InitOptions ToOptions(const std::string &app_key, const SDKConfig &c) {
  payload::InitOptions o;
  o.app_key = app_key;
  o.global_config.sdk_log_level = c.sdk_log_level_;
  o.global_config.login_retry_max_times = c.login_max_retry_times_;
  o.global_config.custom_timeout = c.custom_timeout_;
  o.global_config.use_https = c.use_https_;
  o.global_config.need_update_lbs_befor_relogin = c.need_update_lbs_befor_relogin_;
  o.global_config.custom_client_type = c.custom_client_type_;
  auto &servers = o.private_server_setting;
  servers.backend = c.backend_;
  if (!c.default_link_address_.empty()) servers.link.push_back(c.default_link_address_);
  servers.link.insert(servers.link.end(), c.more_link_addresses_.begin(), c.more_link_addresses_.end());
  if (!c.default_link_address_ipv6_.empty()) servers.link_ipv6.push_back(c.default_link_address_ipv6_);
  servers.lbs = c.lbs_address_;
  servers.lbs_backup.assign(c.lbs_backup_address_.begin(), c.lbs_backup_address_.end());
  servers.ip_protocol_version = c.ip_protocol_version_;
  servers.ws_addr = c.openim_ws_address_;
  servers.api_addr = c.openim_api_address_;
  servers.platform_id = c.openim_platform_id_;
  o.server_conf_file_path = c.server_conf_file_path_;
  o.nimx = c.nimx_;
  return o;
}

inline payload::LoginOptions ToOptions(const LoginParams &p) {
  payload::LoginOptions o;
  o.custom_tag = p.custom_data_;
  o.auth_type = p.auth_type_;
  o.login_ex = p.login_ex_;
  o.operation_id = p.operation_id_;
  o.switch_account = p.switch_account_;
  o.force = p.force_;
  o.timeout_ms = p.timeout_ms_;
  return o;
}

inline std::list<OtherClientPres> ToPresences(const std::vector<payload::ClientPres> &clients) {
  std::list<OtherClientPres> list;
  for (const auto &c : clients) {
    OtherClientPres p;
    p.app_account_ = c.app_account;
    p.client_type_ = ToEnum(c.client_type, kNIMClientTypeMacOS, kNIMClientTypeDefault);
    p.client_os_ = c.client_os;
    p.mac_address_ = c.mac;
    p.device_id_ = c.device_id;
    p.login_time_ = c.login_time;
    p.custom_data_ = c.custom_tag;
    p.custom_client_type_ = c.custom_client_type;
    list.push_back(p);
  }
  return list;
}

inline LoginRes ToLoginRes(const char *json) {
  const auto in = FromJson<payload::LoginResult>(json);
  LoginRes out;
  out.res_code_ = ToResCode(in.err_code);
  out.relogin_ = in.relogin;
  out.login_step_ = ToEnum(in.login_step, kNIMLoginStepLogin, kNIMLoginStepLinking);
  out.other_clients_ = ToPresences(in.other_clients_pres);
  out.retrying_ = in.retrying;
  out.repeat_login_ = in.repeat_login;
  out.error_ = in;
  return out;
}

inline KickoutRes ToKickoutRes(const char *json) {
  const auto in = FromJson<payload::KickoutEvent>(json);
  KickoutRes out;
  out.client_type_ = ToEnum(in.client_type, kNIMClientTypeMacOS, kNIMClientTypeDefault);
  out.kick_reason_ = ToEnum(in.reason_code, kNIMKickReasonKickBySelfOtherClient, kNIMKickReasonServerKick);
  out.kickout_description_ = in.reason_description;
  out.custom_client_type_ = in.custom_client_type;
  out.device_id_ = in.device_id;
  out.time_ = in.time_ms;
  return out;
}

inline MultiSpotLoginRes ToMultiSpotLoginRes(const char *json) {
  const auto in = FromJson<payload::MultiSpotEvent>(json);
  MultiSpotLoginRes out;
  out.notify_type_ = ToEnum(in.multi_spot_notiy_type, kNIMMultiSpotNotifyTypeImOut, kNIMMultiSpotNotifyTypeImIn);
  out.other_clients_ = ToPresences(in.other_clients_pres);
  return out;
}

inline KickOtherRes ToKickOtherRes(const char *json) {
  const auto in = FromJson<payload::KickOtherResult>(json);
  KickOtherRes out;
  out.res_code_ = ToResCode(in.err_code);
  out.device_ids_.assign(in.device_ids.begin(), in.device_ids.end());
  out.results_ = in.results;
  out.error_ = in;
  return out;
}

}  // namespace detail
}  // namespace nim

#endif
