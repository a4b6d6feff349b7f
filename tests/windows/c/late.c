/* late.c: loaded into Wine's own process, makes its end late, as a busy machine does. */
#include <time.h>

static void __attribute__((destructor)) late(void)
{
    struct timespec second = {1, 0};
    nanosleep(&second, NULL);
}
