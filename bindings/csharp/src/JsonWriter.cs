using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace LibNim
{
    /// <summary>
    /// What crosses the C interface as a JSON object. ToString gives it as it crosses, Dump as text
    /// for people.
    /// </summary>
    public abstract class JsonPayload
    {
        internal abstract void WriteMembers(JsonWriter w);

        /// <summary>A copy of one object, of what is in it not; a new one for null.</summary>
        internal static T CopyOf<T>(T payload) where T : JsonPayload, new()
        {
            return payload == null ? new T() : (T)payload.MemberwiseClone();
        }

        /// <summary>The object as JSON.</summary>
        public string ToJson()
        {
            var w = new JsonWriter(false);
            w.Object(this);
            return w.ToString();
        }

        /// <summary>The object as JSON with a line for each member.</summary>
        public string Dump()
        {
            var w = new JsonWriter(true);
            w.Object(this);
            return w.ToString();
        }

        /// <summary>The same as ToJson.</summary>
        public override string ToString() { return ToJson(); }
    }

    /// <summary>
    /// A JSON object that keeps every member it came with, also those that nobody here knows. What
    /// was not set is not written, so that the library's own default holds.
    /// </summary>
    public abstract class JsonMembers : JsonPayload
    {
        internal JsonObject Members = new JsonObject();

        internal string Get(string key) { return Members.String(key); }

        internal int GetInt(string key) { return Members.Int(key); }

        internal long GetLong(string key) { return Members.Long(key); }

        internal bool GetFlag(string key, bool otherwise) { return Members.Flag(key, otherwise); }

        internal void Set(string key, object value) { Members.Set(key, value); }

        internal void SetFlag(string key, bool value) { Members.Set(key, value ? 1L : 0L); }

        internal override void WriteMembers(JsonWriter w)
        {
            foreach (KeyValuePair<string, object> m in Members.Members) w.ValueMember(m.Key, m.Value);
        }

        internal static T Of<T>(JsonObject members) where T : JsonMembers, new() { return new T { Members = members }; }
    }

    /// <summary>Writes payloads. An optional member is left out when it is zero, empty or null.</summary>
    internal sealed class JsonWriter
    {
        private readonly StringBuilder s = new StringBuilder();
        private readonly bool lines;
        private int depth;
        private bool first = true;

        internal JsonWriter(bool lines) { this.lines = lines; }

        public override string ToString() { return s.ToString(); }

        /// <summary>Texts as a JSON array.</summary>
        internal static string Array(IEnumerable<string> texts)
        {
            var w = new JsonWriter(false);
            w.Value(texts == null ? new List<object>() : new List<object>(texts));
            return w.ToString();
        }

        internal void Object(JsonPayload value)
        {
            if (value == null)
            {
                s.Append("null");
                return;
            }
            Open('{');
            value.WriteMembers(this);
            Close('}');
        }

        internal void Member(string key, string value) { Key(key); Text(value ?? ""); }

        internal void Member(string key, int value) { Member(key, (long)value); }

        internal void Member(string key, long value) { Key(key); s.Append(value.ToString(CultureInfo.InvariantCulture)); }

        internal void Member(string key, bool value) { Key(key); s.Append(value ? "true" : "false"); }

        internal void Member(string key, JsonPayload value) { Key(key); Object(value); }

        internal void Member(string key, IList<string> value) { Strings(key, value, false); }

        internal void RawMember(string key, IList<string> value) { Strings(key, value, true); }

        internal void Member<T>(string key, IList<T> value) where T : JsonPayload
        {
            Key(key);
            Open('[');
            foreach (T item in value ?? new T[0])
            {
                Separate();
                Object(item);
            }
            Close(']');
        }

        /// <summary>A value of any kind, as JsonReader gives them; an object as it was written.</summary>
        internal void ValueMember(string key, object value)
        {
            Key(key);
            Value(value);
        }

        private void Value(object value)
        {
            var list = value as List<object>;
            if (value is string) Text((string)value);
            else if (value is bool) s.Append((bool)value ? "true" : "false");
            else if (value is JsonObject) s.Append(((JsonObject)value).Source);
            else if (value is double) s.Append(((double)value).ToString("R", CultureInfo.InvariantCulture));
            else if (list == null) s.Append(value == null ? "null" : Convert.ToString(value, CultureInfo.InvariantCulture));
            else
            {
                Open('[');
                foreach (object item in list)
                {
                    Separate();
                    Value(item);
                }
                Close(']');
            }
        }

        internal void OptionalMember(string key, string value) { if (!string.IsNullOrEmpty(value)) Member(key, value); }

        internal void OptionalMember(string key, int value) { if (value != 0) Member(key, value); }

        internal void OptionalMember(string key, long value) { if (value != 0) Member(key, value); }

        internal void OptionalMember(string key, bool value) { if (value) Member(key, true); }

        internal void OptionalMember(string key, int? value) { if (value.HasValue) Member(key, value.Value); }

        internal void OptionalMember(string key, long? value) { if (value.HasValue) Member(key, value.Value); }

        internal void OptionalMember(string key, bool? value) { if (value.HasValue) Member(key, value.Value); }

        internal void OptionalMember(string key, JsonPayload value) { if (value != null) Member(key, value); }

        internal void OptionalMember(string key, IList<string> value) { if (value != null) Member(key, value); }

        private void Strings(string key, IList<string> value, bool raw)
        {
            Key(key);
            Open('[');
            foreach (string item in value ?? new string[0])
            {
                Separate();
                if (raw) s.Append(item);
                else Text(item ?? "");
            }
            Close(']');
        }

        private void Key(string key)
        {
            Separate();
            Text(key);
            s.Append(lines ? ": " : ":");
        }

        private void Separate()
        {
            if (!first) s.Append(',');
            first = false;
            NewLine();
        }

        private void NewLine() { if (lines) s.Append('\n').Append(' ', 2 * depth); }

        private void Open(char bracket)
        {
            s.Append(bracket);
            depth++;
            first = true;
        }

        private void Close(char bracket)
        {
            depth--;
            if (!first) NewLine();
            first = false;
            s.Append(bracket);
        }

        private void Text(string value)
        {
            s.Append('"');
            foreach (char c in value)
            {
                if (c == '"' || c == '\\') s.Append('\\').Append(c);
                else if (c < ' ') s.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                else s.Append(c);
            }
            s.Append('"');
        }
    }
}
