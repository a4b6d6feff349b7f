/* host.h: what the small host programs share. Their arguments begin with
 * LINK APP_KEY ACCOUNT TOKEN DATA_DIR. Each prints one line per check, "ok …"
 * or "not ok …", and exits 1 if one failed. */
#ifndef HOST_H
#define HOST_H

#include "nim_c_api.h"
#include "nimx.h"

enum { ARG_LINK = 1, ARG_APP_KEY, ARG_ACCOUNT, ARG_TOKEN, ARG_DIR, ARG_MORE };

/* How long a program waits for one thing, ms. */
enum { WAIT_LIMIT = 20000 };

void check(int good, const char *format, ...) __attribute__((format(printf, 2, 3)));
int checks_failed(void);

long long now_ms(void); /* monotonic */

/* Waits until *counter is at least n; counters are changed by callbacks. */
int wait_for(const volatile long *counter, long n);

void host_init(char **argv);
/* Logs in and waits for the final answer; exits with a line if it is not 200. */
void host_login(char **argv);

/* Two endless chains of calls that begin the next call in the callback of the
 * one before: one answered in C, one by the server. The library's end ends them. */
void start_flow(void);
extern volatile long flowed;  /* callbacks so far */
extern volatile int closed;   /* set it when no callback may start any more */
extern volatile long intruders; /* callbacks that started all the same */

#endif
