using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using NIM;

namespace LibNim.Tests
{
    /// <summary>A nimd that runs as a child process, and a directory for everything of the tests.</summary>
    internal sealed class Nimd : IDisposable
    {
        private readonly Process process;
        private readonly JsonObject ready;
        private static int accounts;

        internal Nimd()
        {
            Directory = Path.Combine(Path.GetTempPath(), "libnim-csharp-" + Process.GetCurrentProcess().Id);
            System.IO.Directory.CreateDirectory(Directory);
            string dist = Environment.GetEnvironmentVariable("NIM_DIST");
            process = Process.Start(new ProcessStartInfo
            {
                FileName = Path.Combine(dist, "bin", "nimd"),
                Arguments = "--listen 127.0.0.1:0 --data \"" + NewDirectory("nimd") + "\" --dev",
                UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
            });
            process.ErrorDataReceived += (s, e) => { };
            process.BeginErrorReadLine();
            ready = JsonReader.ReadObject(process.StandardOutput.ReadLine());
            Check.That(Link.Length > 0, "nimd did not get ready");
        }

        internal string Directory { get; private set; }

        internal string Link { get { return ready.String("link"); } }

        internal string AppKey { get { return ready.String("app_key"); } }

        internal int Port { get { return new Uri(Link).Port; } }

        /// <summary>A new directory below Directory.</summary>
        internal string NewDirectory(string name)
        {
            string path = Path.Combine(Directory, name + "-" + Interlocked.Increment(ref accounts));
            System.IO.Directory.CreateDirectory(path);
            return path;
        }

        /// <summary>Calls the admin interface.</summary>
        internal JsonObject Admin(string method, string path, string body)
        {
            var request = (HttpWebRequest)WebRequest.Create(ready.String("admin") + path);
            request.Method = method;
            request.Proxy = null;
            request.Headers["Authorization"] = "Bearer " + ready.String("admin_key");
            byte[] bytes = Encoding.UTF8.GetBytes(body);
            request.ContentLength = bytes.Length;
            using (Stream s = request.GetRequestStream()) s.Write(bytes, 0, bytes.Length);
            using (WebResponse response = request.GetResponse())
            using (var reader = new StreamReader(response.GetResponseStream()))
                return JsonReader.ReadObject(reader.ReadToEnd());
        }

        /// <summary>A new account with the token "secret".</summary>
        internal string NewAccount()
        {
            string name = "user-" + Interlocked.Increment(ref accounts);
            Admin("POST", "/accounts", "{\"account\":\"" + name + "\",\"token\":\"secret\"}");
            return name;
        }

        /// <summary>Another program that has logged in an account and tells what it gets.</summary>
        internal Device Chat(string account)
        {
            var device = new Device(
                i => i.StandardOutputEncoding = Encoding.UTF8, "chat", Link, AppKey, account, NewDirectory("chat"));
            device.Lines.Next("login 200");
            return device;
        }

        internal void Kick(string account)
        {
            Admin("POST", "/kick", "{\"account\":\"" + account + "\",\"reason\":\"see you later\"}");
        }

        /// <summary>A dynamic token, which the app's server would make.</summary>
        internal string DynamicToken(string account)
        {
            return Admin("POST", "/tokens", "{\"account\":\"" + account + "\",\"kind\":\"dynamic\"}").String("token");
        }

        /// <summary>Settings for this server, or for another way to it.</summary>
        internal InitOptions Options(string link = null)
        {
            return new InitOptions
            {
                AppKey = AppKey, PrivateServerSetting = new PrivateServerSetting { Link = new[] { link ?? Link } },
            };
        }

        public void Dispose()
        {
            process.Kill();
            process.WaitForExit();
            System.IO.Directory.Delete(Directory, true);
        }
    }

    /// <summary>
    /// A TCP path to a server that can be closed like a road: a connection through it ends, and a new
    /// one ends before it carries a byte. Without a server it is silent.
    /// </summary>
    internal sealed class TcpPath : IDisposable
    {
        private readonly TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
        private readonly int target;
        private readonly List<TcpClient> ends = new List<TcpClient>(); // guarded by itself
        private bool closed;                                           // guarded by ends
        private volatile bool frozen;

        internal TcpPath(int target)
        {
            this.target = target;
            listener.Start();
            new Thread(Accept) { IsBackground = true }.Start();
        }

        internal string Link { get { return "ws://127.0.0.1:" + Port + "/nim"; } }

        internal int Port { get { return ((IPEndPoint)listener.LocalEndpoint).Port; } }

        private void Accept()
        {
            try
            {
                while (true) Forward(listener.AcceptTcpClientAsync().Result); // .NET cannot end an accept that blocks
            }
            catch (Exception)
            {
                // The listener was stopped: the test is over.
            }
        }

        private void Forward(TcpClient near)
        {
            lock (ends)
            {
                if (closed)
                {
                    near.Close();
                    return;
                }
                ends.Add(near);
                if (target == 0) return;
                var far = new TcpClient("127.0.0.1", target);
                ends.Add(far);
                new Thread(() => Copy(near, far)) { IsBackground = true }.Start();
                new Thread(() => Copy(far, near)) { IsBackground = true }.Start();
            }
        }

        /// <summary>From now on no byte passes, and no connection ends.</summary>
        internal void Freeze() { frozen = true; }

        private void Copy(TcpClient from, TcpClient to)
        {
            try
            {
                var bytes = new byte[4096];
                int n;
                while ((n = from.GetStream().ReadAsync(bytes, 0, bytes.Length).Result) > 0)
                    if (!frozen) to.GetStream().Write(bytes, 0, n);
            }
            catch (Exception)
            {
                // One end has been closed, which is how a path ends.
            }
            from.Close();
            to.Close();
        }

        internal void SetClosed(bool value)
        {
            lock (ends)
            {
                closed = value;
                if (!closed) return;
                foreach (TcpClient end in ends) end.Close();
                ends.Clear();
            }
        }

        public void Dispose()
        {
            listener.Stop();
            SetClosed(true);
        }
    }

    /// <summary>Another device of an account: this program again, as a child process.</summary>
    internal sealed class Device : IDisposable
    {
        internal readonly History Lines = new History();
        private readonly Process process;

        /// <summary>The program that runs this one: Mono, or dotnet.</summary>
        internal static string Runtime { get { return Process.GetCurrentProcess().MainModule.FileName; } }

        internal Device(params string[] arguments) : this(null, arguments) { }

        internal Device(Action<ProcessStartInfo> change, params string[] arguments)
        {
            var info = new ProcessStartInfo
            {
                FileName = Runtime, UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
                Arguments = "\"" + typeof(Device).Assembly.Location + "\" --child \"" + string.Join("\" \"", arguments) + "\"",
            };
            if (change != null) change(info);
            process = Process.Start(info);
            process.OutputDataReceived += (s, e) => { if (e.Data != null) Lines.Add(e.Data); };
            process.BeginOutputReadLine();
        }

        internal void Say(string line) { process.StandardInput.WriteLine(line); }

        /// <summary>Has it clean up and end.</summary>
        internal void Quit()
        {
            Say("quit");
            Check.Equal(0, WaitForExit(History.LimitMs), "exit status of the other program");
        }

        /// <summary>Waits for its end; -1 if it does not end.</summary>
        internal int WaitForExit(int limitMs)
        {
            if (!process.WaitForExit(limitMs)) return -1;
            process.WaitForExit();
            return process.ExitCode;
        }

        public void Dispose()
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
        }
    }
}
