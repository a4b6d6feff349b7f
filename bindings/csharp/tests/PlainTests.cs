using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading;
using NIM;

namespace LibNim.Tests
{
    /// <summary>What needs no server: JSON, the error table, and the rules of ahead-of-time compilers.</summary>
    internal static class PlainTests
    {
        internal static void All(Runner runner)
        {
            runner.Run("plain: JSON is read", ReadJson);
            runner.Run("plain: what is not JSON is empty", ReadNonsense);
            runner.Run("plain: JSON is written", WriteJson);
            runner.Run("plain: texts of all planes survive", RoundTrip);
            runner.Run("plain: numbers of all sizes", Numbers);
            runner.Run("plain: settings are read, not changed", SettingsStay);
            runner.Run("plain: settings in the shape of NetEase's SDK", NetEaseSettings);
            runner.Run("plain: a failure that nobody asks for is traced", Traced);
            runner.Run("plain: the error table", ErrorTable);
            runner.Run("plain: exceptions say whose matter it is", Exceptions);
            runner.Run("plain: handles are numbers that are used once", Handles);
            runner.Run("plain: an ahead-of-time compiler takes it", AheadOfTime);
            runner.Run("plain: nothing is finalized", NoFinalizers);
            runner.Run("plain: a registration is made before the second who needs it goes on", RegisteredOnce);
            runner.Run("plain: messages keep what they have and send what is set", Messages);
            runner.Run("plain: the registration of what waits for it goes with its last handler", UnregisteredWithTheLast);
        }

        private static void RegisteredOnce()
        {
            bool made = false, missing = false;
            var began = new ManualResetEvent(false);
            var go = new ManualResetEvent(false);
            var slot = new Slot<JsonTransportReply>(1, new IntPtr(7), false, (cb, data) =>
            {
                began.Set();
                go.WaitOne(History.LimitMs);
                Volatile.Write(ref made, true);
            });
            var first = new Thread(() => slot.Add(r => { }));
            var second = new Thread(() =>
            {
                slot.Set(r => { });
                missing = !Volatile.Read(ref made);
            });
            first.Start();
            began.WaitOne(History.LimitMs);
            second.Start();
            second.Join(100);
            go.Set();
            first.Join();
            second.Join();
            Check.That(!missing, "the second went on without it");
        }

        /// <summary>What comes while nobody hears it must wait in the library, not reach a slot without handlers.</summary>
        private static void UnregisteredWithTheLast()
        {
            var seen = new List<string>();
            var heard = new Slot<JsonTransportReply>(2, new IntPtr(7), true, (cb, data) => seen.Add(cb + " " + data));
            var other = new Slot<JsonTransportReply>(3, new IntPtr(8), false, (cb, data) => seen.Add(cb + " " + data));
            Action<JsonTransportReply> handler = r => seen.Add("told");
            foreach (Slot<JsonTransportReply> slot in new[] { heard, other })
            {
                slot.Add(handler);
                slot.Set(r => { });
                slot.Remove(handler);
                slot.Set(null);
                slot.Deliver(new JsonTransportReply());
                slot.Add(handler);
                slot.Stop();
            }
            Check.Equal("7 2, 0 2, 7 2, 8 3", string.Join(", ", seen), "registrations");
            other.Remove(handler);
            other.Stop();
            Check.Equal("0 3", seen[seen.Count - 1], "a registration that is stopped");
        }

