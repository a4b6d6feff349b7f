using LibNim.Tests;

namespace LibNim.Unity.Tests
{
    /// <summary>
    /// The tests of the Unity package against a stand-in of the engine. They need NIM_DIST, the
    /// directory of the built products. An argument runs the tests whose name contains it.
    /// </summary>
    internal static class Program
    {
        private static int Main(string[] args)
        {
            if (args.Length > 1 && args[0] == "--child") return Children.Run(args);
            var runner = new Runner(args.Length > 0 ? args[0] : null);
            using (var nimd = new Nimd())
            {
                ReloadTests.All(runner, nimd);
                PlayTests.All(runner, nimd);
                MessageTests.All(runner, nimd);
                ExampleTest.All(runner, nimd);
            }
            return runner.End();
        }
    }
}
