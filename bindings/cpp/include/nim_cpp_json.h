// nim_cpp_json.h: the JSON that crosses the C API, read and written in one
// pass. Internal to the binding: programs see the structs of namespace payload.
#ifndef NIM_CPP_JSON_H
#define NIM_CPP_JSON_H

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nim {

// A JSON value that is handed on as it came.
struct RawJson {
  std::string text;
};

// Reads one JSON text into structs. A value of another type than asked for, a
// missing one and null leave what the struct had; a text that is not JSON ends
// the reading, with what was read before it. Nesting is limited to kMaxDepth.
class JsonReader {
 public:
  static constexpr int kMaxDepth = 64;

  // Borrows text.
  explicit JsonReader(std::string_view text) : p_(text.data()), end_(text.data() + text.size()) {}

  // False once the text has turned out not to be JSON.
  bool ok() const { return ok_; }

  void Read(std::string &v) {
    if (Peek() == '"')
      v = String();
    else
      Skip();
  }

  void Read(bool &v) {
    const char c = Peek();
    if (c != 't' && c != 'f') return Skip();
    v = c == 't';
    Skip();
  }

  void Read(std::int64_t &v) {
    std::string_view number;
    if (!Number(number)) return;
    v = ToInteger(number);
  }

  void Read(int &v) {
    std::int64_t wide = v;
    Read(wide);
    if (wide > std::numeric_limits<int>::max()) wide = std::numeric_limits<int>::max();
    if (wide < std::numeric_limits<int>::min()) wide = std::numeric_limits<int>::min();
    v = static_cast<int>(wide);
  }

  void Read(RawJson &v) {
    Peek();
    const char *from = p_;
    Skip();
    if (ok_) v.text.assign(from, p_);
  }

  template <class T>
  void Read(std::optional<T> &v) {
    if (v) return Peek() == 'n' ? Skip() : Read(*v);
    if (!Begins(static_cast<T *>(nullptr), Peek())) return Skip();
    Read(v.emplace());
  }

  template <class T>
  void Read(std::vector<T> &v) {
    if (Peek() != '[') return Skip();
    v.clear();
    Elements([&] {
      v.emplace_back();
      Read(v.back());
    });
  }

  // A struct: one that has a ReadMember in its namespace.
  template <class T>
  auto Read(T &v) -> decltype(ReadMember(*this, std::string_view(), v), void()) {
    if (Peek() != '{') return Skip();
    Members([&](std::string_view key) {
      if (!ReadMember(*this, key, v)) Skip();
    });
  }

  // Moves behind the next value.
  void Skip() {
    switch (Peek()) {
      case '"': String(); return;
      case '{': return Members([&](std::string_view) { Skip(); });
      case '[': return Elements([&] { Skip(); });
      case 't': return Word("true");
      case 'f': return Word("false");
      case 'n': return Word("null");
      default:
        if (Digits().empty()) Fail();
    }
  }

 private:
  // Whether a value that begins with c can be one of the type.
  static bool Begins(bool *, char c) { return c == 't' || c == 'f'; }
  static bool Begins(void *, char c) { return c == '{'; }

  void Fail() {
    ok_ = false;
    p_ = end_;
  }

  // The next character that is not white space; 0 at the end.
  char Peek() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\t' || *p_ == '\r')) ++p_;
    return p_ < end_ ? *p_ : '\0';
  }

  bool Take(char c) {
    if (Peek() != c) return false;
    ++p_;
    return true;
  }

  void Word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word) return Fail();
    p_ += word.size();
  }

  std::string_view Digits() {
    const char *from = p_;
    while (p_ < end_ && ((*p_ >= '0' && *p_ <= '9') || *p_ == '-' || *p_ == '+' || *p_ == '.' || *p_ == 'e' || *p_ == 'E')) ++p_;
    return std::string_view(from, static_cast<std::size_t>(p_ - from));
  }

  bool Number(std::string_view &text) {
    const char c = Peek();
    if (c != '-' && (c < '0' || c > '9')) return Skip(), false;
    text = Digits();
    return true;
  }

  // The integer part of a number, or the nearest that fits. Not by strtod: the
  // point that it reads is the locale's.
  static std::int64_t ToInteger(std::string_view text) {
    const bool negative = text[0] == '-';
    std::string digits;
    std::size_t i = negative ? 1 : 0, whole = std::string::npos;
    for (; i < text.size(); ++i) {
      if (text[i] >= '0' && text[i] <= '9')
        digits += text[i];
      else if (text[i] == '.' && whole == std::string::npos)
        whole = digits.size();
      else
        break;
    }
    if (whole == std::string::npos) whole = digits.size();
    long long exponent = 0;
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) exponent = std::strtoll(std::string(text.substr(i + 1)).c_str(), nullptr, 10);
    const long long most = std::numeric_limits<int>::max();  // far beyond what fits
    const long long end = static_cast<long long>(whole) + (exponent > most ? most : exponent < -most ? -most : exponent);
    const std::uint64_t limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
    std::uint64_t v = 0;
    for (long long at = 0; at < end; ++at) {
      const bool beyond = at >= static_cast<long long>(digits.size());
      if (beyond && v == 0) break;
      const std::uint64_t digit = beyond ? 0 : static_cast<std::uint64_t>(digits[static_cast<std::size_t>(at)] - '0');
      if (v > (limit - digit) / 10) {
        v = limit;
        break;
      }
      v = v * 10 + digit;
    }
    return static_cast<std::int64_t>(negative ? 0 - v : v);
  }

  // Reads an object or an array: open, then items that take reads, then close.
  template <class F>
  void Items(char open, char close, F take) {
    if (!Take(open)) return Fail();
    if (++depth_ > kMaxDepth) return Fail();
    if (!Take(close)) {
      do {
        take();
      } while (ok_ && Take(','));
      if (!ok_ || !Take(close)) return Fail();
    }
    --depth_;
  }

  template <class F>
  void Members(F member) {
    Items('{', '}', [&] {
      if (Peek() != '"') return Fail();
      const std::string key = String();
      if (!Take(':')) return Fail();
      member(key);
    });
  }

  template <class F>
  void Elements(F element) {
    Items('[', ']', element);
  }

  std::string String() {
    std::string out;
    ++p_;  // the quote
    while (p_ < end_ && *p_ != '"') {
      if (*p_ != '\\') {
        out += *p_++;
      } else if (!Escape(out)) {
        return Fail(), std::string();
      }
    }
    if (p_ == end_) return Fail(), std::string();
    ++p_;
    return out;
  }

  bool Escape(std::string &out) {
    if (end_ - p_ < 2) return false;
    const char c = p_[1];
    p_ += 2;
    switch (c) {
      case 'n': out += '\n'; return true;
      case 't': out += '\t'; return true;
      case 'r': out += '\r'; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'u': return CodePoint(out);
      case '"':
      case '\\':
      case '/': out += c; return true;
      default: return false;
    }
  }

  bool Hex4(std::uint32_t &v) {
    if (end_ - p_ < 4) return false;
    v = 0;
    for (int i = 0; i < 4; ++i, ++p_) {
      const char c = *p_;
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return false;
      v = v << 4 | static_cast<std::uint32_t>(digit);
    }
    return true;
  }

  // Appends the code point of an escape as UTF-8; half a pair becomes U+FFFD.
  bool CodePoint(std::string &out) {
    std::uint32_t c, low = 0;
    if (!Hex4(c)) return false;
    if (c >= 0xD800 && c < 0xDC00 && end_ - p_ >= 2 && p_[0] == '\\' && p_[1] == 'u') {
      const char *const behind = p_;
      p_ += 2;
      if (!Hex4(low)) return false;
      if (low >= 0xDC00 && low < 0xE000)
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      else
        p_ = behind;  // an escape of its own
    }
    if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | c >> 6), tail(0);
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | c >> 12), tail(6), tail(0);
    } else {
      out += static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0);
    }
    return true;
  }

  const char *p_;
  const char *end_;
  int depth_ = 0;
  bool ok_ = true;
};

