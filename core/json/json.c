#include "core/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "core/base/assert.h"
#include "core/base/str.h"

#define DEFAULT_BYTES ((size_t)1 << 20)
#define DEFAULT_DEPTH 16
#define EXACT_MAX     ((uint64_t)1 << 53)

/* struct fog_json is never defined: a pointer to it is jansson's own. */
static json_t *raw(const struct fog_json *j)
{
    return (json_t *)(uintptr_t)j;
}

static struct fog_json *wrap(json_t *j)
{
    return (struct fog_json *)j;
}

/* jansson recurses, so the depth is known before it starts. Brackets inside strings do not count.
 */
static bool too_deep(struct fog_bytes text, unsigned max)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max)
                return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

int fog_json_parse(struct fog_bytes text, const struct fog_json_limits *limits,
                   struct fog_json **out, char *why, size_t why_size)
{
    size_t max_bytes = limits != NULL && limits->bytes != 0 ? limits->bytes : DEFAULT_BYTES;
    unsigned max_depth = limits != NULL && limits->depth != 0 ? limits->depth : DEFAULT_DEPTH;
    json_error_t error;
    json_t *j;

    if (text.len > max_bytes) {
        if (why != NULL)
            snprintf(why, why_size, "%zu bytes, at most %zu are read", text.len, max_bytes);
        return FOG_ELIMIT;
    }
    if (too_deep(text, max_depth)) {
        if (why != NULL)
            snprintf(why, why_size, "nested deeper than %u", max_depth);
        return FOG_ELIMIT;
    }
    j = json_loadb(text.p == NULL ? "" : (const char *)text.p, text.len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (j == NULL) {
        if (why != NULL)
            snprintf(why, why_size, "line %d: %s", error.line, error.text);
        return FOG_EFORMAT;
    }
    *out = wrap(j);
    return 0;
}

void fog_json_free(struct fog_json **j)
{
    if (*j != NULL)
        json_decref(raw(*j));
    *j = NULL;
}

static const json_t *step(const json_t *j, const char *name, size_t len)
{
    char key[256];
    uint64_t i;

    if (json_is_array(j)) {
        if (fog_parse_u64(fog_bytes_of(name, len), SIZE_MAX, &i) != 0)
            return NULL;
        return json_array_get(j, (size_t)i);
    }
    if (!json_is_object(j) || len >= sizeof key)
        return NULL;
    memcpy(key, name, len);
    key[len] = '\0';
    return json_object_get(j, key);
}

const struct fog_json *fog_json_at(const struct fog_json *j, const char *path)
{
    const json_t *at = raw(j);

    while (at != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        at = step(at, path, len);
        path += len + (path[len] == '.');
    }
    return wrap((json_t *)(uintptr_t)at);
}

const struct fog_json *fog_json_member(const struct fog_json *object, const char *name)
{
    return wrap(json_object_get(raw(object), name));
}

const struct fog_json *fog_json_item(const struct fog_json *array, size_t i)
{
    return wrap(json_array_get(raw(array), i));
}

bool fog_json_is_object(const struct fog_json *j)
{
    return json_is_object(raw(j));
}

bool fog_json_is_array(const struct fog_json *j)
{
    return json_is_array(raw(j));
}

bool fog_json_is_string(const struct fog_json *j)
{
    return json_is_string(raw(j));
}

bool fog_json_is_null(const struct fog_json *j)
{
    return json_is_null(raw(j));
}

size_t fog_json_count(const struct fog_json *j)
{
    return json_is_array(raw(j)) ? json_array_size(raw(j)) : json_object_size(raw(j));
}

const struct fog_json *fog_json_next(const struct fog_json *object, void **cursor,
                                     const char **name)
{
    if (!json_is_object(raw(object)))
        return NULL;
    *cursor = *cursor == NULL ? json_object_iter(raw(object))
                              : json_object_iter_next(raw(object), *cursor);
    if (*cursor == NULL)
        return NULL;
    *name = json_object_iter_key(*cursor);
    return wrap(json_object_iter_value(*cursor));
}

/* The value at the path; -ENOENT for nothing and for null. */
static int find(const struct fog_json *j, const char *path, const json_t **out)
{
    *out = raw(fog_json_at(j, path));
    return *out == NULL || json_is_null(*out) ? -ENOENT : 0;
}

static struct fog_bytes string_of(const json_t *v)
{
    return fog_bytes_of(json_string_value(v), json_string_length(v));
}

int fog_json_u128_parse(struct fog_bytes text, fog_u128 *out)
{
    const fog_u128 max = ~(fog_u128)0;
    fog_u128 v = 0;

    if (text.len == 0 || text.len > 39)
        return text.len == 0 ? FOG_EFORMAT : FOG_ERANGE;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.p[i] - '0';

        if (digit > 9)
            return FOG_EFORMAT;
        if (v > max / 10 || v * 10 > max - digit)
            return FOG_ERANGE;
        v = v * 10 + digit;
    }
    *out = v;
    return 0;
}

