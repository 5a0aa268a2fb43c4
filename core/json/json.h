/*
 * JSON (door to jansson). Parses strangers' text under limits, reads values by path without losing
 * a bit of a 64-bit integer, and builds and writes documents. Owns no state between calls; never
 * reads files, never follows floating point into money: numbers wider than 63 bits travel as
 * decimal strings.
 *
 * A path is a list of member names and array positions joined by dots, "result.logs.0.data". A
 * name that holds a dot is reached with fog_json_member.
 */
#ifndef FOG_JSON_JSON_H
#define FOG_JSON_JSON_H

#include "core/base/buf.h"

struct fog_json;

struct fog_json_limits {
    size_t bytes;   /* of text; 0: 1 MiB */
    unsigned depth; /* of nested objects and arrays; 0: 16 */
};

/* FOG_ELIMIT beyond the limits, FOG_EFORMAT for anything that is not one JSON value (duplicate
 * names, trailing text and invalid UTF-8 included). `limits` may be NULL. `why` may be NULL; else
 * it gets one line for people ("line 3: ..."). The caller frees *out. */
int fog_json_parse(struct fog_bytes text, const struct fog_json_limits *limits,
                   struct fog_json **out, char *why, size_t why_size) FOG_MUST_CHECK;
void fog_json_free(struct fog_json **j);

/* Reading. Values found are borrowed from j. NULL when the path leads nowhere; "" is j itself. */
const struct fog_json *fog_json_at(const struct fog_json *j, const char *path);
const struct fog_json *fog_json_member(const struct fog_json *object, const char *name);
const struct fog_json *fog_json_item(const struct fog_json *array, size_t i);

bool fog_json_is_object(const struct fog_json *j);
bool fog_json_is_array(const struct fog_json *j);
bool fog_json_is_string(const struct fog_json *j);
bool fog_json_is_null(const struct fog_json *j);

/* Items of an array or members of an object; 0 for anything else. */
size_t fog_json_count(const struct fog_json *j);

/* Walks the members of an object in order of insertion: start with *cursor = NULL; NULL at the end.
 * The object must not change meanwhile. */
const struct fog_json *fog_json_next(const struct fog_json *object, void **cursor,
                                     const char **name);

/* Each returns -ENOENT when the path leads nowhere (or to null), FOG_EFORMAT for another type,
 * FOG_ERANGE for a number that does not fit. u64 and u128 accept a decimal string as well. */
int fog_json_get_u64(const struct fog_json *j, const char *path, uint64_t *out) FOG_MUST_CHECK;
int fog_json_get_u32(const struct fog_json *j, const char *path, uint32_t *out) FOG_MUST_CHECK;
int fog_json_get_i64(const struct fog_json *j, const char *path, int64_t *out) FOG_MUST_CHECK;
int fog_json_get_u128(const struct fog_json *j, const char *path, fog_u128 *out) FOG_MUST_CHECK;
int fog_json_get_bool(const struct fog_json *j, const char *path, bool *out) FOG_MUST_CHECK;

/* A view of the string, NUL-terminated; strings with NUL inside do not parse. */
int fog_json_get_str(const struct fog_json *j, const char *path, const char **out) FOG_MUST_CHECK;

/* Hex of exactly `len` bytes, "0x" in front allowed. */
int fog_json_get_hex(const struct fog_json *j, const char *path, void *out,
                     size_t len) FOG_MUST_CHECK;

/* Same, of any length up to `max` bytes, appended to out. */
int fog_json_get_hex_buf(const struct fog_json *j, const char *path, size_t max,
                         struct fog_buf *out) FOG_MUST_CHECK;

/* A quantity of the Ethereum JSON-RPC ("0x1a", no leading zeros asked for); FOG_ERANGE above 128
 * bits. */
int fog_json_get_quantity(const struct fog_json *j, const char *path, fog_u128 *out) FOG_MUST_CHECK;

/* Building. A setter replaces an earlier member of that name; text is copied, and must be UTF-8
 * (other bytes are replaced by '?'). */
struct fog_json *fog_json_new_object(void);
struct fog_json *fog_json_new_array(void);
struct fog_json *fog_json_new_bool(bool value);
void fog_json_set_str(struct fog_json *object, const char *name, const char *value);
void fog_json_set_text(struct fog_json *object, const char *name, struct fog_bytes value);
void fog_json_set_i64(struct fog_json *object, const char *name, int64_t value);
/* A number up to 2^53 (every reader keeps it exact), a decimal string above. */
void fog_json_set_u64(struct fog_json *object, const char *name, uint64_t value);
/* Always a decimal string: money and byte totals. */
void fog_json_set_u128(struct fog_json *object, const char *name, fog_u128 value);
void fog_json_set_bool(struct fog_json *object, const char *name, bool value);
void fog_json_set_null(struct fog_json *object, const char *name);
/* "0x" and lower-case hex. */
void fog_json_set_hex(struct fog_json *object, const char *name, const void *bytes, size_t len);
/* Consumes value (clears *value). */
void fog_json_set_take(struct fog_json *object, const char *name, struct fog_json **value);
void fog_json_append_take(struct fog_json *array, struct fog_json **value);
void fog_json_append_str(struct fog_json *array, const char *value);
void fog_json_append_hex(struct fog_json *array, const void *bytes, size_t len);
/* Adds an object to the array and returns it, borrowed. */
struct fog_json *fog_json_append_object(struct fog_json *array);

/* Appends the text; one line, or indented by two for people. Members keep their order. */
void fog_json_write(const struct fog_json *j, bool indented, struct fog_buf *out);

/* Decimal text of 128 bits; `out` holds 40 bytes. */
void fog_json_u128_text(fog_u128 v, char out[40]);
int fog_json_u128_parse(struct fog_bytes text, fog_u128 *out) FOG_MUST_CHECK;

#endif
