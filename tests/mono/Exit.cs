// A Mono program that is online and gets a callback every 20 ms, and then ends:
// by returning from Main, by Environment.Exit, or after cleanup. Its
// declarations are its own, so that nothing but the C ABI is tested.
//   Exit.exe LINK APP_KEY ACCOUNT TOKEN DATA_DIR return|exit|cleanup push|pull
using System;
using System.Runtime.InteropServices;
using System.Threading;

static class Exit
{
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate void Transport(IntPtr json, IntPtr userData);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate void Time(int code, bool calcLocal, ulong ms, IntPtr userData);

    [DllImport("libnim", CallingConvention = CallingConvention.Cdecl)]
    static extern bool nim_client_init(string dataDir, string installDir, string json);

    [DllImport("libnim", CallingConvention = CallingConvention.Cdecl)]
    static extern void nim_client_cleanup(string json);

    [DllImport("libnim", CallingConvention = CallingConvention.Cdecl)]
    static extern void nim_client_login(string appKey, string account, string token, string json, Transport cb, IntPtr userData);

    [DllImport("libnim", CallingConvention = CallingConvention.Cdecl)]
    static extern void nim_client_get_server_current_time(bool calcLocal, Time cb, string json, IntPtr userData);

    [DllImport("libnim", CallingConvention = CallingConvention.Cdecl)]
    static extern IntPtr nimx_init_error();

    [DllImport("libnim", CallingConvention = CallingConvention.Cdecl)]
    static extern int nimx_global_set_dispatch_mode(int mode);

    [DllImport("libnim", CallingConvention = CallingConvention.Cdecl)]
    static extern int nimx_global_dispatch(int maxEvents, int timeoutMs);

    // Rooted for the life of the process: the library keeps the pointers.
    static readonly Transport onLogin = OnLogin;
    static readonly Time onTime = OnTime;
    static readonly ManualResetEventSlim loggedIn = new ManualResetEventSlim();
    static readonly CountdownEvent callbacks = new CountdownEvent(5);
    static volatile string answer = "";

    static void OnLogin(IntPtr json, IntPtr userData)
    {
        answer = Marshal.PtrToStringAnsi(json);
        bool ok = answer.Contains("\"err_code\":200");
        if (ok && answer.Contains("\"login_step\":3") || !ok && answer.Contains("\"retrying\":false"))
            loggedIn.Set();
    }

    static void OnTime(int code, bool calcLocal, ulong ms, IntPtr userData)
    {
        if (!callbacks.IsSet)
            callbacks.Signal();
    }

    static void Ask()
    {
        for (;;)
        {
            nim_client_get_server_current_time(false, onTime, null, IntPtr.Zero);
            Thread.Sleep(20);
        }
    }

    // Until the library is cleaned up, and never long in C: Mono waits at exit
    // for a thread that is there.
    static void Dispatch()
    {
        while (nimx_global_dispatch(0, 100) >= 0) { }
    }

    static int Main(string[] args)
    {
        if (args[6] == "pull" && nimx_global_set_dispatch_mode(1) != 1)
            return Fail("pull mode");
        string settings = "{\"app_key\":\"" + args[1] + "\",\"private_server_setting\":{\"link\":\"" + args[0] + "\"}}";
        if (!nim_client_init(args[4], "", settings))
            return Fail("init: " + Marshal.PtrToStringAnsi(nimx_init_error()));
        if (args[6] == "pull")
            new Thread(Dispatch) { IsBackground = true }.Start();
        nim_client_login(null, args[2], args[3], null, onLogin, new IntPtr(0x5b));
        if (!loggedIn.Wait(10000) || !answer.Contains("\"err_code\":200"))
            return Fail("login: " + answer);
        // Not a System.Threading.Timer: about one Mono process in a hundred with
        // a running one hangs at exit, with no native library in it at all.
        new Thread(Ask) { IsBackground = true }.Start();
        if (!callbacks.Wait(10000))
            return Fail("no callbacks");
        if (args[5] == "cleanup")
            nim_client_cleanup(null);
        Console.WriteLine("leaving");
        Console.Out.Flush();
        if (args[5] == "exit")
            Environment.Exit(0);
        return 0;
    }

    static int Fail(string why)
    {
        Console.WriteLine("not ok  " + why);
        return 1;
    }
}