int fog_json_get_u128(const struct fog_json *j, const char *path, fog_u128 *out)
{
    const json_t *v;
    int rc = find(j, path, &v);

    if (rc != 0)
        return rc;
    if (json_is_string(v))
        return fog_json_u128_parse(string_of(v), out);
    if (!json_is_integer(v))
        return FOG_EFORMAT;
    if (json_integer_value(v) < 0)
        return FOG_ERANGE;
    *out = (fog_u128)json_integer_value(v);
    return 0;
}

int fog_json_get_u64(const struct fog_json *j, const char *path, uint64_t *out)
{
    fog_u128 wide;
    int rc = fog_json_get_u128(j, path, &wide);

    if (rc != 0)
        return rc;
    if (wide > UINT64_MAX)
        return FOG_ERANGE;
    *out = (uint64_t)wide;
    return 0;
}

int fog_json_get_u32(const struct fog_json *j, const char *path, uint32_t *out)
{
    fog_u128 wide;
    int rc = fog_json_get_u128(j, path, &wide);

    if (rc != 0)
        return rc;
    if (wide > UINT32_MAX)
        return FOG_ERANGE;
    *out = (uint32_t)wide;
    return 0;
}

int fog_json_get_i64(const struct fog_json *j, const char *path, int64_t *out)
{
    const json_t *v;
    int rc = find(j, path, &v);

    if (rc != 0)
        return rc;
    if (!json_is_integer(v))
        return FOG_EFORMAT;
    *out = json_integer_value(v);
    return 0;
}

int fog_json_get_bool(const struct fog_json *j, const char *path, bool *out)
{
    const json_t *v;
    int rc = find(j, path, &v);

    if (rc != 0)
        return rc;
    if (!json_is_boolean(v))
        return FOG_EFORMAT;
    *out = json_is_true(v);
    return 0;
}

int fog_json_get_str(const struct fog_json *j, const char *path, const char **out)
{
    const json_t *v;
    int rc = find(j, path, &v);

    if (rc != 0)
        return rc;
    if (!json_is_string(v))
        return FOG_EFORMAT;
    *out = json_string_value(v);
    return 0;
}

/* The digits of a hex string at the path, "0x" removed. */
static int find_hex(const struct fog_json *j, const char *path, struct fog_bytes *digits)
{
    const json_t *v;
    int rc = find(j, path, &v);

    if (rc != 0)
        return rc;
    if (!json_is_string(v))
        return FOG_EFORMAT;
    *digits = string_of(v);
    if (digits->len >= 2 && digits->p[0] == '0' && (digits->p[1] | 0x20) == 'x')
        *digits = fog_bytes_of(digits->p + 2, digits->len - 2);
    return 0;
}

int fog_json_get_hex(const struct fog_json *j, const char *path, void *out, size_t len)
{
    struct fog_bytes digits;
    int rc = find_hex(j, path, &digits);

    return rc != 0 ? rc : fog_hex_decode(digits, out, len);
}

int fog_json_get_hex_buf(const struct fog_json *j, const char *path, size_t max,
                         struct fog_buf *out)
{
    struct fog_bytes digits;
    int rc = find_hex(j, path, &digits);

    if (rc != 0)
        return rc;
    if (digits.len / 2 > max)
        return FOG_ELIMIT;
    rc = fog_hex_decode(digits, fog_buf_reserve(out, digits.len / 2 + 1), digits.len / 2);
    if (rc == 0)
        fog_buf_added(out, digits.len / 2);
    return rc;
}

int fog_json_get_quantity(const struct fog_json *j, const char *path, fog_u128 *out)
{
    const json_t *v;
    fog_u128 sum = 0;
    struct fog_bytes t;
    int rc = find(j, path, &v);

    if (rc != 0)
        return rc;
    if (!json_is_string(v))
        return FOG_EFORMAT;
    t = string_of(v);
    if (t.len < 3 || t.p[0] != '0' || t.p[1] != 'x')
        return FOG_EFORMAT;
    for (size_t i = 2; i < t.len; i++) {
        uint8_t c = t.p[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned)(c | 0x20) - 'a' + 10;
        else
            return FOG_EFORMAT;
        if (sum >> 124 != 0)
            return FOG_ERANGE;
        sum = sum << 4 | digit;
    }
    *out = sum;
    return 0;
}

