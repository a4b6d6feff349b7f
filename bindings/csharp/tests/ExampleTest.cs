using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading.Tasks;

namespace LibNim.Tests
{
    /// <summary>The program of the README, compiled by test.sh, against a real server.</summary>
    internal static class ExampleTest
    {
        internal static void All(Runner runner, Nimd nimd)
        {
            string program = Environment.GetEnvironmentVariable("EXAMPLE");
            if (program == null) return;
            runner.Run("example: sends a message, and gets one", () => Exchange(nimd, program));
            runner.Run("example: says what is wrong", () =>
            {
                using (Process p = Start(nimd, program, nimd.NewAccount(), "not the token", "bob"))
                {
                    string lines = p.StandardOutput.ReadToEnd();
                    End(p);
                    Check.That(lines.Contains("token_invalid, 302") && !lines.Contains("sent"), lines);
                }
            });
        }

        /// <summary>The first message waits for bob, and his own one finds alice at hand.</summary>
        private static void Exchange(Nimd nimd, string program)
        {
            string alice = nimd.NewAccount(), bob = nimd.NewAccount();
            using (Process first = Start(nimd, program, alice, "secret", bob))
            {
                Expect(first, "sent to " + bob + "; Enter ends");
                using (Process second = Start(nimd, program, bob, "secret", alice))
                {
                    Expect(second, alice + ": hello from " + alice);
                    Expect(first, bob + ": hello from " + bob);
                    second.StandardInput.WriteLine();
                    End(second);
                }
                first.StandardInput.WriteLine();
                End(first);
            }
        }

        /// <summary>Reads lines of a program until one is as it should be.</summary>
        private static void Expect(Process p, string want)
        {
            var lines = new List<string>();
            Task<string> reading = Task.Run(() =>
            {
                string line;
                while ((line = p.StandardOutput.ReadLine()) != null && line != want) lines.Add(line);
                return line;
            });
            bool read = reading.Wait(History.LimitMs);
            if (!read) p.Kill();
            Check.Equal(want, reading.Result, "line" + (read ? "" : " in time") + "; there are:\n  " + string.Join("\n  ", lines));
        }

        private static void End(Process p)
        {
            Check.That(p.WaitForExit(History.LimitMs), "the example ends");
            Check.Equal(0, p.ExitCode, "exit status");
        }

        private static Process Start(Nimd nimd, string program, string account, string token, string peer)
        {
            return Process.Start(new ProcessStartInfo
            {
                FileName = Device.Runtime, UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardInput = true,
                WorkingDirectory = nimd.NewDirectory("example"),
                Arguments = string.Format("\"{0}\" {1} {2} {3} \"{4}\" {5}", program, nimd.Link, nimd.AppKey, account, token, peer),
            });
        }
    }
}
