/* shape.c: answers that are made of the call's own arguments, so that an
 * answer the front gives itself has the shape of a real one: the ids that were
 * asked for come back. The templates are generated from api/. */
#include "front.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Finds the first of the members "s0.key|s1.other" that is there and of the
 * type: a string that is not empty, an integer, or an array of strings. */
static int find_member(const char *p, const char *stop, char type, const nim_args *call, span *value)
{
    while (p < stop) {
        const char *end = memchr(p, '|', (size_t)(stop - p));
        span key;
        if (end == NULL)
            end = stop;
        key.at = p + 3;
        key.len = (size_t)(end - key.at);
        if (json_member(call->str[p[1] - '0'], key, value) &&
            (type == 'i' ? json_is_integer(*value)
                         : type == 'a' ? json_is_strings(*value) : value->at[0] == '"' && value->len > 2))
            return 1;
        p = end + 1;
    }
    return 0;
}

/* Puts what stands at p, behind "${"; returns what is behind the "}". */
static const char *put_place(text *t, const char *p, int plain, const nim_args *call, int code)
{
    const char *end = strchr(p, '}'), *type = memchr(p, ':', (size_t)(end - p));
    int at = p[1] - '0';
    char want = type == NULL ? 's' : type[1];
    span value;
    if (p[0] == 'c') {
        text_number(t, code);
    } else if (p[0] == 'n') {
        text_number(t, call->num[at]);
    } else if (p[0] == 'b') {
        text_puts(t, call->num[at] ? "true" : "false");
    } else if (p[2] == '.') {
        int found = find_member(p, type == NULL ? end : type, want, call, &value);
        if (!found)
            text_puts(t, want == 'i' ? "0" : want == 'a' ? "[]" : plain ? "" : "\"\"");
        else if (want == 's' && plain)
            json_put_said(t, value);
        else
            text_put(t, value.at, value.len);
    } else if (p[2] == '[') {
        value.at = p + 5; /* behind s0[]. */
        value.len = (size_t)((type == NULL ? end : type) - value.at);
        json_put_each(t, call->str[at], value);
    } else if (want == 'a') {
        text_puts(t, json_all_strings(call->str[at], &value) ? "" : "[]");
        text_put(t, value.at, value.len);
    } else if (plain) {
        text_puts(t, call->str[at]);
    } else {
        text_puts(t, "\"");
        text_escaped(t, call->str[at]);
        text_puts(t, "\"");
    }
    return end + 1;
}

static void put_shape(text *t, const nim_shape *s, const nim_args *call, int code)
{
    const char *p = s->text, *place;
    while ((place = strstr(p, "${")) != NULL) {
        text_put(t, p, (size_t)(place - p));
        p = put_place(t, place + 2, s->plain, call, code);
    }
    text_puts(t, p);
    text_put(t, "", 1);
}

char *front_shape(const nim_answer *answer, const nim_args *call, int code, nim_args *args)
{
    const nim_shape *s;
    text t = {NULL, 0};
    for (s = answer->shape; s->text != NULL; s++)
        put_shape(&t, s, call, code);
    t.at = malloc(t.len);
    if (t.at == NULL)
        return NULL;
    t.len = 0;
    for (s = answer->shape; s->text != NULL; s++) {
        const char *start = t.at + t.len;
        put_shape(&t, s, call, code);
        if (s->num_at >= 0)
            args->num[(int)s->num_at] = strtoll(start, NULL, 10);
        else
            args->str[(int)s->str_at] = start;
    }
    return t.at;
}
