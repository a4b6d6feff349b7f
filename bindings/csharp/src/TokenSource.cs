using System;
using System.Runtime.InteropServices;
using System.Text;

namespace LibNim
{
    /// <summary>The token provider of the program, and the memory in which its last answer stands.</summary>
    internal static class TokenSource
    {
        private static readonly object Gate = new object();
        private static Func<TokenRequest, string> provider; // guarded by Gate
        private static IntPtr memory;                       // guarded by Gate
        private static int size;                            // guarded by Gate

        /// <summary>Sets or, with null, removes the provider.</summary>
        internal static void Set(Func<TokenRequest, string> value)
        {
            lock (Gate) provider = value;
            NimLibrary.HandOut();
            Native.nim_client_reg_relogin_request_token_cb(null, value == null ? IntPtr.Zero : Trampolines.Token, IntPtr.Zero);
        }

        /// <summary>Asks the provider. The library copies the token as soon as the callback returns.</summary>
        internal static void Serve(IntPtr token, IntPtr length, string json)
        {
            Func<TokenRequest, string> ask;
            lock (Gate) ask = provider;
            if (ask == null) return;
            string text = ask(TokenRequest.Read(JsonReader.ReadObject(json)));
            if (string.IsNullOrEmpty(text)) return;
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            lock (Gate)
            {
                Wipe();
                memory = Marshal.AllocHGlobal(bytes.Length);
                size = bytes.Length;
                Marshal.Copy(bytes, 0, memory, size);
                Marshal.WriteIntPtr(token, memory);
                Marshal.WriteInt32(length, size);
            }
            Array.Clear(bytes, 0, bytes.Length);
        }

        /// <summary>Forgets the provider and wipes its last token; not while a provider may run.</summary>
        internal static void Forget()
        {
            lock (Gate)
            {
                provider = null;
                if (!Running.Here) Wipe();
            }
        }

        private static void Wipe()
        {
            if (memory == IntPtr.Zero) return;
            for (int i = 0; i < size; i++) Marshal.WriteByte(memory, i, 0);
            Marshal.FreeHGlobal(memory);
            memory = IntPtr.Zero;
        }
    }
}
