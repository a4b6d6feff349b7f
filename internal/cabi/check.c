/* check.c: what a string must be before anything parses it.
 *
 * Recursive parsers behind the front would overflow their stack on deep
 * nesting, which Go cannot recover from; so depth is bounded here. */
#include "front.h"

#include <stdio.h>
#include <string.h>

/* The length of the UTF-8 sequence at p, 0 if it is not one (also for
 * surrogates, overlong forms and anything beyond U+10FFFF). p ends with NUL. */
static int utf8_length(const unsigned char *p)
{
    unsigned char c = p[0];
    int i, n = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    for (i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ||
        (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

/* How a JSON text nests, byte by byte. It is not validated otherwise. */
typedef struct nesting {
    int depth, quoted, escaped;
} nesting;

static int too_deep(nesting *n, unsigned char c)
{
    if (n->escaped) {
        n->escaped = 0;
    } else if (n->quoted) {
        n->escaped = c == '\\';
        n->quoted = c != '"';
    } else if (c == '"') {
        n->quoted = 1;
    } else if (c == '[' || c == '{') {
        return ++n->depth > FRONT_NESTING;
    } else if ((c == ']' || c == '}') && n->depth > 0) {
        n->depth--;
    }
    return 0;
}

int front_check_text(const char *param, const char *value, int kind, size_t *len, char *detail, size_t size)
{
    const unsigned char *start = (const unsigned char *)value, *p = start;
    nesting n = {0, 0, 0};
    const void *end = memchr(value, 0, FRONT_TEXT + 1);
    *len = 0;
    if (end == NULL) {
        snprintf(detail, size, "%s: longer than %d bytes", param, FRONT_TEXT);
        return 0;
    }
    while (*p != 0) {
        int step = utf8_length(p);
        if (step == 0) {
            snprintf(detail, size, "%s: not valid UTF-8 at byte %ld", param, (long)(p - start));
            return 0;
        }
        if (kind == NIM_STR_JSON && step == 1 && too_deep(&n, *p)) {
            snprintf(detail, size, "%s: nested deeper than %d at byte %ld", param, FRONT_NESTING, (long)(p - start));
            return 0;
        }
        p += step;
    }
    *len = (size_t)(p - start);
    return 1;
}
