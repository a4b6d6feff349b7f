/* test_shapes.c: answers that the front makes of the call's own arguments. */
#include "harness.h"

#include "../../internal/cabi/text.h"

/* ---- the JSON that a host gave ---- */

/* The member key of object as it stands there, or "" where it is not found. */
static const char *member(const char *object, const char *key)
{
    static char out[256];
    span k = {key, strlen(key)}, v;
    if (!json_member(object, k, &v))
        return "";
    snprintf(out, sizeof out, "%.*s", (int)v.len, v.at);
    return out;
}

#define SAME(got, want) check(strcmp(got, want) == 0, #got " is " want, __FILE__, __LINE__)

static void members_are_found_in_valid_json_alone(void)
{
    static const char *const broken[] = {
        "", "{", "{\"a\"}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1} x", "[{\"a\":1}]", "\"a\"", "{\"b\":[1,,2],\"a\":1}",
        "{\"b\":01,\"a\":1}", "{\"b\":\"\\x\",\"a\":1}", "{\"b\":\"\\u12g4\",\"a\":1}", "{\"b\":tru,\"a\":1}",
        "{\"b\":1.,\"a\":1}", "{\"b\":1e,\"a\":1}", "{\"b\":-,\"a\":1}", "{'b':1,\"a\":1}", "{\"b\":\"\n\",\"a\":1}"};
    size_t i;
    SAME(member(" { \"a\" : 1 }\n", "a"), "1");
    SAME(member("{\"b\":{\"a\":2},\"a\":-3.5e+2}", "a"), "-3.5e+2");
    SAME(member("{\"ab\":1,\"a\":\"x\\\"y\",\"a\":2}", "a"), "\"x\\\"y\"");
    SAME(member("{\"b\":[true,false,null,{}],\"a\":[ \"x\" ]}", "a"), "[ \"x\" ]");
    SAME(member("{\"b\":1}", "a"), "");
    for (i = 0; i < sizeof broken / sizeof *broken; i++)
        check(strcmp(member(broken[i], "a"), "") == 0, broken[i], __FILE__, __LINE__);
}

static const char *said(const char *string)
{
    static char out[64];
    span s = {string, strlen(string)};
    text t = {out, 0};
    json_put_said(&t, s);
    out[t.len] = 0;
    return out;
}

static void a_string_says_what_it_says(void)
{
    SAME(said("\"\""), "");
    SAME(said("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\""), "a\"\\/\b\f\n\r\tz");
    SAME(said("\"\\u0041\\u00e9\\u4f60\\ud83d\\ude42\""), "A\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x99\x82");
    SAME(said("\"\\ud83dx\\ude42\\u0000!\""), "\xef\xbf\xbdx\xef\xbf\xbd!");
}

static void numbers_and_lists_are_told_apart(void)
{
    static const char *const integers[] = {"0", "-7", "999999999999999999"};
    static const char *const others[] = {"1.0", "1e3", "\"1\"", "true", "-", "9999999999999999999", "[1]"};
    size_t i;
    span v;
    for (i = 0; i < sizeof integers / sizeof *integers; i++)
        check(json_is_integer((span){integers[i], strlen(integers[i])}), integers[i], __FILE__, __LINE__);
    for (i = 0; i < sizeof others / sizeof *others; i++)
        check(!json_is_integer((span){others[i], strlen(others[i])}), others[i], __FILE__, __LINE__);
    CHECK(json_all_strings(" [ \"a\" , \"b\" ]\n", &v));
    CHECK(json_all_strings("[]", &v));
    CHECK(!json_all_strings("[1]", &v));
    CHECK(!json_all_strings("[\"a\",]", &v));
    CHECK(!json_all_strings("[\"a\"] x", &v));
    CHECK(!json_all_strings("{}", &v));
    CHECK(!json_all_strings("", &v));
}

static const char *each(const char *array, const char *key)
{
    static char out[128];
    span k = {key, strlen(key)};
    text t = {out, 0};
    json_put_each(&t, array, k);
    out[t.len] = 0;
    return out;
}

static void a_member_of_each_object_makes_a_list(void)
{
    SAME(each(" [ {\"a\":\"x\"} , {\"b\":\"n\"}, 7, {\"a\":1}, {\"b\":[{}],\"a\":\"y\\n\"} ]\n", "a"), "[\"x\",\"y\\n\"]");
    SAME(each("[]", "a"), "[]");
    SAME(each("", "a"), "[]");
    SAME(each("{\"a\":\"x\"}", "a"), "[]");
    SAME(each("[{\"a\":\"x\"},]", "a"), "[]");
    SAME(each("[{\"a\":\"x\"}] x", "a"), "[]");
}