        private static void Messages()
        {
            const string json = "{\"msg_type\":0,\"msg_body\":\"\u4f60\\n\",\"x_new\":{\"deep\":[1,2.50]},\"list\":[true,null,\"a\",[-1.5]]," +
                "\"server_msg_id\":9007199254740993,\"push_enable\":0,\"is_update_session\":false,\"client_msg_id\":\"c1\"}";
            var m = (NIMTextMessage)NIMIMMessage.Deserialize(json);
            Check.Equal(json.Replace("\\n", "\\u000a"), m.Serialize(), "what nobody knows is kept");
            Check.Equal("\u4f60\n", m.TextContent, "text");
            Check.Equal(9007199254740993L, m.ServerMsgId, "a long number");
            Check.That(!m.NeedPush && !m.UpdateSession && m.ServerSaveHistory && m.Roaming, "switches");
            Check.That(NIMIMMessage.Deserialize("") == null && NIMIMMessage.Deserialize("{}") == null, "no message");
            Check.That(NIMIMMessage.Deserialize("{\"msg_type\":77}") is NIMUnknownMessage, "an unknown kind");
            Check.Equal(77, (int)NIMIMMessage.Deserialize("{\"msg_type\":77}").MessageType, "its number");

            var sent = new NIMTextMessage { ReceiverID = "bob", TextContent = "hi", Roaming = false, UpdateSession = false };
            sent.Serialize();
            Check.That(sent.ClientMsgID.Length == 32, "an id is made");
            Check.Equal("{\"to_type\":0,\"msg_type\":0,\"to_accid\":\"bob\",\"msg_body\":\"hi\",\"roam_msg\":0,\"is_update_session\":false,\"client_msg_id\":\"" +
                sent.ClientMsgID + "\"}", sent.Serialize(), "what was not set is not sent");

            var image = new NIMImageMessage { ImageAttachment = new NIMImageAttachment { Width = 640, MD5 = "0cc1" } };
            image.ImageAttachment.Height = 480;
            var back = (NIMImageMessage)NIMIMMessage.Deserialize(image.Serialize());
            Check.Equal("{\"w\":640,\"md5\":\"0cc1\",\"h\":480}", back.ImageAttachment.ToJson(), "attachment");
            var place = new NIMLocationMessage { LocationInfo = new NIMLocationMsgInfo { Latitude = 30.25, Longitude = -120 } };
            var there = ((NIMLocationMessage)NIMIMMessage.Deserialize(place.Serialize())).LocationInfo;
            Check.That(there.Latitude == 30.25 && there.Longitude == -120, "place " + there);
            var custom = new NIMCustomMessage<MessageAck> { CustomContent = new MessageAck() };
            custom.CustomContent.Set("msg_id", "m");
            var received = (NIMCustomMessage)NIMIMMessage.Deserialize(custom.Serialize());
            Check.Equal("{\"msg_id\":\"m\"}", received.Content, "custom content");
            Check.Equal("{\"msg_id\":\"m\"}", ((NIMCustomMessage<object>)received).CustomContent.ToString(), "as NetEase's SDK has it");
            Check.Equal(2, JsonReader.ReadObjects("[{\"a\":1},3,{}]").Count, "objects of an array");
            Check.Equal(0, JsonReader.ReadObjects("[{},").Count + JsonReader.ReadObjects("{}").Count + JsonReader.ReadObjects("").Count, "no array");
        }

        private static void NetEaseSettings()
        {
            var config = new NimUtility.NimConfig
            {
                AppKey = "k",
                CommonSetting = new NimUtility.SdkCommonSetting
                {
                    DataBaseEncryptKey = "0123", LogLevel = NimUtility.SdkLogLevel.Pro, MaxLoginRetry = 3, UseHttps = true,
                    UsePriviteServer = true, CustomTimeout = 15, SyncSessionAck = true,
                },
                PrivateServerSetting = new NimUtility.SdkPrivateServerSetting
                {
                    LbsAddress = "http://lbs.example", LinkServer = "a:1", LinkServerList = new List<string> { "b:2" }, RSAPublicKey = "00c",
                },
            };
            Check.Equal(
                "{\"app_key\":\"k\",\"global_config\":{\"sdk_log_level\":6,\"login_retry_max_times\":3,\"custom_timeout\":15,\"use_https\":true}," +
                "\"private_server_setting\":{\"link\":[\"a:1\",\"b:2\"],\"lbs\":\"http://lbs.example\"}}",
                config.Serialize(), "all of it");
            Check.Equal("{\"global_config\":{\"sdk_log_level\":5,\"login_retry_max_times\":0,\"custom_timeout\":0}}",
                new NimUtility.NimConfig { CommonSetting = new NimUtility.SdkCommonSetting() }.Serialize(), "what is not set");
            Check.Equal("{\"server_conf_file_path\":\"f\"}", new NimUtility.NimConfig { ServerConfFilePath = "f" }.Serialize(), "a file");
            InitOptions none = (NimUtility.NimConfig)null;
            Check.That(none == null, "no settings");
        }

