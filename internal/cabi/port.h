/* port.h: the few things the front asks of the operating system.
 * port_posix.c and port_windows.c implement it. Times are milliseconds. */
#ifndef NIM_PORT_H
#define NIM_PORT_H

#include <stdint.h>

#ifdef _WIN32
#include <windows.h>
typedef SRWLOCK port_mutex; /* not a CRITICAL_SECTION: this one needs no set-up */
typedef CONDITION_VARIABLE port_cond;
#else
#include <pthread.h>
typedef pthread_mutex_t port_mutex;
typedef pthread_cond_t port_cond;
#endif

void port_mutex_init(port_mutex *m);
void port_lock(port_mutex *m);
void port_unlock(port_mutex *m);

void port_cond_init(port_cond *c);
void port_broadcast(port_cond *c);
/* Waits for a broadcast, at most until the given port_now; 0 once that has passed. */
int port_wait_until(port_cond *c, port_mutex *m, int64_t deadline);

/* For deadlines: never jumps. */
int64_t port_now(void);
/* For the server's clock: like port_now, but goes on while the machine sleeps. */
int64_t port_boot_time(void);

/* Starts a detached thread with a stack of at least 1 MiB and the signal mask
 * of the thread that called port_keep_signal_mask. Returns 0 when the system refuses. */
int port_thread_start(void (*run)(uint32_t), uint32_t argument);
void port_keep_signal_mask(void);

/* Tries what the core needs from the start, since Go ends the process where it is
 * refused: threads and descriptors. NULL, or what there is too little of. */
const char *port_lacks(void);

/* Calls child in every child process right after a fork. */
void port_on_fork(void (*child)(void));
/* Calls handler at exit. Returns 0 when the system refuses. */
int port_at_exit(void (*handler)(void));
/* Whether other threads still run while exit handlers do. */
extern const int port_threads_run_at_exit;

/* Keeps the library mapped whatever the host unloads. */
void port_pin_library(void);

#endif
