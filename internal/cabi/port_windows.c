/* port_windows.c: port.h for Windows. */
#ifdef _WIN32
#include "port.h"

#include <process.h>
#include <stdlib.h>

enum { STACK_AT_LEAST = 1024 * 1024 };

/* ExitProcess has ended every other thread before a DLL's handlers run, and
 * one of them may have held the lock. */
const int port_threads_run_at_exit = 0;

void port_mutex_init(port_mutex *m) { InitializeSRWLock(m); }
void port_lock(port_mutex *m) { AcquireSRWLockExclusive(m); }
void port_unlock(port_mutex *m) { ReleaseSRWLockExclusive(m); }

void port_cond_init(port_cond *c) { InitializeConditionVariable(c); }
void port_broadcast(port_cond *c) { WakeAllConditionVariable(c); }

int64_t port_now(void)
{
    LARGE_INTEGER frequency, count; /* asking costs nothing; 32-bit threads could read a kept one half written */
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    return (int64_t)(count.QuadPart / frequency.QuadPart * 1000 +
                     count.QuadPart % frequency.QuadPart * 1000 / frequency.QuadPart);
}

int64_t port_boot_time(void) { return (int64_t)GetTickCount64(); }

int port_wait_until(port_cond *c, port_mutex *m, int64_t deadline)
{
    int64_t left = deadline - port_now();
    if (left <= 0)
        return 0;
    if (left > 0x7fffffff)
        left = 0x7fffffff;
    SleepConditionVariableSRW(c, m, (DWORD)left, 0);
    return 1;
}

struct thread_start {
    void (*run)(uint32_t);
    uint32_t argument;
};

static unsigned __stdcall thread_main(void *p)
{
    struct thread_start start = *(struct thread_start *)p;
    free(p);
    start.run(start.argument);
    return 0;
}

int port_thread_start(void (*run)(uint32_t), uint32_t argument)
{
    struct thread_start *start = malloc(sizeof *start);
    uintptr_t thread;
    if (start == NULL)
        return 0;
    start->run = run;
    start->argument = argument;
    thread = _beginthreadex(NULL, STACK_AT_LEAST, thread_main, start, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (thread == 0) {
        free(start);
        return 0;
    }
    CloseHandle((HANDLE)thread);
    return 1;
}

void port_keep_signal_mask(void) {}
/* Threads and handles have no limit of their own here. */
const char *port_lacks(void) { return NULL; }

void port_on_fork(void (*child)(void)) { (void)child; }
int port_at_exit(void (*handler)(void)) { return atexit(handler) == 0; }

/* Wrappers call FreeLibrary after cleanup, and loaders that miss a function do
 * so at once; Go cannot be unloaded. */
void port_pin_library(void)
{
    HMODULE self;
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                       (LPCSTR)(uintptr_t)&port_pin_library, &self);
}

#endif