// Writes one JSON object. Text is taken as UTF-8; the library refuses what is
// not.
class JsonWriter {
 public:
  void Begin() { out_ += '{'; }
  void End() { out_ += '}'; }

  template <class T>
  void Member(std::string_view key, const T &v) {
    Key(key);
    Value(v);
  }

  // Writes a struct as a member, unless nothing in it is set.
  template <class T>
  void Object(std::string_view key, const T &v) {
    const std::size_t before = out_.size();
    Key(key);
    const std::size_t begin = out_.size();
    Write(*this, v);
    if (out_.size() == begin + 2) out_.resize(before);
  }

  // The text that was written; the writer is empty afterwards.
  std::string Take() { return std::move(out_); }

 private:
  void Key(std::string_view key) {
    if (out_.back() != '{') out_ += ',';
    Value(key);
    out_ += ':';
  }

  void Value(bool v) { out_ += v ? "true" : "false"; }
  void Value(int v) { out_ += std::to_string(v); }
  void Value(std::int64_t v) { out_ += std::to_string(v); }
  void Value(const RawJson &v) { out_ += v.text; }
  void Value(const std::string &v) { Value(std::string_view(v)); }

  void Value(std::string_view v) {
    static constexpr char kHex[] = "0123456789abcdef";
    out_ += '"';
    for (const char c : v) {
      if (c == '"' || c == '\\') {
        out_ += '\\', out_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        out_ += "\\u00", out_ += kHex[c >> 4], out_ += kHex[c & 15];
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  template <class T>
  void Value(const std::optional<T> &v) {
    if (v)
      Value(*v);
    else
      out_ += "null";
  }

  template <class T>
  void Value(const std::vector<T> &v) {
    out_ += '[';
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i > 0) out_ += ',';
      Value(v[i]);
    }
    out_ += ']';
  }

  std::string out_;
};

namespace detail {

// FromJson reads a payload from a text of the library.
template <class T>
T FromJson(const char *text) {
  T v;
  JsonReader reader(text != nullptr ? std::string_view(text) : std::string_view());
  reader.Read(v);
  return v;
}

// ToJson is the text of a payload.
template <class T>
std::string ToJson(const T &v) {
  JsonWriter w;
  Write(w, v);
  return w.Take();
}

}  // namespace detail
}  // namespace nim

#endif
