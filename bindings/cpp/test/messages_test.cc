// Messages through the real library: another process is the other side.
#include "support.h"

using nim::MsgLog;
using nim::Session;
using nim::Talk;

namespace {

struct Change {
  nim::SessionData data;
  int total;
};

struct Page {
  nim::NIMResCode code;
  nim::QueryMsglogResult result;
};

Page QueryPage(const std::string &id, int limit, std::int64_t anchor) {
  const auto pages = std::make_shared<Mailbox<Page>>();
  CHECK(MsgLog::QueryMsgAsync(id, nim::kNIMSessionTypeP2P, limit, anchor,
                              [pages](nim::NIMResCode code, const std::string &, nim::NIMSessionType, const nim::QueryMsglogResult &r) {
                                pages->Put({code, r});
                              }));
  return pages->Next("a page");
}

}  // namespace

TEST(MessageGoesAndIsAnswered) {
  Mailbox<nim::SendMessageArc> acks;
  Mailbox<nim::IMMessage> received;
  Mailbox<Change> changes;
  Fixture f;
  const auto alice = Server().NewAccount(), bob = Server().NewAccount();
  Talk::RegSendMsgCb([&](const nim::SendMessageArc &a) { acks.Put(a); });
  Talk::RegReceiveCb([&](const nim::IMMessage &m) { received.Put(m); });
  Session::RegChangeCb([&](nim::NIMResCode code, const nim::SessionData &d, int total) {
    CHECK_EQ(code, nim::kNIMResSuccess);
    changes.Put({d, total});
  });
  f.MustLogin(alice);
  Device other(bob, "secret", nim::kNIMClientTypePCWindows);
  nim::MessageSetting setting;
  setting.server_ext_ = R"({"a":1})";
  setting.force_push_ids_list_ = {bob, "quo\"ted"};
  Talk::SendMsg(Talk::CreateTextMessage(bob, nim::kNIMSessionTypeP2P, "first", "你好 \"🙂\"", setting));
  const auto ack = acks.Next("the outcome of the send");
  CHECK_EQ(ack.rescode_, nim::kNIMResSuccess);
  CHECK_EQ(ack.msg_id_, "first");
  CHECK_EQ(ack.talk_id_, bob);
  CHECK(ack.msg_timetag_ > 1600000000000);
  other.WaitFor("message 你好 \"🙂\"");

  const auto answer = received.Next("the answer");
  CHECK_EQ(answer.content_, "re: 你好 \"🙂\"");
  CHECK_EQ(answer.sender_accid_, bob);
  CHECK_EQ(answer.receiver_accid_, alice);
  CHECK_EQ(answer.local_talk_id_, bob);
  CHECK_EQ(answer.type_, nim::kNIMMessageTypeText);
  CHECK_EQ(answer.rescode_, nim::kNIMResSuccess);
  CHECK_EQ(answer.feature_, nim::kNIMMessageFeatureDefault);
  CHECK(!answer.client_msg_id_.empty() && answer.readonly_server_id_ > 0);

  const auto change = changes.Until("the unread number", [](const Change &c) { return c.total == 1; });
  CHECK_EQ(change.data.id_, bob);
  CHECK_EQ(change.data.unread_count_, 1);
  CHECK_EQ(change.data.msg_content_, answer.content_);
  CHECK(change.data.last_updated_msg_);

  Mailbox<nim::SessionDataList> lists;
  Session::QueryAllRecentSessionAsync([&](int unread, const nim::SessionDataList &list) {
    CHECK_EQ(unread, list.unread_count_);
    lists.Put(list);
  });
  const auto list = lists.Next("the list");
  CHECK_EQ(list.unread_count_, 1);
  CHECK_EQ(list.sessions_.size(), 1);
  CHECK_EQ(list.sessions_.front().msg_id_, answer.client_msg_id_);

  const auto newest = QueryPage(bob, 1, 0);
  CHECK_EQ(newest.code, nim::kNIMResSuccess);
  CHECK_EQ(newest.result.msglogs_.size(), 1);
  CHECK_EQ(newest.result.msglogs_.front().client_msg_id_, answer.client_msg_id_);
  const auto older = QueryPage(bob, 10, newest.result.msglogs_.front().timetag_);
  CHECK_EQ(older.result.msglogs_.size(), 1);
  const auto &sent = older.result.msglogs_.front();
  CHECK_EQ(sent.client_msg_id_, "first");
  CHECK_EQ(sent.status_, nim::kNIMMsgLogStatusSent);
  CHECK_EQ(sent.timetag_, ack.msg_timetag_);
  CHECK_EQ(sent.msg_setting_.server_ext_, setting.server_ext_);
  CHECK(sent.msg_setting_.force_push_ids_list_ == setting.force_push_ids_list_);

  CHECK(Session::SetUnreadCountZeroAsync(nim::kNIMSessionTypeP2P, bob, [&](nim::NIMResCode, const nim::SessionData &d, int total) { changes.Put({d, total}); }));
  CHECK_EQ(changes.Until("the unread number", [](const Change &c) { return c.total == 0; }).data.unread_count_, 0);
  Mailbox<int> codes;
  CHECK(MsgLog::BatchStatusReadAsync(bob, nim::kNIMSessionTypeP2P, [&](nim::NIMResCode code, const std::string &, nim::NIMSessionType) { codes.Put(code); }));
  CHECK_EQ(codes.Next("the answer"), 200);

  nim::IMMessage note;
  note.type_ = nim::kNIMMessageTypeTips;
  note.content_ = "a note";
  note.client_msg_id_ = "note";
  note.receiver_accid_ = bob;
  note.status_ = nim::kNIMMsgLogStatusSent;
  CHECK(MsgLog::WriteMsglogToLocalAsync(bob, note, true, [&](nim::NIMResCode code, const std::string &id) {
    CHECK_EQ(id, "note");
    codes.Put(code);
  }));
  CHECK_EQ(codes.Next("the answer"), 200);
  Mailbox<nim::IMMessage> found;
  CHECK(MsgLog::QueryMsgByIDAysnc("note", [&](nim::NIMResCode code, const std::string &, const nim::IMMessage &m) { codes.Put(code), found.Put(m); }));
  CHECK_EQ(codes.Next("the answer"), 200);
  CHECK_EQ(found.Next("the note").content_, "a note");
  CHECK(MsgLog::QueryMsgByIDAysnc("no such", [&](nim::NIMResCode code, const std::string &, const nim::IMMessage &) { codes.Put(code); }));
  CHECK_EQ(codes.Next("the answer"), 404);
  CHECK(!MsgLog::QueryMsgAsync("", nim::kNIMSessionTypeP2P, 1, 0, nullptr));
  nim::Client::Cleanup();
}

