/* init.c: from closed to open, and why not. */
#include "front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Locked. Takes error (a malloc'ed JSON object, or NULL for none) as what nimx_init_error tells. */
static int conclude(char *error)
{
    front.life.init_error = error == NULL ? "" : front_intern(error, strlen(error));
    free(error);
    return front.life.init_error[0] == 0;
}

/* Locked. A callback from before the last cleanup may still be running. It gets
 * a moment, if cleanup has not given it that; then baton and thread are taken
 * away from it. */
static void claim_baton(void)
{
    if ((front.baton.stuck || (!front_mine() && !front_wait_quiet(front_bound()))) && front.life.state == FRONT_CLOSED)
        front_seize(); /* nobody else has begun meanwhile */
}

/* Locked. Waits until the library is open, or closed with the baton free or this
 * thread's. Returns why it cannot wait any longer, or NULL. */
static const char *settle(void)
{
    int64_t deadline = front_bound();
    while (front_wait_settled(deadline)) {
        if (front.life.state == FRONT_CLOSING)
            return "called inside a callback of a cleanup that still runs";
        if (front.life.state == FRONT_CLOSED)
            claim_baton();
        if (front.life.state == FRONT_OPEN || front.life.state == FRONT_CLOSED)
            return NULL;
    }
    return "another thread's init or cleanup does not end";
}

/* Locked; unlocks meanwhile. From closed to open; returns the error. */
static char *start(const char *data_dir, const char *install_dir, const char *json)
{
    char *error;
    const char *lacking;
    front.life.state = FRONT_STARTING;
    front_watch_exit();
    port_keep_signal_mask();
    front_unlock();
    lacking = port_lacks();
    if (lacking != NULL) {
        error = front_error_json(NIM_ERR_RESOURCES_SHORT, lacking, "");
    } else {
        front_mend_handlers();
        front_signals_wait();
        error = nim_go_init(data_dir, install_dir, json, 0);
        front_signals_come();
    }
    front_lock();
    front.baton.give_up = 0;
    if (error != NULL) {
        front_abandon();
        return error;
    }
    front.life.state = FRONT_OPEN;
    front_broadcast_all();
    return NULL;
}

/* Locked; unlocks meanwhile. Asks the running core whether the configuration is its own. */
static char *reattach(const char *data_dir, const char *install_dir, const char *json)
{
    char *error;
    front.life.calls_in_go++;
    front_unlock();
    front_signals_wait();
    error = nim_go_init(data_dir, install_dir, json, 1);
    front_go_leave();
    front_lock();
    return error;
}

/* Logs, through the new session, what the last cleanup could not say any more. */
static void log_lost(uint64_t lost)
{
    if (lost == 0 || !front_go_enter())
        return;
    nim_go_lost(lost);
    front_go_leave();
}

int front_init(const char *data_dir, const char *install_dir, const char *json)
{
    const char *names[] = {"app_data_dir", "app_install_dir", "json_extension"}, *values[3], *unsettled;
    char detail[160] = "", *error = NULL;
    uint64_t lost;
    size_t len;
    int i, ok, bad = 0;
    if (front_forked())
        return 0;
    values[0] = data_dir;
    values[1] = install_dir;
    values[2] = json;
    for (i = 0; i < 3; i++) {
        values[i] = values[i] == NULL ? "" : values[i];
        bad = bad || !front_check_text(names[i], values[i], i == 2 ? NIM_STR_JSON : NIM_STR_TEXT, &len, detail, sizeof detail);
    }
    front_guard_stack();
    front_lock();
    if (bad)
        error = front_error_json(NIM_ERR_INVALID_ARGUMENT, detail, "");
    else if (front_exiting())
        error = front_error_json(NIM_ERR_NOT_INITIALIZED, "the process exits", "");
    else if ((unsettled = settle()) != NULL)
        error = front_error_json(NIM_ERR_CONFIG_CONFLICT, unsettled, "");
    else if (front.life.state == FRONT_OPEN)
        error = reattach(values[0], values[1], values[2]);
    else
        error = start(values[0], values[1], values[2]);
    ok = conclude(error);
    lost = ok ? front.life.lost_at_cleanup : 0;
    if (ok)
        front.life.lost_at_cleanup = 0;
    front_unlock_and_serve();
    log_lost(lost);
    return ok;
}

/* In the child of a fork no lock may be taken and memory be no longer sound, so
 * the text is put together in place, always the same one. */
static const char *forked_error(void)
{
    static char text[256];
    const nim_error_row *row = &nim_error_rows[NIM_ERR_FORKED];
    snprintf(text, sizeof text, "{\"err_code\":%d,\"err_name\":\"%s\",\"err_msg\":\"%s\",\"domain\":\"%s\",\"retryable\":false}",
             row->code, row->name, row->text, row->domain);
    return text;
}

const char *front_init_error(void)
{
    const char *text;
    if (front_forked())
        return forked_error();
    front_lock();
    text = front.life.init_error;
    front_unlock();
    return text;
}
