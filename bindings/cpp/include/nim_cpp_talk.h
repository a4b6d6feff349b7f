// nim_cpp_talk.h: nim::Talk, sending and receiving messages.
#ifndef NIM_CPP_TALK_H
#define NIM_CPP_TALK_H

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "nim_cpp_calls_gen.h"
#include "nim_cpp_talk_helper.h"

namespace nim {

class Talk {
 public:
  using SendMsgAckCallback = std::function<void(const SendMessageArc &)>;
  using ReceiveMsgCallback = std::function<void(const IMMessage &)>;
  using ReceiveMsgsCallback = std::function<void(const std::list<IMMessage> &)>;
  using FileUpPrgCallback = std::function<void(std::int64_t, std::int64_t)>;
  using TeamNotificationFilter = std::function<bool(const IMMessage &)>;
  using MessageFilter = std::function<bool(const IMMessage &)>;

  // Sends a message. It is stored before it leaves, and always ends in one result
  // on RegSendMsgCb, after 30 s at the latest. While the connection is being
  // restored it waits. Text and custom messages report no upload: pcb is for files.
  static void SendMsg(const std::string &json_msg, const std::string &json_extension = std::string(), FileUpPrgCallback * = nullptr) {
    NIM_CPP_C(nim_talk_send_msg)(detail::Argument(json_msg), detail::Argument(json_extension), nullptr, nullptr);
  }
  // libnim's own: the same.
  static void SendMsg(const IMMessage &msg) { SendMsg(msg.ToJsonString(true)); }

  // Makes the argument of SendMsg. A client_msg_id of "" gets one of the library.
  static std::string CreateTextMessage(const std::string &receiver_id, NIMSessionType session_type, const std::string &client_msg_id,
                                       const std::string &content, const MessageSetting &msg_setting = MessageSetting(), std::int64_t timetag = 0,
                                       int sub_type = 0) {
    auto m = To(receiver_id, session_type, client_msg_id, msg_setting, timetag, sub_type);
    m.type_ = kNIMMessageTypeText;
    m.content_ = content;
    return m.ToJsonString(true);
  }
  static std::string CreateTipMessage(const std::string &receiver_id, NIMSessionType session_type, const std::string &client_msg_id,
                                      const std::string &tip_content, const MessageSetting &msg_setting = MessageSetting(), std::int64_t timetag = 0,
                                      int sub_type = 0) {
    auto m = To(receiver_id, session_type, client_msg_id, msg_setting, timetag, sub_type);
    m.type_ = kNIMMessageTypeTips;
    m.content_ = tip_content;
    return m.ToJsonString(true);
  }
  // libnim's own: a message of the program's own kind; attach is JSON.
  static std::string CreateCustomMessage(const std::string &receiver_id, NIMSessionType session_type, const std::string &client_msg_id,
                                         const std::string &attach, const MessageSetting &msg_setting = MessageSetting(), std::int64_t timetag = 0,
                                         int sub_type = 0) {
    auto m = To(receiver_id, session_type, client_msg_id, msg_setting, timetag, sub_type);
    m.type_ = kNIMMessageTypeCustom;
    m.attach_ = attach;
    return m.ToJsonString(true);
  }

  // Reads a message. False: the text is no JSON.
  static bool ParseIMMessage(const std::string &json_msg, IMMessage &msg) {
    JsonReader reader(json_msg);
    msg = IMMessage();
    reader.Read(msg);
    return reader.ok();
  }

  // ---- registrations: an empty function removes one ---------------------------

  // The outcome of every send.
  static void RegSendMsgCb(const SendMsgAckCallback &cb, const std::string &json_extension = std::string()) {
    detail::RegTalkAck(detail::Reading<detail::TalkAckReply>(
                           cb, [](const auto &f, const auto &r) { f(detail::FromJson<SendMessageArc>(r.result.c_str())); }),
                       json_extension);
  }

  // A message has come, and, where RegReceiveMessagesCb is not used, what waited
  // while the account was offline. A message is stored before it is told, and told
  // once; what comes while nobody is registered waits.
  static void RegReceiveCb(const ReceiveMsgCallback &cb, const std::string &json_extension = std::string()) {
    detail::RegTalkReceive(
        detail::Reading<detail::TalkReceiveReply>(cb, [](const auto &f, const auto &r) { f(Received(r.content)); }), json_extension);
  }

  // Messages of one conversation that waited while the account was offline, the
  // oldest first; never none.
  static void RegReceiveMessagesCb(const ReceiveMsgsCallback &cb, const std::string &json_extension = std::string()) {
    detail::RegTalkReceiveMsgs(detail::Reading<detail::TalkReceiveReply>(cb,
                                                                         [](const auto &f, const auto &r) {
                                                                           std::vector<detail::Received> all;
                                                                           JsonReader(r.content).Read(all);
                                                                           std::list<IMMessage> list;
                                                                           for (auto &one : all) list.push_back(std::move(one.message));
                                                                           f(list);
                                                                         }),
                               json_extension);
  }

  // Asked about each message before it is told, listed or counted: true drops it.
  static void RegMessageFilter(const MessageFilter &filter, const std::string &json_extension = std::string()) {
    std::function<bool(const detail::TalkMessageFilterReply &)> asked;
    if (filter) asked = [filter](const detail::TalkMessageFilterReply &r) { return filter(Received(r.content)); };
    detail::RegTalkMessageFilter(asked, json_extension);
  }
  // The same about notifications of teams.
  static void RegTeamNotificationFilter(const TeamNotificationFilter &filter, const std::string &json_extension = std::string()) {
    std::function<bool(const detail::TalkTeamNotificationFilterReply &)> asked;
    if (filter) asked = [filter](const detail::TalkTeamNotificationFilterReply &r) { return filter(Received(r.content)); };
    detail::RegTalkNotificationFilter(asked, json_extension);
  }

  // libnim's own: a message whose send ended with 408 has arrived after all.
  static void RegMsgCorrectedCb(const SendMsgAckCallback &cb, const std::string &json_extension = std::string()) {
    detail::RegNimxTalkMsgCorrected(detail::Reading<detail::MsgCorrectedReply>(
                                        cb, [](const auto &f, const auto &r) { f(detail::FromJson<SendMessageArc>(r.result.c_str())); }),
                                    json_extension);
  }

  // Removes every registration of this class.
  static void UnregTalkCb() {
    RegSendMsgCb(nullptr);
    RegReceiveCb(nullptr);
    RegReceiveMessagesCb(nullptr);
    RegMessageFilter(nullptr);
    RegTeamNotificationFilter(nullptr);
    RegMsgCorrectedCb(nullptr);
  }

 private:
  static IMMessage To(const std::string &receiver_id, NIMSessionType session_type, const std::string &client_msg_id,
                      const MessageSetting &msg_setting, std::int64_t timetag, int sub_type) {
    IMMessage m;
    m.receiver_accid_ = m.local_talk_id_ = receiver_id;
    m.session_type_ = session_type;
    m.client_msg_id_ = client_msg_id;
    m.msg_setting_ = msg_setting;
    m.timetag_ = timetag;
    m.sub_type_ = sub_type;
    return m;
  }

  static IMMessage Received(const std::string &json) { return detail::FromJson<detail::Received>(json.c_str()).message; }
};

}  // namespace nim

#endif
