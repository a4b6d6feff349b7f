using LibNim;

namespace NIM
{
    /// <summary>Checksums and ids, in the shape of NetEase's C# SDK.</summary>
    public static class ToolsAPI
    {
        /// <summary>MD5 of a text in hex digits.</summary>
        public static string GetMd5(string input) { return Utf8.Take(Native.nim_tool_get_md5(Utf8.Bytes(input))); }

        /// <summary>MD5 of a file in hex digits; "" if it cannot be read.</summary>
        public static string GetFileMd5(string filePath) { return Utf8.Take(Native.nim_tool_get_file_md5(Utf8.Bytes(filePath))); }

        /// <summary>128 random bits in hex digits.</summary>
        public static string GetUuid() { return Utf8.Take(Native.nim_tool_get_uuid()); }
    }
}
