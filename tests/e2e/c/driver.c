/* Commands of the driver: see driver.h. */
#include "driver.h"

#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const void *tag(const char *field) { return (const void *)(uintptr_t)(field ? strtoull(field, NULL, 0) : 0); }

void parse(command *c, const char *line) {
    char *at = c->text, *end;
    snprintf(c->text, sizeof c->text, "%s", line);
    at[strcspn(at, "\n")] = 0;
    memset(c->argv, 0, sizeof c->argv);
    for (c->argc = 0; at && c->argc < MAX_FIELDS; at = end) {
        end = strchr(at, '\t');
        if (end) *end++ = 0;
        c->argv[c->argc++] = strcmp(at, "\\N") == 0 ? NULL : at;
    }
}

static void *run_on_thread(void *arg) {
    command *c = arg;
    run_command(c);
    free(c);
    return NULL;
}

/* spawn runs the rest of the line on a thread of its own. */
static void spawn(const char *line) {
    pthread_t thread;
    command *c = malloc(sizeof *c);
    parse(c, line);
    if (pthread_create(&thread, NULL, run_on_thread, c) == 0) pthread_detach(thread);
}

typedef struct verb {
    const char *name;
    void (*run)(command *c);
} verb;

#define A(n) c->argv[n]
#define INT(n) atoi(c->argv[n])

static void v_init(command *c) { print("{\"ret\":\"init\",\"value\":%d}", nim_client_init(A(1), A(2), A(3))); }
static void v_cleanup(command *c) { nim_client_cleanup(A(1)); print("{\"ret\":\"cleanup\"}"); }
static void v_cleanup2(command *c) {
    nim_client_cleanup2(c->argc > 2 ? on_cleanup2 : NULL, A(1), tag(A(2)));
    print("{\"ret\":\"cleanup2\"}");
}
static void v_login(command *c) {
    nim_client_login(A(1), A(2), A(3), A(4), A(5) ? on_login : NULL, tag(A(5)));
    print("{\"ret\":\"login\"}");
}
static void v_logout(command *c) {
    nim_client_logout((enum NIMLogoutType)INT(1), A(2), A(3) ? on_logout : NULL, tag(A(3)));
    print("{\"ret\":\"logout\"}");
}
static void v_relogin(command *c) { nim_client_relogin(A(1)); print("{\"ret\":\"relogin\"}"); }
static void v_kick_other(command *c) { nim_client_kick_other_client(A(1)); print("{\"ret\":\"kick_other\"}"); }
static void v_on(command *c) { registration(A(1), tag(A(2)), 0); print("{\"ret\":\"on\"}"); }
static void v_off(command *c) { registration(A(1), NULL, 1); print("{\"ret\":\"off\"}"); }
static void v_state(command *c) { print("{\"ret\":\"state\",\"value\":%d}", nim_client_get_login_state(A(1))); }
static void v_status(command *c) { (void)c; print("{\"ret\":\"status\",\"value\":%d}", nimx_client_get_status()); }
static void v_account(command *c) { (void)c; print_text("account", nim_client_current_user_account()); }
static void v_version(command *c) { (void)c; print_text("version", nim_client_version()); }
static void v_init_error(command *c) { (void)c; print_text("init_error", nimx_init_error()); }
static void v_feature(command *c) { print("{\"ret\":\"feature\",\"value\":%d}", nimx_build_has(A(1))); }
static void v_user(command *c) {
    char *user = nimx_client_get_login_user();
    (void)c;
    print_text("user", user);
    nim_global_free_buf(user);
}
static void v_capabilities(command *c) {
    char *text = nimx_client_capabilities();
    (void)c;
    print_text("capabilities", text);
    nim_global_free_str_buf(text);
}
static void v_tool(command *c) {
    char *text = strcmp(A(1), "md5") == 0       ? nim_tool_get_md5(A(2))
               : strcmp(A(1), "file_md5") == 0  ? nim_tool_get_file_md5(A(2))
               : strcmp(A(1), "uuid") == 0      ? nim_tool_get_uuid()
               : strcmp(A(1), "account") == 0   ? nim_tool_get_user_appdata_dir(A(2))
               : strcmp(A(1), "image") == 0     ? nim_tool_get_user_specific_appdata_dir(A(2), kNIMAppDataTypeImage)
               : strcmp(A(1), "local") == 0     ? nim_tool_get_local_appdata_dir()
                                                : nim_tool_get_cur_module_dir();
    print_text("tool", text);
    nim_global_free_buf(text);
}
static void v_time(command *c) {
    nim_client_get_server_current_time(INT(1) != 0, on_time, NULL, tag(A(2)));
    print("{\"ret\":\"time\"}");
}
static void v_push_get(command *c) {
    nim_client_get_multiport_push_config(NULL, on_push_config, tag(A(1)));
    print("{\"ret\":\"push_get\"}");
}
static void v_push_set(command *c) {
    nim_client_set_multiport_push_config(A(1), NULL, A(2) ? on_push_config : NULL, tag(A(2)));
    print("{\"ret\":\"push_set\"}");
}
static void v_renew(command *c) {
    nimx_client_renew_token(A(1), A(2), A(3) ? on_json : NULL, tag(A(3)));
    print("{\"ret\":\"renew\"}");
}
static void v_pause(command *c) { nimx_client_pause(NULL, A(1) ? on_json : NULL, tag(A(1))); print("{\"ret\":\"pause\"}"); }
static void v_resume(command *c) { nimx_client_resume(NULL, on_json, tag(A(1))); print("{\"ret\":\"resume\"}"); }
static void v_diagnostics(command *c) {
    nimx_client_diagnostics(NULL, A(1) ? on_json : NULL, tag(A(1)));
    print("{\"ret\":\"diagnostics\"}");
}
static void v_network_changed(command *c) { nimx_client_network_changed(A(1)); print("{\"ret\":\"network_changed\"}"); }
static void v_set_proxy(command *c) {
    nim_global_set_proxy((enum NIMProxyType)INT(1), A(2), INT(3), A(4), A(5));
    print("{\"ret\":\"set_proxy\"}");
}
static void v_detect_proxy(command *c) {
    nim_global_detect_proxy((enum NIMProxyType)INT(1), A(2), INT(3), A(4), A(5), on_proxy, tag(A(6)));
    print("{\"ret\":\"detect_proxy\"}");
}
static void v_mode(command *c) { print("{\"ret\":\"mode\",\"value\":%d}", nimx_global_set_dispatch_mode(INT(1))); }
static void v_dispatch(command *c) { print("{\"ret\":\"dispatch\",\"value\":%d}", nimx_global_dispatch(INT(1), INT(2))); }
static void v_pending(command *c) { (void)c; print("{\"ret\":\"pending\",\"value\":%d}", nimx_global_pending()); }
static void v_wait(command *c) { print("{\"ret\":\"wait\",\"value\":%d}", nimx_global_wait(INT(1))); }
static void v_detach(command *c) { (void)c; nimx_global_detach_callbacks(); print("{\"ret\":\"detach\"}"); }
static void v_token(command *c) { plan_token(A(1)); print("{\"ret\":\"token\"}"); }
/* block MS: this thread does nothing. */
static void v_block(command *c) {
    struct timespec t = {INT(1) / 1000, INT(1) % 1000 * 1000000L};
    nanosleep(&t, NULL);
    print("{\"ret\":\"block\"}");
}
static void v_exit(command *c) { exit(INT(1)); }

