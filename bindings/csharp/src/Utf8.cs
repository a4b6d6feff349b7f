using System;
using System.Runtime.InteropServices;
using System.Text;

namespace LibNim
{
    /// <summary>Text on its way across the C interface.</summary>
    internal static class Utf8
    {
        /// <summary>The bytes of s with a zero behind them; null for null.</summary>
        internal static byte[] Bytes(string s)
        {
            if (s == null) return null;
            if (s.IndexOf('\0') >= 0) throw new ArgumentException("the text contains a NUL character, which C cannot carry");
            var bytes = new byte[Encoding.UTF8.GetByteCount(s) + 1];
            Encoding.UTF8.GetBytes(s, 0, s.Length, bytes, 0);
            return bytes;
        }

        /// <summary>A copy of C text; "" for NULL.</summary>
        internal static string Text(IntPtr p)
        {
            if (p == IntPtr.Zero) return "";
            int length = 0;
            while (Marshal.ReadByte(p, length) != 0) length++;
            if (length == 0) return "";
            var bytes = new byte[length];
            Marshal.Copy(p, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        /// <summary>Text that the library allocated, which is freed.</summary>
        internal static string Take(IntPtr p)
        {
            try
            {
                return Text(p);
            }
            finally
            {
                Native.nim_global_free_buf(p);
            }
        }
    }
}
