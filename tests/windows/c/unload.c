/* unload.c: loads nim.dll as wrappers do, lets go of it before anything was
 * called and after a cleanup, and uses it again. Prints a line per check and
 * ends with 7, or with 1 if one failed.
 *
 *   unload LINK APP_KEY ACCOUNT TOKEN DATA_DIR */
#include <windows.h>

#include <stdio.h>

#define NIM_STATIC /* no function is imported */
#include "nim_c_api.h"

static int failed;

static void check(int good, const char *what)
{
    printf("%s  %s\n", good ? "ok" : "not ok", what);
    fflush(stdout);
    failed |= !good;
}

/* Lets go of the library more often than it was loaded. */
static void let_go(HMODULE library, const char *what)
{
    int i;
    for (i = 0; i < 3; i++)
        FreeLibrary(library);
    check(GetModuleHandleA("nim.dll") == library, what);
}

int main(int argc, char **argv)
{
    HMODULE library = LoadLibraryA("nim.dll");
    nim_bool_reg (*init)(const char *, const char *, const char *);
    void (*cleanup)(const char *);
    char settings[1024];
    int i;
    if (argc != 6 || library == NULL)
        return 2;
    let_go(library, "freed before the first call, it stays");
    check(LoadLibraryA("nim.dll") == library, "it is the same when it is loaded again");
    init = (nim_bool_reg(*)(const char *, const char *, const char *))(void *)GetProcAddress(library, "nim_client_init");
    cleanup = (void (*)(const char *))(void *)GetProcAddress(library, "nim_client_cleanup");
    if (init == NULL || cleanup == NULL)
        return 2;
    snprintf(settings, sizeof settings, "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"}}", argv[2], argv[1]);
    for (i = 0; i < 3; i++) {
        check(init(argv[5], "", settings), "init");
        cleanup("");
        let_go(library, "freed after a cleanup, it stays");
    }
    return failed ? 1 : 7;
}
