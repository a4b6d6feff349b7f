/* pack.c: arguments as one run of bytes. */
#include "front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT = 8 };

static size_t padded(size_t len) { return (len + UNIT - 1) / UNIT * UNIT; }

/* ---- out of a packed run ------------------------------------------------------ */

int64_t nim_take_number(nim_packed *p)
{
    int64_t v;
    if (p->len < UNIT)
        return 0;
    memcpy(&v, p->at, sizeof v);
    p->at += UNIT;
    p->len -= UNIT;
    return v;
}

/* The next text and its length; NULL if there is none. */
static const char *take_text(nim_packed *p, size_t *len)
{
    const char *text = p->at + UNIT;
    uint64_t n = (uint64_t)nim_take_number(p);
    if (p->len == 0 || n >= p->len || padded((size_t)n + 1) > p->len || text[n] != 0)
        return NULL;
    p->at += padded((size_t)n + 1);
    p->len -= padded((size_t)n + 1);
    *len = (size_t)n;
    return text;
}

const char *nim_take_text(nim_packed *p)
{
    size_t len;
    const char *text = take_text(p, &len);
    return text == NULL ? "" : text;
}

void nim_take_chars(nim_packed *p, char *to, size_t size)
{
    size_t len = 0;
    const char *text = take_text(p, &len);
    memset(to, 0, size);
    if (len >= size) {
        len = size - 1;
        while (len > 0 && (text[len] & 0xC0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(to, text, len);
}

int nim_take_array(nim_packed *p, void **elements, size_t size)
{
    int64_t count = nim_take_number(p);
    *elements = NULL;
    if (count <= 0 || (uint64_t)count > p->len / UNIT) /* every element has a field */
        return 0;
    *elements = calloc((size_t)count, size);
    return *elements == NULL ? 0 : (int)count;
}

int nim_unpack(nim_args *a, const void *packed, size_t len)
{
    nim_packed p = {(const char *)packed, len};
    uint32_t counts[2];
    uint32_t i;
    size_t ignored;
    memset(a, 0, sizeof *a);
    if (len < UNIT)
        return 0;
    memcpy(counts, packed, sizeof counts);
    (void)nim_take_number(&p);
    if (counts[0] > NIM_MAX_NUM || counts[1] > NIM_MAX_STR || p.len / UNIT < counts[0])
        return 0;
    for (i = 0; i < counts[0]; i++)
        a->num[i] = nim_take_number(&p);
    for (i = 0; i < NIM_MAX_STR; i++) {
        a->str[i] = i < counts[1] ? take_text(&p, &ignored) : "";
        if (a->str[i] == NULL)
            return 0;
    }
    if (p.len > 0)
        a->structs = p;
    return 1;
}

/* ---- into a packed run -------------------------------------------------------- */

static void refuse(nim_call *c, const char *name, const char *why)
{
    if (c->error != NIM_ERR_OK)
        return;
    c->error = NIM_ERR_INVALID_ARGUMENT;
    snprintf(c->detail, sizeof c->detail, "%s: %s", name, why);
}

/* Room for len more bytes, or NULL once the call is refused. */
static char *grow(nim_call *c, const char *name, size_t len)
{
    size_t need = c->args.structs.len + len;
    char *p;
    if (c->error != NIM_ERR_OK)
        return NULL;
    if (len > FRONT_TEXT || need > FRONT_TEXT) {
        char why[64];
        snprintf(why, sizeof why, "the structs and arrays of a call are bounded by %d bytes", FRONT_TEXT);
        refuse(c, name, why);
        return NULL;
    }
    if (need > c->room) {
        size_t room = need < 512 ? 512 : need * 2;
        p = realloc(c->own, room);
        if (p == NULL) {
            c->error = NIM_ERR_BUSY;
            return NULL;
        }
        c->own = p;
        c->room = room;
        c->args.structs.at = p;
    }
    p = c->own + c->args.structs.len;
    c->args.structs.len = need;
    return p;
}

static void put(nim_call *c, const char *name, const char *text, size_t len)
{
    int64_t n = (int64_t)len;
    char *p = grow(c, name, UNIT + padded(len + 1));
    if (p == NULL)
        return;
    memcpy(p, &n, sizeof n);
    memset(p + UNIT + padded(len + 1) - UNIT, 0, UNIT);
    memcpy(p + UNIT, text, len);
}

void nim_call_missing(nim_call *c, const char *name) { refuse(c, name, "NULL"); }

void nim_put_number(nim_call *c, int64_t value)
{
    char *p = grow(c, "", UNIT);
    if (p != NULL)
        memcpy(p, &value, sizeof value);
}

void nim_put_text(nim_call *c, const char *name, const char *value)
{
    size_t len = 0;
    if (value == NULL)
        value = "";
    if (c->error == NIM_ERR_OK && !front_check_text(name, value, NIM_STR_TEXT, &len, c->detail, sizeof c->detail))
        c->error = NIM_ERR_INVALID_ARGUMENT;
    put(c, name, value, len);
}

void nim_put_chars(nim_call *c, const char *name, const char *value, size_t size)
{
    if (memchr(value, 0, size) != NULL) {
        nim_put_text(c, name, value);
        return;
    }
    {
        char why[48];
        snprintf(why, sizeof why, "no NUL within its %lu bytes", (unsigned long)size);
        refuse(c, name, why);
    }
}

int nim_put_array(nim_call *c, const char *name, const void *elements, int64_t count, size_t size)
{
    if (count < 0)
        refuse(c, name, "a negative count");
    else if (count > 0 && elements == NULL)
        refuse(c, name, "NULL with a count that is not 0");
    else if ((uint64_t)count > FRONT_TEXT / (size < UNIT ? UNIT : size))
        refuse(c, name, "an array longer than 1048576 bytes");
    nim_put_number(c, count);
    return c->error == NIM_ERR_OK ? (int)count : 0;
}
