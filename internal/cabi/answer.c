/* answer.c: answers that the front gives itself. */
#include "front.h"
#include "text.h"

#include <stdlib.h>

static void put_error(text *t, const nim_error_row *row, const char *detail, const char *extra)
{
    text_puts(t, "{\"err_code\":");
    text_number(t, row->code);
    text_puts(t, ",\"err_name\":\"");
    text_escaped(t, row->name);
    text_puts(t, "\",\"err_msg\":\"");
    text_escaped(t, row->text);
    if (detail[0] != 0) {
        text_puts(t, ": ");
        text_escaped(t, detail);
    }
    text_puts(t, "\",\"domain\":\"");
    text_escaped(t, row->domain);
    text_puts(t, row->retryable ? "\",\"retryable\":true" : "\",\"retryable\":false");
    text_puts(t, extra);
    text_puts(t, "}");
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

front_node *front_answer(const nim_answer *answer, const nim_args *call, nim_fn fn, const void *user_data, int error,
                         const char *detail)
{
    nim_args args = answer->neutral;
    char *json = NULL, *own = NULL;
    front_node *n;
    if (answer->code_at >= 0)
        args.num[answer->code_at] = nim_error_rows[error].code;
    if (answer->json_at >= 0) {
        json = front_error_json(error, detail, answer->extra);
        args.str[answer->json_at] = json;
    }
    if (answer->shape != NULL && call != NULL)
        own = front_shape(answer, call, nim_error_rows[error].code, &args);
    n = front_node_new(answer->slot >= 0 ? FRONT_ACK : FRONT_COMPLETION, &args, NULL);
    free(json);
    free(own);
    if (n == NULL)
        return NULL;
    n->slot = answer->slot;
    n->tramp = answer->tramp;
    n->fn = fn;
    n->user_data = user_data;
    return n;
}
