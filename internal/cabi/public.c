/* public.c: the public functions that C answers by itself. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

#ifndef NIM_VERSION
#define NIM_VERSION "0" /* build.sh says which, from the file VERSION */
#endif

NIM_API nim_bool_reg NIM_CALL nim_client_init(const char *app_data_dir, const char *app_install_dir,
                                              const char *json_extension)
{
    return front_init(app_data_dir, app_install_dir, json_extension);
}

NIM_API void NIM_CALL nim_client_cleanup(const char *json_extension)
{
    (void)json_extension;
    front_cleanup();
}

NIM_API void NIM_CALL nim_client_cleanup2(nim_json_transport_cb_func cb, const char *json_extension,
                                          const void *user_data)
{
    (void)json_extension;
    front_cleanup_then(nim_tramp_nim_json_transport_cb_func, (nim_fn)cb, user_data);
}

NIM_API int NIM_CALL nim_client_get_login_state(const char *json_extension)
{
    (void)json_extension;
    return front_login_state();
}

NIM_API const char *NIM_CALL nim_client_version(void) { return NIM_VERSION; }
NIM_API const char *NIM_CALL nim_client_current_user_account(void) { return front_account(); }

/* Computed here where the clock is known. Where it is not, the core asks the
 * server, or answers not_logged_in: a program gets a time whenever there is one. */
NIM_API void NIM_CALL nim_client_get_server_current_time(nim_bool calc_local,
                                                         nim_client_get_server_current_time_cb_func cb,
                                                         const char *json_extension, const void *user_data)
{
    nim_call c;
    nim_call_begin(&c, NIM_OP_client_get_server_current_time, &nim_answer_client_get_server_current_time,
                   (nim_fn)cb, user_data);
    c.args.num[0] = calc_local != 0;
    nim_call_str(&c, 0, "json_extension", json_extension, NIM_STR_JSON);
    if (calc_local && c.error == NIM_ERR_OK && front_answer_time(&c))
        return;
    (void)nim_call_go(&c);
}

NIM_API void NIM_CALL nim_global_free_str_buf(char *str) { free(str); }
NIM_API void NIM_CALL nim_global_free_buf(void *data) { free(data); }

NIM_API int NIM_CALL nimx_global_set_dispatch_mode(int mode)
{
    return (mode == NIMX_DISPATCH_PUSH || mode == NIMX_DISPATCH_PULL) && front_set_pull(mode == NIMX_DISPATCH_PULL);
}

NIM_API int NIM_CALL nimx_global_dispatch(int max_events, int timeout_ms)
{
    return front_dispatch(max_events, timeout_ms);
}

NIM_API int NIM_CALL nimx_global_pending(void) { return front_pending(); }
NIM_API int NIM_CALL nimx_global_wait(int timeout_ms) { return front_wait_pending(timeout_ms); }

NIM_API void NIM_CALL nimx_global_set_wake_cb(nimx_wake_cb_func cb, const void *user_data, nimx_destroy_func destroy)
{
    front_set_wake((nim_fn)cb, user_data, destroy);
}

NIM_API void NIM_CALL nimx_global_detach_callbacks(void) { front_detach(); }
NIM_API void NIM_CALL nimx_global_set_signal_stack(int kib) { front_set_signal_stack(kib); }

NIM_API const char *NIM_CALL nimx_init_error(void) { return front_init_error(); }
NIM_API int NIM_CALL nimx_abi_level(void) { return nim_abi_level; }

NIM_API int NIM_CALL nimx_build_has(const char *name)
{
    size_t i;
    for (i = 0; name != NULL && nim_abilities[i] != NULL; i++)
        if (strcmp(name, nim_abilities[i]) == 0)
            return 1;
    return 0;
}

NIM_API int NIM_CALL nimx_client_get_status(void) { return front_status(); }
