/* pack.h: arguments as one run of bytes, between Go and C in both directions.
 * internal/abi/pack.go is the other side.
 *
 * Everything begins at a multiple of 8, in the byte order of the machine:
 *   number  8 bytes
 *   text    8 bytes for its length, its bytes, NUL, zeros up to the next 8
 *   struct  its fields, in order
 *   array   8 bytes for its count, its elements
 * The arguments of a callback are: how many numbers (4 bytes) and how many texts
 * (4 bytes), the numbers, the texts, then its structs and arrays. */
#ifndef NIM_PACK_H
#define NIM_PACK_H

#include "bridge.h"

/* ---- out of a packed run: for the trampolines. What is not there reads as 0, ""
 * or an empty array -------------------------------------------------------------*/

int64_t nim_take_number(nim_packed *p);
const char *nim_take_text(nim_packed *p);              /* lives as long as the run */
void nim_take_chars(nim_packed *p, char *to, size_t size); /* cut at a whole character */
/* An array's count; its elements are allocated, zeroed, for the caller to free.
 * Without memory it is an empty array. */
int nim_take_array(nim_packed *p, void **elements, size_t size);

/* Sets a up from the arguments of a callback; 0: they are no such run. */
int nim_unpack(nim_args *a, const void *packed, size_t len);

/* ---- into a packed run: for the public functions. The run belongs to the call ---*/

/* Refuses the call: name is NULL. */
void nim_call_missing(nim_call *c, const char *name);
void nim_put_number(nim_call *c, int64_t value);
/* NULL is "". Checked like a string argument. */
void nim_put_text(nim_call *c, const char *name, const char *value);
/* A char array in a struct: refused where no NUL is in it. */
void nim_put_chars(nim_call *c, const char *name, const char *value, size_t size);
/* The count of an array; refused where it is negative, or elements is NULL. Returns
 * how many to put. */
int nim_put_array(nim_call *c, const char *name, const void *elements, int64_t count, size_t size);

#endif
