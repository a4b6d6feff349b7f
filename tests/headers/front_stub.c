/* front.c for front_test.c: refuses nothing, keeps nothing, answers every call
 * at once with its neutral answer. */
#include "front_gen.h"

#include <stdlib.h>
#include <string.h>

int stub_registered, stub_last_slot = -1;

void nim_call_begin(nim_call *c, int op, const nim_answer *answer, nim_fn fn, const void *user_data) {
    memset(c, 0, sizeof *c);
    c->op = op;
    c->answer = answer;
    c->fn = fn;
    c->user_data = user_data;
}

void nim_call_str(nim_call *c, int at, const char *param, const char *value, int kind) {
    (void)param, (void)kind;
    c->args.str[at] = value ? value : "";
}

void nim_call_chars(nim_call *c, int at, const char *param, const char *value, size_t size) {
    nim_call_str(c, at, param, memchr(value, 0, size) ? value : "", NIM_STR_TEXT);
}

static void answer(nim_call *c) {
    nim_args a;
    int i;

    if (!c->fn)
        return;
    a = c->answer->neutral;
    for (i = 0; i < NIM_MAX_STR; i++)
        if (!a.str[i])
            a.str[i] = "";
    if (c->answer->code_at >= 0)
        a.num[c->answer->code_at] = nim_error_rows[NIM_ERR_NOT_SUPPORTED].code;
    if (c->answer->json_at >= 0)
        a.str[c->answer->json_at] = "{}";
    c->answer->tramp(c->fn, &a, c->user_data);
}

int64_t nim_call_go(nim_call *c) { answer(c); return 0; }
void nim_call_unbuilt(nim_call *c) { answer(c); }
char *nim_call_text(nim_call *c, const char *otherwise) { (void)c; return nim_strdup(otherwise); }
int64_t nim_opaque_called(int index) { (void)nim_opaque_names[index]; return 0; }
char *nim_strdup(const char *s) { return strdup(s); }

void nim_register(int slot, nim_fn fn, const void *user_data, void (*destroy)(const void *)) {
    (void)fn, (void)user_data, (void)destroy;
    stub_registered++;
    stub_last_slot = slot;
}

static void hand(const nim_answer *how, nim_fn fn, const void *user_data) {
    nim_call c;

    nim_call_begin(&c, NIM_OP_none, how, fn, user_data);
    answer(&c);
}

nim_bool_reg nim_client_init(const char *a, const char *b, const char *c) { (void)a, (void)b, (void)c; return 1; }
void nim_client_cleanup(const char *a) { (void)a; }
void nim_client_cleanup2(nim_json_transport_cb_func cb, const char *a, const void *u) {
    (void)a;
    hand(&nim_answer_client_cleanup2, (nim_fn)cb, u);
}
int nim_client_get_login_state(const char *a) { (void)a; return kNIMLoginStateUnLogin; }
const char *nim_client_version(void) { return "0"; }
const char *nim_client_current_user_account(void) { return ""; }
void nim_client_get_server_current_time(nim_bool l, nim_client_get_server_current_time_cb_func cb, const char *a, const void *u) {
    (void)l, (void)a;
    hand(&nim_answer_client_get_server_current_time, (nim_fn)cb, u);
}
void nim_global_free_str_buf(char *s) { free(s); }
void nim_global_free_buf(void *p) { free(p); }
int nimx_global_set_dispatch_mode(int m) { (void)m; return 1; }
int nimx_global_dispatch(int n, int t) { (void)n, (void)t; return 0; }
int nimx_global_pending(void) { return 0; }
int nimx_global_wait(int t) { (void)t; return 0; }
void nimx_global_set_wake_cb(nimx_wake_cb_func cb, const void *u, nimx_destroy_func d) { (void)cb, (void)u, (void)d; }
void nimx_global_detach_callbacks(void) {}
void nimx_global_set_signal_stack(int k) { (void)k; }
const char *nimx_init_error(void) { return ""; }
int nimx_abi_level(void) { return 1; }
int nimx_build_has(const char *n) { (void)n; return 0; }
int nimx_client_get_status(void) { return NIMX_STATUS_LOGGED_OUT; }