TEST(MessagesWaitForWhoIsAway) {
  Mailbox<nim::SendMessageArc> acks;
  Mailbox<std::list<nim::IMMessage>> arrays;
  const auto alice = Server().NewAccount(), bob = Server().NewAccount();
  {
    Fixture f;
    f.MustLogin(alice);
    Talk::RegSendMsgCb([&](const nim::SendMessageArc &a) { acks.Put(a); });
    for (int i = 0; i < 3; ++i) Talk::SendMsg(Talk::CreateCustomMessage(bob, nim::kNIMSessionTypeP2P, "", "{\"n\":" + std::to_string(i) + "}"));
    for (int i = 0; i < 3; ++i) CHECK_EQ(acks.Next("the outcome of a send").rescode_, nim::kNIMResSuccess);
    nim::Client::Cleanup();
  }
  Fixture f;
  Talk::RegReceiveMessagesCb([&](const std::list<nim::IMMessage> &list) { arrays.Put(list); });
  f.MustLogin(bob);
  const auto list = arrays.Next("what came meanwhile");
  CHECK_EQ(list.size(), 3);
  CHECK_EQ(list.front().attach_, "{\"n\":0}");
  CHECK_EQ(list.back().attach_, "{\"n\":2}");
  CHECK_EQ(list.front().feature_, nim::kNIMMessageFeatureLeaveMsg);
  nim::Client::Cleanup();
}