static const verb verbs[] = {
    {"init", v_init}, {"cleanup", v_cleanup}, {"cleanup2", v_cleanup2}, {"login", v_login},
    {"logout", v_logout}, {"relogin", v_relogin}, {"kick_other", v_kick_other}, {"on", v_on},
    {"off", v_off}, {"state", v_state}, {"status", v_status}, {"account", v_account},
    {"version", v_version}, {"init_error", v_init_error}, {"feature", v_feature}, {"user", v_user},
    {"capabilities", v_capabilities}, {"time", v_time}, {"push_get", v_push_get}, {"push_set", v_push_set},
    {"renew", v_renew}, {"pause", v_pause}, {"resume", v_resume}, {"diagnostics", v_diagnostics},
    {"network_changed", v_network_changed}, {"set_proxy", v_set_proxy}, {"detect_proxy", v_detect_proxy},
    {"mode", v_mode}, {"dispatch", v_dispatch}, {"pending", v_pending}, {"wait", v_wait},
    {"detach", v_detach}, {"token", v_token}, {"exit", v_exit}, {"block", v_block},
    {"upload_log", v_upload_log}, {"feedback", v_feedback}, {"cache_info", v_cache_info},
    {"cache_delete", v_cache_delete}, {"tool", v_tool},
    {"send", v_send}, {"texts", v_texts}, {"sessions", v_sessions}, {"unread_zero", v_unread_zero},
    {"unread_zero_all", v_unread_zero_all},
    {"log", v_log}, {"by_id", v_by_id}, {"insert", v_insert}, {"batch_read", v_batch_read},
    {"reply", v_reply}, {"stop_send", v_stop_send}, {"retweet", v_retweet},
    {"recall", v_recall}, {"recall2", v_recall2}, {"recall_ex", v_recall_ex},
    {"receipt", v_receipt}, {"read_by_peer", v_read_by_peer}, {"receipt_sent", v_receipt_sent},
    {"list", v_list}, {"edit", v_edit},
};

void run_command(command *c) {
    size_t i;
    for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (c->argv[0] && strcmp(c->argv[0], verbs[i].name) == 0) {
            verbs[i].run(c);
            return;
        }
    print_text("unknown", c->argv[0]);
}

/* The rest of a line after its first n fields. */
static const char *rest(const char *line, int n) {
    while (n-- > 0) line += strcspn(line, "\t") + 1;
    return line;
}

int main(void) {
    static char line[16384];
    static command c;
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "quit", 4) == 0) return 7; /* no other end has this code */
        if (strncmp(line, "spawn\t", 6) == 0) {
            spawn(rest(line, 1));
        } else if (strncmp(line, "in\t", 3) == 0) { /* in, callback, command… */
            parse(&c, line);
            plan_in(c.argv[1], "", rest(line, 2));
            print("{\"ret\":\"in\"}");
        } else if (strncmp(line, "with\t", 5) == 0) { /* with, callback, text, command… */
            parse(&c, line);
            plan_in(c.argv[1], c.argv[2], rest(line, 3));
            print("{\"ret\":\"with\"}");
        } else {
            parse(&c, line);
            run_command(&c);
        }
    }
    return 0;
}