        private static void ReadJson()
        {
            LoginResult r = LoginResult.Read(JsonReader.ReadObject(
                " { \"err_code\" : 302, \"err_name\":\"token_invalid\", \"retryable\":false,\"login_step\":3,\"relogin\":true," +
                "\"other_clients_pres\":[{\"device_id\":\"a\\u00e9\\n\\\"\\\\\",\"login_time\":1700000000123,\"client_type\":64},{}]," +
                "\"unknown\":{\"x\":[1,-2.5e3,null,true,{\"y\":[]}]}}"));
            Check.Equal(302, r.ErrCode, "err_code");
            Check.Equal("token_invalid", r.ErrName, "err_name");
            Check.Equal(NIMLoginStep.kNIMLoginStepLogin, r.LoginStep, "login_step");
            Check.That(r.Relogin && !r.Retrying, "flags");
            Check.Equal(2, r.OtherClientsPres.Count, "devices");
            Check.Equal("a\u00e9\n\"\\", r.OtherClientsPres[0].DeviceId, "device_id");
            Check.Equal(1700000000123L, r.OtherClientsPres[0].LoginTime, "login_time");
            Check.Equal(NIMClientType.kNIMClientTypeMacOS, r.OtherClientsPres[0].ClientType, "client_type");
            Check.Equal("", r.OtherClientsPres[1].DeviceId, "a member that is missing");
            Check.That(r.Kicked == null, "an object that is missing");
            Diagnostics d = Diagnostics.Read(JsonReader.ReadObject("{\"trace\":[{\"a\":[1,{\"b\":\"}\"}]},{ }]}"));
            Check.Equal("{\"a\":[1,{\"b\":\"}\"}]}", d.Trace[0], "raw member");
            Check.Equal(2, d.Trace.Count, "raw members");
        }

        private static void ReadNonsense()
        {
            string deep = string.Concat(Enumerable.Repeat("{\"a\":[", 100));
            foreach (string text in new[]
            {
                null, "", " ", "{", "}", "[]", "null", "1", "\"x\"", "{\"err_code\"}", "{\"err_code\":}", "{\"err_code\":1,}",
                "{\"err_code\":1 \"b\":2}", "{err_code:1}", "{\"err_code\":tru}", "{\"a\":\"\\u12g4\",\"err_code\":1}",
                "{\"a\":\"\\x\"}", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":[1,2}", deep,
            })
                Check.Equal(0, JsonReader.ReadObject(text).Int("err_code"), "err_code of " + text);
            var random = new Random(1);
            const string letters = "{}[]\":,\\u0123truefalsnE+-. \n";
            for (int i = 0; i < 20000; i++)
            {
                var text = new char[random.Next(40)];
                for (int k = 0; k < text.Length; k++) text[k] = letters[random.Next(letters.Length)];
                JsonReader.ReadObject(new string(text));
            }
        }

        private static void WriteJson()
        {
            var o = new InitOptions
            {
                AppKey = "k\"\\\n\u0001\u00e9",
                GlobalConfig = new GlobalConfig { SdkLogLevel = NIMSDKLogLevel.kNIMSDKLogLevelPro, UseHttps = false },
                PrivateServerSetting = new PrivateServerSetting { Link = new List<string> { "a:1", "b:2" } },
            };
            Check.Equal("{\"app_key\":\"k\\\"\\\\\\u000a\\u0001\u00e9\",\"global_config\":{\"sdk_log_level\":6,\"use_https\":false}," +
                "\"private_server_setting\":{\"link\":[\"a:1\",\"b:2\"]}}", o.ToJson(), "options");
            Check.Equal("{}", new LoginOptions().ToJson(), "options that are not set");
            Check.Equal("{\n  \"multi_spot_notiy_type\": 2,\n  \"other_clients_pres\": []\n}",
                MultiSpotEvent.Read(JsonReader.ReadObject("{\"multi_spot_notiy_type\":2}")).Dump(), "dump");
        }