/* ---- through the public functions ---- */

static atomic_int heard;
static int heard_code, heard_id;
static char heard_tid[64], heard_result[512];
static pthread_t heard_on;

static void on_team(int code, int id, const char *tid, const char *result, const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    heard_on = pthread_self();
    heard_code = code;
    heard_id = id;
    snprintf(heard_tid, sizeof heard_tid, "%s", tid);
    snprintf(heard_result, sizeof heard_result, "%s", result);
    heard++;
}

static void kick(const char *tid, const char *ids)
{
    int before = heard;
    nim_team_kick_async(tid, ids, "", on_team, NULL);
    EVENTUALLY(heard == before + 1);
}

static void what_was_asked_for_comes_back(void)
{
    kick("t1", "[\"a\"]");
    EQUAL(heard_code, 20000);
    SAME(heard_tid, "t1");
    open_front();
    kick("t\"2", "[\"a\",\"b\"]\n");
    EQUAL(heard_code, 21003);
    EQUAL(heard_id, 1);
    SAME(heard_tid, "t\"2");
    SAME(heard_result, "{\"id\":1,\"data\":{\"ids\":[\"a\",\"b\"]}}");
    kick("t3", "[1,");
    SAME(heard_result, "{\"id\":1,\"data\":{\"ids\":[]}}");
    kick("t4", "\xff");
    EQUAL(heard_code, 414);
    SAME(heard_tid, "t4");
    kick("\xff", NULL);
    EQUAL(heard_code, 414);
    SAME(heard_tid, "");
    nim_client_cleanup("");
}

static void on_text(const char *result, const void *user_data)
{
    (void)user_data;
    snprintf(heard_result, sizeof heard_result, "%s", result);
    heard++;
}

static void a_send_is_acknowledged_where_acks_go(void)
{
    int before = heard;
    open_front();
    nim_talk_reply_msg("", "{\"client_msg_id\":\"c0\"}", "\xff", NULL, NULL);
    nim_talk_reg_ack_cb("", on_text, NULL);
    nim_talk_reply_msg("", "{\"client_msg_id\":\"c1\",\"talk_id\":\"\",\"to_accid\":\"bob\"}", "\xff", NULL, NULL);
    EVENTUALLY(heard == before + 1);
    SAME(heard_result, "{\"msg_id\":\"c1\",\"talk_id\":\"bob\",\"rescode\":414}");
    nim_talk_reply_msg("", "", "\xff", NULL, NULL);
    EVENTUALLY(heard == before + 2);
    SAME(heard_result, "{\"msg_id\":\"\",\"talk_id\":\"\",\"rescode\":414}");
    nim_talk_reg_ack_cb("", NULL, NULL);
    nim_talk_reply_msg("", "{}", "\xff", NULL, NULL);
    nim_client_cleanup("");
    EQUAL(heard, before + 2);
}

static void on_devices(nim_bool_reg ret, enum NIMDeviceType type, const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    CHECK(!ret);
    heard_id = type;
    heard_on = pthread_self();
    heard++;
}

static void devices_are_listed_within_the_call(void)
{
    int before = heard;
    open_front();
    nim_vchat_enum_device_devpath(kNIMDeviceTypeVideo, "", on_devices, NULL);
    EQUAL(heard, before + 1);
    EQUAL(heard_id, kNIMDeviceTypeVideo);
    CHECK(pthread_equal(heard_on, pthread_self()));
    nim_client_cleanup("");
}

const test shape_tests[] = {
    {"shape: members are found in valid JSON alone", members_are_found_in_valid_json_alone},
    {"shape: a string says what it says", a_string_says_what_it_says},
    {"shape: numbers and lists are told apart", numbers_and_lists_are_told_apart},
    {"shape: a member of each object makes a list", a_member_of_each_object_makes_a_list},
    {"shape: what was asked for comes back", what_was_asked_for_comes_back},
    {"shape: a send is acknowledged where acks go", a_send_is_acknowledged_where_acks_go},
    {"shape: devices are listed within the call", devices_are_listed_within_the_call},
    {NULL, NULL}};