TEST(FilterDropsMessages) {
  Mailbox<std::string> texts;
  Fixture f;
  const auto alice = Server().NewAccount(), bob = Server().NewAccount();
  Talk::RegMessageFilter([](const nim::IMMessage &m) { return m.content_ == "re: drop"; });
  Talk::RegReceiveCb([&](const nim::IMMessage &m) { texts.Put(m.content_); });
  f.MustLogin(alice);
  Device other(bob, "secret", nim::kNIMClientTypePCWindows);
  for (const auto *text : {"one", "drop", "two"}) Talk::SendMsg(Talk::CreateTextMessage(bob, nim::kNIMSessionTypeP2P, "", text));
  CHECK_EQ(texts.Next("the first answer"), "re: one");
  CHECK_EQ(texts.Next("the last answer"), "re: two");
  nim::Client::Cleanup();
}

TEST(SendWithoutASessionIsAnswered) {
  Mailbox<nim::SendMessageArc> acks;
  Fixture f;
  Talk::RegSendMsgCb([&](const nim::SendMessageArc &a) { acks.Put(a); });
  Talk::SendMsg(Talk::CreateTextMessage("bob", nim::kNIMSessionTypeP2P, "x", "text"));
  const auto ack = acks.Next("the outcome of the send");
  CHECK_EQ(ack.rescode_, 20001);
  CHECK_EQ(ack.msg_id_, "x");
  f.MustLogin(Server().NewAccount());
  Talk::SendMsg("{\"to_accid\":5}");
  const auto bad = acks.Next("the outcome of the send");
  CHECK_EQ(bad.rescode_, nim::kNIMLocalResParameterError);
  CHECK(bad.err_msg_.find("to_accid") != std::string::npos);
  nim::Client::Cleanup();
}

TEST(MessageJsonKeepsWhatItHolds) {
  nim::IMMessage m;
  CHECK(Talk::ParseIMMessage(R"({"to_type":1,"to_accid":"t","from_id":"a","time":1764500000123,"msg_type":100,"msg_sub_type":7,"msg_body":"b",
    "msg_attach":"{\"x\":1}","client_msg_id":"c","server_msg_id":90000000000001,"cloud_history":0,"push_need_badge":1,"is_update_session":false,
    "thread_info":{"reply_msg_id_client":"r","reply_msg_time":5},"force_push_list":"[\"u\",\"v\"]","team_msg_unread_count":2})", m));
  const nim::IMMessage again(m.ToJsonString(false));
  CHECK_EQ(again.session_type_, nim::kNIMSessionTypeTeam);
  CHECK_EQ(again.timetag_, 1764500000123);
  CHECK_EQ(again.sub_type_, 7);
  CHECK_EQ(again.attach_, "{\"x\":1}");
  CHECK_EQ(again.readonly_server_id_, 90000000000001);
  CHECK_EQ(again.msg_setting_.server_history_saved_, nim::BS_FALSE);
  CHECK_EQ(again.msg_setting_.push_need_badge_, nim::BS_TRUE);
  CHECK_EQ(again.msg_setting_.roaming_, nim::BS_NOT_INIT);
  CHECK_EQ(again.msg_setting_.is_update_session_, nim::BS_FALSE);
  CHECK_EQ(again.msg_setting_.force_push_ids_list_.size(), 2);
  CHECK_EQ(again.thread_info_.reply_msg_id_client_, "r");
  CHECK_EQ(again.thread_info_.reply_msg_time_, 5);
  CHECK(!Talk::ParseIMMessage("{", m));
}
