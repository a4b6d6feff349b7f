/* text.c: text that is put together. */
#include "text.h"

#include <stdio.h>
#include <string.h>

void text_put(text *t, const char *s, size_t len)
{
    if (t->at != NULL)
        memcpy(t->at + t->len, s, len);
    t->len += len;
}

void text_puts(text *t, const char *s) { text_put(t, s, strlen(s)); }

void text_number(text *t, long long n)
{
    char digits[24];
    text_put(t, digits, (size_t)snprintf(digits, sizeof digits, "%lld", n));
}

void text_escaped(text *t, const char *s)
{
    for (; *s != 0; s++) {
        unsigned char c = (unsigned char)*s;
        char escape[8];
        if (c == '"' || c == '\\') {
            text_put(t, "\\", 1);
            text_put(t, s, 1);
        } else if (c < 0x20) {
            text_put(t, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
        } else {
            text_put(t, s, 1);
        }
    }
}
