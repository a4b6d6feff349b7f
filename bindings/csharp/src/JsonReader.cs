using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace LibNim
{
    /// <summary>
    /// Reads the JSON that the library gives: always valid, at most 64 deep. What is not valid is
    /// read as an empty object, so that a callback is never lost to its text.
    /// </summary>
    internal struct JsonReader
    {
        private const int DeepestLevel = 64;

        private readonly string text;
        private int at;
        private int depth;

        private JsonReader(string text)
        {
            this.text = text;
            at = 0;
            depth = 0;
        }

        internal static JsonObject ReadObject(string text)
        {
            if (string.IsNullOrEmpty(text)) return new JsonObject();
            var reader = new JsonReader(text);
            try
            {
                return reader.Value() as JsonObject ?? new JsonObject();
            }
            catch (FormatException)
            {
                return new JsonObject();
            }
        }

        /// <summary>The objects of an array; none where the text is no array.</summary>
        internal static List<JsonObject> ReadObjects(string text)
        {
            var list = new List<JsonObject>();
            if (string.IsNullOrEmpty(text)) return list;
            var reader = new JsonReader(text);
            try
            {
                foreach (object item in reader.Value() as List<object> ?? new List<object>())
                    if (item is JsonObject) list.Add((JsonObject)item);
            }
            catch (FormatException)
            {
                list.Clear();
            }
            return list;
        }

        private FormatException Fault() { return new FormatException("not JSON at " + at); }

        private char Peek()
        {
            while (at < text.Length && text[at] <= ' ') at++;
            if (at >= text.Length) throw Fault();
            return text[at];
        }

        private object Value()
        {
            switch (Peek())
            {
                case '{': return Object();
                case '[': return Array();
                case '"': return String();
                case 't': return Word("true", true);
                case 'f': return Word("false", false);
                case 'n': return Word("null", null);
                default: return Number();
            }
        }

        private object Word(string word, object value)
        {
            if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0) throw Fault();
            at += word.Length;
            return value;
        }

        private void Enter()
        {
            at++;
            if (++depth > DeepestLevel) throw Fault();
        }

        private JsonObject Object()
        {
            var o = new JsonObject();
            int start = at;
            Enter();
            if (Peek() == '}') at++;
            else
            {
                char next;
                do
                {
                    if (Peek() != '"') throw Fault();
                    string key = String();
                    if (Peek() != ':') throw Fault();
                    at++;
                    o.Set(key, Value());
                    next = Peek();
                    at++;
                }
                while (next == ',');
                if (next != '}') throw Fault();
            }
            depth--;
            o.Source = text.Substring(start, at - start);
            return o;
        }

        private List<object> Array()
        {
            var list = new List<object>();
            Enter();
            if (Peek() == ']') at++;
            else
            {
                char next;
                do
                {
                    list.Add(Value());
                    next = Peek();
                    at++;
                }
                while (next == ',');
                if (next != ']') throw Fault();
            }
            depth--;
            return list;
        }

        private string String()
        {
            int start = ++at;
            while (at < text.Length && text[at] != '"' && text[at] != '\\') at++;
            if (at < text.Length && text[at] == '"') return text.Substring(start, at++ - start);
            var s = new StringBuilder(text, start, at - start, at - start + 32);
            while (at < text.Length && text[at] != '"')
            {
                char c = text[at++];
                s.Append(c == '\\' ? Escaped() : c);
            }
            if (at >= text.Length) throw Fault();
            at++;
            return s.ToString();
        }

        private char Escaped()
        {
            if (at >= text.Length) throw Fault();
            char c = text[at++];
            switch (c)
            {
                case 'b': return '\b';
                case 'f': return '\f';
                case 'n': return '\n';
                case 'r': return '\r';
                case 't': return '\t';
                case 'u': return Hex();
                case '"': case '\\': case '/': return c;
                default: throw Fault();
            }
        }

        private char Hex()
        {
            ushort value;
            if (at + 4 > text.Length || !ushort.TryParse(text.Substring(at, 4), NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out value)) throw Fault();
            at += 4;
            return (char)value;
        }

        private object Number()
        {
            int start = at;
            while (at < text.Length && "+-.eE0123456789".IndexOf(text[at]) >= 0) at++;
            string digits = text.Substring(start, at - start);
            long whole;
            if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole)) return whole;
            double real;
            if (double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out real)) return real;
            throw Fault();
        }
    }

    /// <summary>
    /// One JSON object. A member that is missing or of another type reads as zero, "" or empty; a
    /// number that is out of range as the nearest.
    /// </summary>
    internal sealed class JsonObject
    {
        private readonly Dictionary<string, object> members = new Dictionary<string, object>();

        /// <summary>The object as it was written.</summary>
        internal string Source = "{}";

        internal void Set(string key, object value) { members[key] = value; }

        private object Get(string key)
        {
            object value;
            return members.TryGetValue(key, out value) ? value : null;
        }

        /// <summary>The members, with their values as they were read or set.</summary>
        internal IEnumerable<KeyValuePair<string, object>> Members { get { return members; } }

        internal bool IsEmpty { get { return members.Count == 0; } }

        internal bool Has(string key) { return Get(key) is JsonObject; }

        /// <summary>A switch, which is 0 or 1 on some ways and false or true on others.</summary>
        internal bool Flag(string key, bool otherwise)
        {
            object value = Get(key);
            return value is bool ? (bool)value : value is long ? (long)value != 0 : otherwise;
        }

        internal double Real(string key)
        {
            object value = Get(key);
            return value is double ? (double)value : Long(key);
        }

        internal string String(string key) { return Get(key) as string ?? ""; }

        internal int Int(string key) { return (int)Math.Max(int.MinValue, Math.Min(int.MaxValue, Long(key))); }

        internal long Long(string key)
        {
            object value = Get(key);
            if (value is long) return (long)value;
            if (!(value is double)) return 0;
            var real = (double)value;
            return real >= long.MaxValue ? long.MaxValue : real <= long.MinValue ? long.MinValue : (long)real;
        }

        internal bool Bool(string key)
        {
            object value = Get(key);
            return value is bool && (bool)value;
        }

        internal JsonObject Object(string key) { return Get(key) as JsonObject ?? new JsonObject(); }

        internal IList<string> Strings(string key)
        {
            var list = new List<string>();
            foreach (object item in Items(key)) if (item is string) list.Add((string)item);
            return list;
        }

        /// <summary>The objects of an array, as they were written.</summary>
        internal IList<string> Raws(string key)
        {
            var list = new List<string>();
            foreach (object item in Items(key)) if (item is JsonObject) list.Add(((JsonObject)item).Source);
            return list;
        }

        internal IList<T> List<T>(string key, Func<JsonObject, T> read) where T : class
        {
            var list = new List<T>();
            foreach (object item in Items(key)) if (item is JsonObject) list.Add(read((JsonObject)item));
            return list;
        }

        private List<object> Items(string key) { return Get(key) as List<object> ?? new List<object>(); }
    }
}
