/* text.h: text that is put together, and the JSON that it is made of. */
#ifndef NIM_FRONT_TEXT_H
#define NIM_FRONT_TEXT_H

#include <stddef.h>

/* Put together twice: with at NULL it is only counted. */
typedef struct text {
    char *at;
    size_t len;
} text;

void text_put(text *t, const char *s, size_t len);
void text_puts(text *t, const char *s);
void text_number(text *t, long long n);
void text_escaped(text *t, const char *s); /* s as the inside of a JSON string */

/* A piece of somebody else's text. */
typedef struct span {
    const char *at;
    size_t len;
} span;

/* Finds a member of a JSON object by its key. 0: the text is not valid JSON, no
 * object, or has no such member. It must not nest deeper than check.c allows. */
int json_member(const char *object, span key, span *value);
/* Whether a value of valid JSON is an integer of 64 bits; an array of strings. */
int json_is_integer(span value);
int json_is_strings(span value);
/* Whether a text is an array of strings and nothing else; which part of it that is. */
int json_all_strings(const char *json, span *value);
/* Puts an array of the strings that the objects of a JSON array have as a member. */
void json_put_each(text *t, const char *array, span key);
/* Puts what a JSON string says. */
void json_put_said(text *t, span string);

#endif
