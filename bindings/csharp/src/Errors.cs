using System;

namespace LibNim
{
    /// <summary>Whose matter an error is.</summary>
    public enum ErrorDomain
    {
        /// <summary>The program called the library wrongly, or at the wrong time.</summary>
        Caller,
        /// <summary>The way to the server.</summary>
        Network,
        /// <summary>The server.</summary>
        Server,
        /// <summary>Account, token or policy.</summary>
        Auth,
    }

    /// <summary>One row of the error table.</summary>
    public sealed class ErrorKind
    {
        internal ErrorKind(string name, int code, ErrorDomain domain, bool retryable, int tencent, int openIM, string text)
        {
            Name = name;
            Code = code;
            Domain = domain;
            Retryable = retryable;
            Tencent = tencent;
            OpenIM = openIM;
            Text = text;
        }

        /// <summary>The stable name.</summary>
        public string Name { get; private set; }

        /// <summary>The code of the NIM ABI; several rows can share one.</summary>
        public int Code { get; private set; }

        /// <summary>Whose matter it is.</summary>
        public ErrorDomain Domain { get; private set; }

        /// <summary>Whether trying again can help.</summary>
        public bool Retryable { get; private set; }

        /// <summary>The number that Tencent IM uses; 0 if it has none.</summary>
        public int Tencent { get; private set; }

        /// <summary>The number that OpenIM uses; 0 if it has none.</summary>
        public int OpenIM { get; private set; }

        /// <summary>One English sentence.</summary>
        public string Text { get; private set; }
    }

    public static partial class Errors
    {
        /// <summary>The row of a name, or null.</summary>
        public static ErrorKind Find(string name)
        {
            foreach (ErrorKind kind in Table) if (kind.Name == name) return kind;
            return null;
        }

        /// <summary>The first row with a code, or null.</summary>
        public static ErrorKind Find(int code)
        {
            foreach (ErrorKind kind in Table) if (kind.Code == code) return kind;
            return null;
        }

        internal static ErrorInfo Info(ErrorKind kind)
        {
            return new ErrorInfo
            {
                ErrCode = kind.Code, ErrName = kind.Name, ErrMsg = kind.Text,
                Domain = kind.Domain.ToString().ToLowerInvariant(), Retryable = kind.Retryable,
            };
        }

        /// <summary>What is known of an error of which only the code was told.</summary>
        internal static ErrorInfo Info(int code)
        {
            ErrorKind kind = Find(code);
            return kind != null ? Info(kind) : new ErrorInfo { ErrCode = code, ErrName = "", ErrMsg = "error " + code };
        }
    }

    /// <summary>
    /// A call of libnim failed. The class says whose matter it is: NimCallerException,
    /// NimNetworkException, NimServerException, NimAuthException.
    /// </summary>
    public class NimException : Exception
    {
        internal NimException(ErrorInfo info) : base(Sentence(info)) { Info = info; }

        /// <summary>All that the library told: step, endpoint, server's code and more.</summary>
        public ErrorInfo Info { get; private set; }

        /// <summary>The result code.</summary>
        public NIM.ResponseCode Code { get { return (NIM.ResponseCode)Info.ErrCode; } }

        /// <summary>The stable name of the error, such as token_expired.</summary>
        public string Name { get { return Info.ErrName; } }

        /// <summary>Whether trying again can help.</summary>
        public bool Retryable { get { return Info.Retryable; } }

        private static string Sentence(ErrorInfo info)
        {
            string text = string.IsNullOrEmpty(info.ErrMsg) ? "error" : info.ErrMsg;
            return text + " (" + (string.IsNullOrEmpty(info.ErrName) ? "" : info.ErrName + ", ") + info.ErrCode + ")";
        }

        internal static NimException Of(ErrorInfo info)
        {
            switch (info.Domain)
            {
                case "caller": return new NimCallerException(info);
                case "network": return new NimNetworkException(info);
                case "server": return new NimServerException(info);
                case "auth": return new NimAuthException(info);
                default: return new NimException(info);
            }
        }
    }

    /// <summary>The program called the library wrongly or at the wrong time, or ended the session meanwhile.</summary>
    public sealed class NimCallerException : NimException { internal NimCallerException(ErrorInfo info) : base(info) { } }

    /// <summary>The server was not reached.</summary>
    public sealed class NimNetworkException : NimException { internal NimNetworkException(ErrorInfo info) : base(info) { } }

    /// <summary>The server could not do it.</summary>
    public sealed class NimServerException : NimException { internal NimServerException(ErrorInfo info) : base(info) { } }

    /// <summary>Account, token or policy stand against it: ask the user, or get another token.</summary>
    public sealed class NimAuthException : NimException { internal NimAuthException(ErrorInfo info) : base(info) { } }
}
