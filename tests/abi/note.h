/* note.h: what calls_gen.h needs to write down the arguments of a callback, and
 * the arguments that its sample calls are made with. */
#ifndef NIM_TESTS_NOTE_H
#define NIM_TESTS_NOTE_H

#include <stdio.h>
#include <string.h>

/* Set it to hear of every callback; arguments is a JSON object, in which a
 * pointer to a struct is true or false for NULL. */
static void (*calls_note)(const char *callback, const char *arguments);

/* A text argument of a sample call is the name of its parameter, a number is 7,
 * an enum 1, a bool true, a JSON argument one of these. */
#define SAMPLE_OBJECT                                                                                             \
    "{\"client_msg_id\":\"c\\u0031\",\"talk_id\":\"\",\"to_accid\":\"bob\",\"to_account\":\"bob\",\"from_id\":\"alice\",\"to_type\":0," \
    "\"time\":1764500000456,\"msg_type\":0,\"msg_body\":\"x\",\"tid\":\"100200\",\"accid\":\"bob\",\"id\":\"i1\",\"type\":1,"          \
    "\"session\":\"bob\",\"unique_id\":\"u1\",\"event_type\":1,\"msgid_client\":\"e1\"}\n"
#define SAMPLE_IDS " [\"alice\", \"bob\"]\n"

static char note_text[65536];
static size_t note_len;

static void note_put(const char *s) {
    size_t n = strlen(s);
    if (note_len + n >= sizeof note_text)
        n = sizeof note_text - 1 - note_len;
    memcpy(note_text + note_len, s, n);
    note_text[note_len += n] = 0;
}

static void note_key(const char *name) {
    note_put(note_len == 0 ? "{\"" : ",\"");
    note_put(name);
    note_put("\":");
}

static void note_number(const char *name, long long n) {
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", n);
    note_key(name);
    note_put(digits);
}

static void note_string(const char *name, const char *s) {
    note_key(name);
    if (s == NULL) {
        note_put("null");
        return;
    }
    note_put("\"");
    for (; *s != 0; s++) {
        char one[8];
        if (*s == '"' || *s == '\\')
            snprintf(one, sizeof one, "\\%c", *s);
        else
            snprintf(one, sizeof one, (unsigned char)*s < 0x20 ? "\\u%04x" : "%c", *s);
        note_put(one);
    }
    note_put("\"");
}

static void note_pointer(const char *name, const void *p) {
    note_key(name);
    note_put(p ? "true" : "false");
}

static void note_end(const char *callback) {
    note_put(note_len == 0 ? "{}" : "}");
    note_len = 0;
    if (calls_note != NULL)
        calls_note(callback, note_text);
}

#endif
