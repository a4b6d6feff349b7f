/* bridge_answer.c: answers that the front gives itself. */
#include "bridge_front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that is being put together; at NULL only counts. */
typedef struct text {
    char *at;
    size_t len;
} text;

static void put(text *t, const char *s, size_t len)
{
    if (t->at != NULL)
        memcpy(t->at + t->len, s, len);
    t->len += len;
}

static void puts_(text *t, const char *s) { put(t, s, strlen(s)); }

/* The inside of a JSON string. */
static void put_escaped(text *t, const char *s)
{
    for (; *s != 0; s++) {
        unsigned char c = (unsigned char)*s;
        char escape[8];
        if (c == '"' || c == '\\') {
            put(t, "\\", 1);
            put(t, s, 1);
        } else if (c < 0x20) {
            put(t, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
        } else {
            put(t, s, 1);
        }
    }
}

static void put_error(text *t, const nim_error_row *row, const char *detail, const char *extra)
{
    char code[16];
    snprintf(code, sizeof code, "%d", row->code);
    puts_(t, "{\"err_code\":");
    puts_(t, code);
    puts_(t, ",\"err_name\":\"");
    put_escaped(t, row->name);
    puts_(t, "\",\"err_msg\":\"");
    put_escaped(t, row->text);
    if (detail[0] != 0) {
        puts_(t, ": ");
        put_escaped(t, detail);
    }
    puts_(t, "\",\"domain\":\"");
    put_escaped(t, row->domain);
    puts_(t, row->retryable ? "\",\"retryable\":true" : "\",\"retryable\":false");
    puts_(t, extra);
    puts_(t, "}");
}

char *front_error_json(int error, const char *detail, const char *extra)
{
    text t = {NULL, 0};
    put_error(&t, &nim_error_rows[error], detail, extra);
    t.at = malloc(t.len + 1);
    if (t.at == NULL)
        return NULL;
    t.len = 0;
    put_error(&t, &nim_error_rows[error], detail, extra);
    t.at[t.len] = 0;
    return t.at;
}

front_node *front_answer(const nim_answer *answer, nim_fn fn, const void *user_data, int error, const char *detail)
{
    nim_args args = answer->neutral;
    char *json = NULL;
    front_node *n;
    if (answer->code_at >= 0)
        args.num[answer->code_at] = nim_error_rows[error].code;
    if (answer->json_at >= 0) {
        json = front_error_json(error, detail, answer->extra);
        args.str[answer->json_at] = json;
    }
    n = front_node_new(FRONT_COMPLETION, &args, NULL);
    free(json);
    if (n == NULL)
        return NULL;
    n->tramp = answer->tramp;
    n->fn = fn;
    n->user_data = user_data;
    return n;
}
