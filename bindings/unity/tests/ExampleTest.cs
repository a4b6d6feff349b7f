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
            runner.Run("example: logs in, and out when the game ends", () =>
            {
                Engine.Console.Clear();
                Engine.Play(typeof(IMSDK).Assembly);
                string account = nimd.NewAccount();
                var login = new UnityEngine.GameObject("login").AddComponent<Login>();
                login.link = nimd.Link;
                login.appKey = nimd.AppKey;
                login.user = account;
                login.token = "secret";
                Engine.Start(login);
                var clock = Stopwatch.StartNew();
                while (!Engine.Console.Contains("log: logged in as " + account))
                {
                    Check.That(clock.ElapsedMilliseconds < History.LimitMs, string.Join("\n", Engine.Console));
                    Engine.Frame();
                }
                Engine.Quit();
                Check.Equal(LoginStatus.Logout, IMSDK.GetLoginStatus(), "status after the game");
            });
        }
    }
}
