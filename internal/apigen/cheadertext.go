package main

// typesBody is nim_types.h behind its guard. It includes no system header, so
// that sources may include ours inside a namespace, as some programs do; in C++
// its typedefs are repeated in every scope for the same reason.
const typesBody = `/* Calling convention of every function and callback. */
#if defined(_WIN32)
#define NIM_CALL __cdecl
#else
#define NIM_CALL
#endif

/* What is in front of every function. Programs define nothing; NIM_STATIC drops
 * the import attribute, NIM_LIBRARY is for the library itself. */
#if defined(NIM_LIBRARY) && defined(__GNUC__) && !defined(_WIN32)
#define NIM_API __attribute__((visibility("default")))
#elif defined(NIM_LIBRARY) || defined(NIM_STATIC) || !defined(_WIN32)
#define NIM_API
#else
#define NIM_API __declspec(dllimport)
#endif

#ifdef __cplusplus
#define NIM_BEGIN_C extern "C" {
#define NIM_END_C }
#else
#define NIM_BEGIN_C
#define NIM_END_C
#endif

/* What C++ sources pass by reference, C sources pass by pointer. The two are
 * the same to the machine. */
#ifdef __cplusplus
#define NIM_REF(type) type &
#else
#define NIM_REF(type) type *
#endif

#endif /* NIM_TYPES_H */

#if !defined(NIM_TYPES_DONE) || defined(__cplusplus)
#define NIM_TYPES_DONE

#if defined(__GNUC__)
__extension__ typedef __INT64_TYPE__ nim_int64;
__extension__ typedef __UINT64_TYPE__ nim_uint64;
#elif defined(_MSC_VER)
typedef __int64 nim_int64;
typedef unsigned __int64 nim_uint64;
#else
typedef long long nim_int64;
typedef unsigned long long nim_uint64;
#endif
typedef unsigned int nim_uint32;

/* One byte, 0 or 1. */
#if defined(__cplusplus)
typedef bool nim_bool;
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L
typedef _Bool nim_bool;
#else
typedef unsigned char nim_bool;
#endif

/* A bool that travels in a register: a result, or an argument of a callback.
 * The library fills the whole register with 0 or 1, since C# reads four bytes. */
#if defined(NIM_LIBRARY)
typedef int nim_bool_reg;
#else
typedef nim_bool nim_bool_reg;
#endif

#endif
`

const umbrellaDoc = `/* Include this header for everything of the NIM C API, and nimx.h for what
 * libnim adds. All strings are UTF-8 and end in NUL.
 *
 * THREADS. Any function may be called from any thread, and from inside any
 * callback, nim_client_logout and nim_client_cleanup included. The library
 * holds no lock while it calls a callback.
 *
 * CALLBACKS run one at a time, in one total order: on one thread that the
 * library owns (push, the default), or on whichever thread calls
 * nimx_global_dispatch (pull). Never on a thread of the Go runtime.
 *
 * ONCE. Every call that takes a callback is answered exactly once: done, timed
 * out, cancelled by logout or cleanup (21002), or refused at once through the
 * callback (20000 outside of init and cleanup). A login reports several steps
 * and exactly one end: step 3 with code 200, or another code with
 * "retrying":false. A completion comes before the events that it causes. With
 * NULL for the callback the call is made and nobody hears its answer.
 *
 * REGISTRATIONS (nim_..._reg_..._cb) hold one callback each and may be made
 * before init. Registering NULL removes it: outside of callbacks that waits up
 * to 2 s for a running callback of it, and no call of it begins any more.
 * Registering another one replaces it without waiting: the old one may still be
 * running. Logout keeps registrations, cleanup ends them all.
 *
 * CLEANUP. No callback begins after nim_client_cleanup has returned.
 *
 * STRINGS you pass are copied before the function returns; NULL means "".
 * A string must be valid UTF-8 and at most 1 MiB, JSON nested at most 64 deep;
 * else the call is answered with invalid_argument (414). Unknown JSON keys are
 * ignored; a wrong type is an error that names the key.
 * Strings passed to a callback live for that call only and are never NULL.
 * A char * result is yours: free it with nim_global_free_buf. A const char *
 * result belongs to the library and stays valid for the life of the process.
 *
 * JSON OBJECTS have names in these headers, such as LoginOptions; their members
 * are described in the header of their module and in docs/API.md.
 *
 * USER_DATA is handed back unchanged and never dereferenced.
 *
 * ERRORS. A JSON answer carries err_code (200: success) and, when something
 * failed, err_name, err_msg, domain, retryable and more: docs/ERRORS.md. */
`
