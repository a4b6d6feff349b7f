using System;
using System.Diagnostics;

namespace LibNim.Tests
{
    /// <summary>
    /// The tests of the C# binding. They need NIM_DIST, the directory of the built products. An
    /// argument runs the tests whose name contains it; --child is for the tests themselves.
    /// </summary>
    internal static class Program
    {
        private static int Main(string[] args)
        {
            Trace.Listeners.Clear();
            if (args.Length > 1 && args[0] == "--child") return Children.Run(args);
            var runner = new Runner(args.Length > 0 ? args[0] : null);
            PlainTests.All(runner);
            using (var nimd = new Nimd())
            {
                SessionTests.All(runner, nimd);
                ClientTests.All(runner, nimd);
                PullTests.All(runner, nimd);
                MessageTests.All(runner, nimd);
                TalkTests.All(runner, nimd);
                ExampleTest.All(runner, nimd);
                StressTests.All(runner, nimd);
                ExitTests.All(runner, nimd);
            }
            return runner.End();
        }
    }
}
