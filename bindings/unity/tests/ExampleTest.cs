using System.Diagnostics;
using LibNim.Tests;
using StandIn;

namespace LibNim.Unity.Tests
{
    /// <summary>The script of the README, which test.sh takes from there.</summary>
    internal static class ExampleTest
    {
        internal static void All(Runner runner, Nimd nimd)
        {
            runner.Run("example: sends and receives, and logs out when the game ends", () =>
            {
                Engine.Console.Clear();
                Engine.Play(typeof(IMSDK).Assembly);
                string account = nimd.NewAccount(), peer = nimd.NewAccount();
                using (Device other = nimd.Chat(peer))
                {
                    var chat = new UnityEngine.GameObject("chat").AddComponent<Chat>();
                    chat.link = nimd.Link;
                    chat.appKey = nimd.AppKey;
                    chat.user = account;
                    chat.token = "secret";
                    chat.peer = peer;
                    Engine.Start(chat);
                    Until("log: sent to " + peer);
                    other.Lines.Next("got 0 " + account + " NIMTextMessage hello from " + account);
                    other.Say("text " + account + " hello");
                    Until("log: " + peer + ": hello");
                    other.Quit();
                }
                Engine.Quit();
                Check.Equal(LoginStatus.Logout, IMSDK.GetLoginStatus(), "status after the game");
            });
        }

        private static void Until(string line)
        {
            var clock = Stopwatch.StartNew();
            while (!Engine.Console.Contains(line))
            {
                Check.That(clock.ElapsedMilliseconds < History.LimitMs, string.Join("\n", Engine.Console));
                Engine.Frame();
            }
        }
    }
}
