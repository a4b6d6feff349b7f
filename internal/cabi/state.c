/* state.c: what the getters answer without entering Go, which would
 * cost them a thousand times as much through some foreign-function layers. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

typedef struct interned {
    struct interned *next;
    char text[];
} interned;

static interned *texts; /* never freed: the host may keep what it got */

/* Read atomically, written under the lock. */
static const char *account = "";
static int login_state, status;

static struct {
    int64_t offset;
    int known;
} server_clock;

const char *front_intern(const char *s, size_t len)
{
    interned *t;
    if (len == 0)
        return "";
    for (t = texts; t != NULL; t = t->next)
        if (strlen(t->text) == len && memcmp(t->text, s, len) == 0)
            return t->text;
    t = malloc(sizeof *t + len + 1);
    if (t == NULL)
        return "";
    memcpy(t->text, s, len);
    t->text[len] = 0;
    t->next = texts;
    texts = t;
    return t->text;
}

static void publish(int login, int fine, const char *who)
{
    __atomic_store_n(&account, who, __ATOMIC_RELEASE);
    __atomic_store_n(&status, fine, __ATOMIC_RELEASE);
    __atomic_store_n(&login_state, login, __ATOMIC_RELEASE);
}

void front_state_reset(void)
{
    publish(kNIMLoginStateUnLogin, 0, "");
    server_clock.known = 0;
}

/* A core that is late to stop must not speak for the next one. */
static int speaks(void) { return front.life.state != FRONT_CLOSED; }

void nim_publish_state(int login, int fine, const char *who, size_t len)
{
    if (front_forked())
        return;
    front_lock();
    if (speaks())
        publish(login, fine, front_intern(who, len));
    front_unlock();
}

void nim_publish_clock(int64_t offset_ms, int valid)
{
    if (front_forked())
        return;
    front_lock();
    if (speaks()) {
        server_clock.offset = offset_ms;
        server_clock.known = valid;
    }
    front_unlock();
}

int front_login_state(void) { return front_forked() ? kNIMLoginStateUnLogin : __atomic_load_n(&login_state, __ATOMIC_ACQUIRE); }
int front_status(void) { return front_forked() ? 0 : __atomic_load_n(&status, __ATOMIC_ACQUIRE); }
const char *front_account(void) { return front_forked() ? "" : __atomic_load_n(&account, __ATOMIC_ACQUIRE); }

int front_answer_time(const nim_call *c)
{
    front_node *n = NULL;
    if (front_forked())
        return 0;
    front_lock();
    if (front.life.state == FRONT_OPEN && !front_exiting() && server_clock.known && c->fn != NULL)
        n = front_answer(c->answer, NULL, c->fn, c->user_data, NIM_ERR_OK, "");
    if (n != NULL) {
        n->args.num[1] = 1; /* calc_local */
        n->args.num[2] = port_boot_time() + server_clock.offset;
        front_append(n);
    }
    front_unlock_and_serve();
    return n != NULL;
}
