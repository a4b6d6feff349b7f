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

    /// <summary>Writes payloads. An optional member is left out when it is zero, empty or null.</summary>
    internal sealed class JsonWriter
    {
        private readonly StringBuilder s = new StringBuilder();
        private readonly bool lines;
        private int depth;
        private bool first = true;

        internal JsonWriter(bool lines) { this.lines = lines; }

        public override string ToString() { return s.ToString(); }

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
