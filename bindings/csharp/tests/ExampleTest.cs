using System;
using System.Diagnostics;

namespace LibNim.Tests
{
    /// <summary>The program of the README, compiled by test.sh, against a real server.</summary>
    internal static class ExampleTest
    {
        internal static void All(Runner runner, Nimd nimd)
        {
            string program = Environment.GetEnvironmentVariable("EXAMPLE");
            if (program == null) return;
            runner.Run("example: logs in and out", () =>
            {
                string lines = Output(nimd, program, nimd.NewAccount(), "secret");
                Check.That(lines.Contains("logged in as user-") && lines.Contains("connection: ready"), lines);
            });
            runner.Run("example: says what is wrong", () =>
            {
                string lines = Output(nimd, program, nimd.NewAccount(), "not the token");
                Check.That(lines.Contains("token_invalid, 302") && !lines.Contains("logged in"), lines);
            });
        }

        private static string Output(Nimd nimd, string program, string account, string token)
        {
            using (Process p = Process.Start(new ProcessStartInfo
            {
                FileName = Device.Runtime, UseShellExecute = false, RedirectStandardOutput = true,
                WorkingDirectory = nimd.NewDirectory("example"),
                Arguments = string.Format("\"{0}\" {1} {2} {3} \"{4}\"", program, nimd.Link, nimd.AppKey, account, token),
            }))
            {
                string lines = p.StandardOutput.ReadToEnd();
                Check.That(p.WaitForExit(History.LimitMs), "the example ends");
                Check.Equal(0, p.ExitCode, "exit status; it said:\n" + lines);
                return lines;
            }
        }
    }
}