struct fog_json *fog_json_new_object(void)
{
    json_t *j = json_object();

    FOG_ASSERT(j != NULL);
    return wrap(j);
}

struct fog_json *fog_json_new_array(void)
{
    json_t *j = json_array();

    FOG_ASSERT(j != NULL);
    return wrap(j);
}

struct fog_json *fog_json_new_bool(bool value)
{
    return wrap(json_boolean(value));
}

static void set_new(struct fog_json *object, const char *name, json_t *value)
{
    FOG_ASSERT(value != NULL);
    FOG_ASSERT(json_object_set_new(raw(object), name, value) == 0);
}

/* A string value; bytes that are not UTF-8 become '?', so that a stranger's name cannot break a
 * whole answer. */
static json_t *new_string(struct fog_bytes text)
{
    json_t *j = json_stringn(text.len == 0 ? "" : (const char *)text.p, text.len);
    char *copy;

    if (j != NULL)
        return j;
    copy = fog_alloc(text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)(text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?');
    j = json_stringn(copy, text.len);
    free(copy);
    FOG_ASSERT(j != NULL);
    return j;
}

void fog_json_set_str(struct fog_json *object, const char *name, const char *value)
{
    set_new(object, name, new_string(fog_bytes_str(value)));
}

void fog_json_set_text(struct fog_json *object, const char *name, struct fog_bytes value)
{
    set_new(object, name, new_string(value));
}

void fog_json_set_i64(struct fog_json *object, const char *name, int64_t value)
{
    set_new(object, name, json_integer(value));
}

void fog_json_set_u64(struct fog_json *object, const char *name, uint64_t value)
{
    if (value <= EXACT_MAX)
        set_new(object, name, json_integer((json_int_t)value));
    else
        fog_json_set_u128(object, name, value);
}

void fog_json_u128_text(fog_u128 v, char out[40])
{
    char digits[40];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v != 0);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    out[n] = '\0';
}

void fog_json_set_u128(struct fog_json *object, const char *name, fog_u128 value)
{
    char text[40];

    fog_json_u128_text(value, text);
    fog_json_set_str(object, name, text);
}

void fog_json_set_bool(struct fog_json *object, const char *name, bool value)
{
    set_new(object, name, json_boolean(value));
}

void fog_json_set_null(struct fog_json *object, const char *name)
{
    set_new(object, name, json_null());
}

static json_t *new_hex(const void *bytes, size_t len)
{
    char *text = fog_alloc(2 + FOG_HEX_LEN(len) + 1);
    json_t *j;

    text[0] = '0';
    text[1] = 'x';
    fog_hex_encode(bytes, len, text + 2);
    j = json_string(text);
    free(text);
    FOG_ASSERT(j != NULL);
    return j;
}

void fog_json_set_hex(struct fog_json *object, const char *name, const void *bytes, size_t len)
{
    set_new(object, name, new_hex(bytes, len));
}

void fog_json_set_take(struct fog_json *object, const char *name, struct fog_json **value)
{
    set_new(object, name, raw(*value));
    *value = NULL;
}

static void append_new(struct fog_json *array, json_t *value)
{
    FOG_ASSERT(value != NULL);
    FOG_ASSERT(json_array_append_new(raw(array), value) == 0);
}

void fog_json_append_take(struct fog_json *array, struct fog_json **value)
{
    append_new(array, raw(*value));
    *value = NULL;
}

void fog_json_append_str(struct fog_json *array, const char *value)
{
    append_new(array, new_string(fog_bytes_str(value)));
}

void fog_json_append_hex(struct fog_json *array, const void *bytes, size_t len)
{
    append_new(array, new_hex(bytes, len));
}

struct fog_json *fog_json_append_object(struct fog_json *array)
{
    struct fog_json *object = fog_json_new_object();

    append_new(array, raw(object));
    return object;
}

static int write_some(const char *text, size_t len, void *arg)
{
    fog_buf_append(arg, text, len);
    return 0;
}

void fog_json_write(const struct fog_json *j, bool indented, struct fog_buf *out)
{
    size_t flags = indented ? JSON_INDENT(2) : JSON_COMPACT;

    FOG_ASSERT(json_dump_callback(raw(j), write_some, out, flags | JSON_ENCODE_ANY) == 0);
}