        private static void RoundTrip()
        {
            foreach (string s in new[] { "", "plain", "\u4f60\u597d", "\ud83d\ude00", "\u0000\u001f\u007f\u2028", "\"\\/\b\f\n\r\t" })
                Check.Equal(s, KickoutEvent.Read(JsonReader.ReadObject(
                    KickoutEvent.Read(JsonReader.ReadObject("{}")).With(s).ToJson())).ReasonDescription, "text");
            byte[] bytes = Utf8.Bytes("\ud83d\ude00");
            Check.Equal(5, bytes.Length, "bytes with the zero");
            GCHandle pin = GCHandle.Alloc(bytes, GCHandleType.Pinned);
            Check.Equal("\ud83d\ude00", Utf8.Text(pin.AddrOfPinnedObject()), "text back from bytes");
            pin.Free();
        }

        private static void Numbers()
        {
            JsonObject o = JsonReader.ReadObject(
                "{\"exact\":9007199254740993,\"max\":9223372036854775807,\"min\":-9223372036854775808,\"above\":18446744073709551615," +
                "\"below\":-1e30,\"code\":4294967496,\"negative\":-4294967496,\"half\":2.5,\"text\":\"7\",\"nothing\":null}");
            Check.Equal(9007199254740993L, o.Long("exact"), "2^53 + 1");
            Check.Equal(long.MaxValue, o.Long("max"), "the largest");
            Check.Equal(long.MinValue, o.Long("min"), "the smallest");
            Check.Equal(long.MaxValue, o.Long("above"), "one that is too large");
            Check.Equal(long.MinValue, o.Long("below"), "one that is too small");
            Check.Equal(int.MaxValue, o.Int("code"), "an int that is too large, whose lower half is 200");
            Check.Equal(int.MinValue, o.Int("negative"), "an int that is too small");
            Check.Equal(2, o.Int("half"), "a fraction");
            Check.Equal(0, o.Int("text") + o.Int("nothing") + o.Int("missing"), "what is no number");
        }

        private static void SettingsStay()
        {
            var shared = new InitOptions { PrivateServerSetting = new PrivateServerSetting { Backend = "nim" } };
            var options = new ClientOptions { AppKey = "key", Links = new[] { "a:1" }, Settings = shared };
            Check.Equal("{\"app_key\":\"key\",\"private_server_setting\":{\"backend\":\"nim\",\"link\":[\"a:1\"]}}",
                options.ToInitOptions().ToJson(), "settings");
            Check.Equal("{\"private_server_setting\":{\"backend\":\"nim\"}}", shared.ToJson(), "the program's own object");
            Check.Equal("{\"device_ids\":[\"a\",\"\"]}", new KickOtherRequest { DeviceIds = new[] { "a", null } }.ToJson(), "a null in a list");
        }

        /// <summary>Keeps what is traced.</summary>
        private sealed class Listener : TraceListener
        {
            internal string Text = "";

            public override void Write(string message) { Text += message; }

            public override void WriteLine(string message) { Text += message + "\n"; }
        }

        private static void Traced()
        {
            var listener = new Listener();
            Trace.Listeners.Add(listener);
            NimLibrary.Report(new InvalidOperationException("in a handler"));
            Trace.Listeners.Remove(listener);
            Check.That(listener.Text.Contains("in a handler"), "the trace is \"" + listener.Text + "\"");
        }

        private static KickoutEvent With(this KickoutEvent e, string text)
        {
            e.ReasonDescription = text;
            return e;
        }

        private static void ErrorTable()
        {
            Check.Equal(302, Errors.Find("token_expired").Code, "code");
            Check.Equal("token_expired", Errors.TokenExpired.Name, "name");
            Check.That(Errors.Find("no such error") == null && Errors.Find(-1) == null, "unknown errors");
            foreach (FieldInfo f in typeof(Errors).GetFields(BindingFlags.Public | BindingFlags.Static))
                Check.That(f.GetValue(null) == (object)Errors.Find(((ErrorKind)f.GetValue(null)).Name), f.Name);
            Check.Equal(21002, (int)ResponseCode.kNimxCancelled, "our own code");
        }

