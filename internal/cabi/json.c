/* json.c: finds a member in JSON that a host gave, for answers that give it
 * back. What is not valid JSON has no members: nothing broken is handed on. */
#include "text.h"

#include <string.h>

static const char *value_end(const char *p);

static const char *blank(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int hex(char c) { return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/* The code unit of the four digits at p, -1 if they are not that. */
static int unit(const char *p)
{
    int i, n = 0;
    for (i = 0; i < 4; i++) {
        int d = hex(p[i]);
        if (d < 0)
            return -1;
        n = n * 16 + d;
    }
    return n;
}

/* Each gives what is behind the thing at p, or NULL if it is not valid. */

static const char *string_end(const char *p)
{
    if (*p != '"')
        return NULL;
    for (p++; *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return NULL;
        if (*p == '\\' && *++p == 'u') {
            if (unit(p + 1) < 0)
                return NULL;
            p += 4;
        } else if (p[-1] == '\\' && (*p == 0 || strchr("\"\\/bfnrt", *p) == NULL)) {
            return NULL;
        }
    }
    return p + 1;
}

static const char *digits_end(const char *p)
{
    if (!is_digit(*p))
        return NULL;
    while (is_digit(*p))
        p++;
    return p;
}

static const char *number_end(const char *p)
{
    if (*p == '-')
        p++;
    p = *p == '0' ? p + 1 : digits_end(p);
    if (p != NULL && *p == '.')
        p = digits_end(p + 1);
    if (p != NULL && (*p == 'e' || *p == 'E'))
        p = digits_end(p + (p[1] == '+' || p[1] == '-' ? 2 : 1));
    return p;
}

static const char *word_end(const char *p, const char *word)
{
    size_t len = strlen(word);
    return strncmp(p, word, len) == 0 ? p + len : NULL;
}

/* An array or an object. Where key is given, the first member of that name is
 * left in found. */
static const char *list_end(const char *p, const span *key, span *found)
{
    char close = *p == '{' ? '}' : ']';
    p = blank(p + 1);
    if (*p == close)
        return p + 1;
    for (;;) {
        const char *name = p, *end;
        int mine = 0;
        if (close == '}') {
            p = string_end(p);
            if (p == NULL || *(end = blank(p)) != ':')
                return NULL;
            mine = key != NULL && found->at == NULL && (size_t)(p - name) == key->len + 2 &&
                   memcmp(name + 1, key->at, key->len) == 0;
            p = blank(end + 1);
        }
        end = value_end(p);
        if (end == NULL)
            return NULL;
        if (mine) {
            found->at = p;
            found->len = (size_t)(end - p);
        }
        p = blank(end);
        if (*p == close)
            return p + 1;
        if (*p != ',')
            return NULL;
        p = blank(p + 1);
    }
}

static const char *value_end(const char *p)
{
    switch (*p) {
    case '"':
        return string_end(p);
    case '{':
    case '[':
        return list_end(p, NULL, NULL);
    case 't':
        return word_end(p, "true");
    case 'f':
        return word_end(p, "false");
    case 'n':
        return word_end(p, "null");
    }
    return number_end(p);
}

int json_member(const char *object, span key, span *value)
{
    const char *p = blank(object);
    value->at = NULL;
    value->len = 0;
    if (*p != '{')
        return 0;
    p = list_end(p, &key, value);
    return p != NULL && *blank(p) == 0 && value->at != NULL;
}

int json_is_integer(span value)
{
    size_t i, sign = value.len > 0 && value.at[0] == '-';
    for (i = sign; i < value.len; i++)
        if (!is_digit(value.at[i]))
            return 0;
    return value.len > sign && value.len - sign <= 18;
}

int json_is_strings(span value)
{
    const char *p = value.at;
    if (*p != '[')
        return 0;
    for (p = blank(p + 1); *p != ']'; p = blank(p)) {
        p = string_end(p);
        if (p == NULL)
            return 0;
        p = blank(p);
        if (*p == ',')
            p++;
    }
    return 1;
}

int json_all_strings(const char *json, span *value)
{
    const char *end;
    value->at = blank(json);
    value->len = 0;
    if (*value->at != '[' || (end = value_end(value->at)) == NULL || *blank(end) != 0 || !json_is_strings(*value))
        return 0;
    value->len = (size_t)(end - value->at);
    return 1;
}

void json_put_each(text *t, const char *array, span key)
{
    const char *p = blank(array), *end = *p == '[' ? value_end(p) : NULL, *comma = "";
    text_puts(t, "[");
    if (end != NULL && *blank(end) == 0)
        for (p = blank(p + 1); *p != ']'; p = *p == ',' ? blank(p + 1) : p) {
            span value = {NULL, 0};
            p = blank(*p == '{' ? list_end(p, &key, &value) : value_end(p));
            if (value.at == NULL || *value.at != '"')
                continue;
            text_puts(t, comma);
            text_put(t, value.at, value.len);
            comma = ",";
        }
    text_puts(t, "]");
}

static void put_rune(text *t, unsigned long r)
{
    char b[4];
    if (r < 0x80) {
        b[0] = (char)r;
        text_put(t, b, r != 0); /* a NUL would end the text */
    } else if (r < 0x800) {
        b[0] = (char)(0xC0 | r >> 6);
        b[1] = (char)(0x80 | (r & 0x3F));
        text_put(t, b, 2);
    } else if (r < 0x10000) {
        b[0] = (char)(0xE0 | r >> 12);
        b[1] = (char)(0x80 | (r >> 6 & 0x3F));
        b[2] = (char)(0x80 | (r & 0x3F));
        text_put(t, b, 3);
    } else {
        b[0] = (char)(0xF0 | r >> 18);
        b[1] = (char)(0x80 | (r >> 12 & 0x3F));
        b[2] = (char)(0x80 | (r >> 6 & 0x3F));
        b[3] = (char)(0x80 | (r & 0x3F));
        text_put(t, b, 4);
    }
}

/* Puts the escape at p, behind the backslash; returns its last character. Half
 * a surrogate pair becomes U+FFFD. */
static const char *put_escape(text *t, const char *p)
{
    static const char letters[] = "bfnrt", means[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, *p);
    long high, low;
    if (*p != 'u') {
        text_put(t, letter != NULL ? &means[letter - letters] : p, 1);
        return p;
    }
    high = unit(p + 1);
    low = high >= 0xD800 && high < 0xDC00 && p[5] == '\\' && p[6] == 'u' ? unit(p + 7) : -1;
    if (low >= 0xDC00 && low < 0xE000) {
        put_rune(t, 0x10000 + ((unsigned long)(high - 0xD800) << 10) + (unsigned long)(low - 0xDC00));
        return p + 10;
    }
    put_rune(t, high >= 0xD800 && high < 0xE000 ? 0xFFFD : (unsigned long)high);
    return p + 4;
}

void json_put_said(text *t, span string)
{
    const char *p = string.at + 1, *end = string.at + string.len - 1;
    for (; p < end; p++) {
        if (*p == '\\')
            p = put_escape(t, p + 1);
        else
            text_put(t, p, 1);
    }
}