        private static void Exceptions()
        {
            Check.That(NimException.Of(Errors.Info(Errors.TokenExpired)) is NimAuthException, "auth");
            Check.That(NimException.Of(Errors.Info(Errors.Timeout)) is NimNetworkException, "network");
            Check.That(NimException.Of(Errors.Info(Errors.ServerBusy)) is NimServerException, "server");
            Check.That(NimException.Of(Errors.Info(Errors.NotLoggedIn)) is NimCallerException, "caller");
            Check.Equal("the token has expired (token_expired, 302)", NimException.Of(Errors.Info(Errors.TokenExpired)).Message, "text");
        }

        private static void Handles()
        {
            int answers = 0;
            IntPtr id = Calls.Add(new Call<JsonTransportReply>(r => answers++));
            Trampolines.Arrived(id, new JsonTransportReply());
            Trampolines.Arrived(id, new JsonTransportReply());
            Trampolines.Arrived(new IntPtr(123456), new JsonTransportReply());
            Check.Equal(1, answers, "answers");
            IntPtr login = Calls.Add(new LoginCall(r => answers++, null, null));
            foreach (string json in new[]
            {
                "{\"err_code\":200,\"login_step\":0}", "{\"err_code\":415,\"login_step\":1,\"retrying\":true}",
                "{\"err_code\":200,\"login_step\":3}", "{\"err_code\":200,\"login_step\":3}",
            })
                Trampolines.Arrived(login, new JsonTransportReply { JsonParams = json });
            Check.Equal(4, answers, "answers of a login");
            Check.Equal(0, Calls.Count, "calls that wait");
        }

        private static IEnumerable<Type> Types { get { return typeof(NimLibrary).Assembly.GetTypes().Where(t => !t.FullName.Contains("Tests")); } }

        private const BindingFlags Every =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

        /// <summary>
        /// What C calls is a static method with its mark, held by a static field; what is imported
        /// takes numbers, addresses and bytes, and is not generic.
        /// </summary>
        private static void AheadOfTime()
        {
            int marked = 0, held = 0, imported = 0;
            foreach (Type type in Types)
            {
                foreach (MethodInfo m in type.GetMethods(Every))
                {
                    bool mark = m.GetCustomAttributes(false).Any(a => a.GetType().Name == "MonoPInvokeCallbackAttribute");
                    if (mark) marked++;
                    Check.That(!mark || m.IsStatic && !type.IsGenericType, m + " is called from C");
                    if ((m.Attributes & MethodAttributes.PinvokeImpl) == 0) continue;
                    imported++;
                    Check.That(!type.IsGenericType && !m.IsGenericMethod, m + " is generic");
                    foreach (ParameterInfo p in m.GetParameters())
                        Check.That(Plain(p.ParameterType) || p.ParameterType == typeof(byte[]), m + ": " + p.ParameterType);
                    Check.That(m.ReturnType == typeof(void) || Plain(m.ReturnType), m + ": " + m.ReturnType);
                }
                foreach (FieldInfo f in type.GetFields(Every))
                {
                    if (f.Name.StartsWith("<") || f.FieldType.GetCustomAttributes(typeof(UnmanagedFunctionPointerAttribute), false).Length == 0)
                        continue;
                    held++;
                    Check.That(f.IsStatic && f.IsInitOnly, f + " holds what C calls");
                }
            }
            Check.That(marked >= 20, "marked methods");
            Check.Equal(held, marked, "marked methods, each held");
            Check.That(imported > 40, "imported functions");
        }

        private static bool Plain(Type t)
        {
            return t.IsEnum || t == typeof(IntPtr) || t == typeof(int) || t == typeof(long) || t == typeof(ulong) ||
                t == typeof(uint) || t == typeof(bool);
        }

        private static void NoFinalizers()
        {
            foreach (Type type in Types)
                Check.That(type.GetMethod("Finalize", Every, null, Type.EmptyTypes, null) == null, type + " has a finalizer");
        }
    }
}
