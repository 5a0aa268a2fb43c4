#include "core/base/str.h"

#include <stdio.h>

void fog_hex_encode(const void *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = in;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int fog_hex_decode(struct fog_bytes text, void *out, size_t out_len)
{
    uint8_t *o = out;

    if (text.len != FOG_HEX_LEN(out_len))
        return FOG_EFORMAT;
    for (size_t i = 0; i < text.len; i++)
        if (hex_digit(text.p[i]) < 0)
            return FOG_EFORMAT;
    for (size_t i = 0; i < out_len; i++)
        o[i] = (uint8_t)((unsigned)hex_digit(text.p[2 * i]) << 4 |
                         (unsigned)hex_digit(text.p[2 * i + 1]));
    return 0;
}

static const char base32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode_bits(const void *in, size_t len, char *out, unsigned bits, const char *digits)
{
    const uint8_t *p = in;
    uint32_t acc = 0;
    unsigned have = 0, mask = (1u << bits) - 1;

    for (size_t i = 0; i < len; i++) {
        acc = acc << 8 | p[i];
        have += 8;
        while (have >= bits) {
            have -= bits;
            *out++ = digits[acc >> have & mask];
        }
    }
    if (have != 0)
        *out++ = digits[acc << (bits - have) & mask];
    *out = '\0';
}

static int decode_bits(struct fog_bytes text, void *out, size_t out_len, unsigned bits,
                       const char *digits)
{
    uint8_t *o = out;
    uint32_t acc = 0;
    unsigned have = 0;
    size_t n = 0;

    if (text.len != (out_len * 8 + bits - 1) / bits)
        return FOG_EFORMAT;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.p[i] == 0 ? NULL : strchr(digits, (char)text.p[i]);
        if (at == NULL)
            return FOG_EFORMAT;
        acc = acc << bits | (uint32_t)(at - digits);
        have += bits;
        if (have >= 8) {
            have -= 8;
            if (n < out_len)
                o[n++] = (uint8_t)(acc >> have);
        }
    }
    return (acc & ((1u << have) - 1)) == 0 ? 0 : FOG_EFORMAT;
}

void fog_base32_encode(const void *in, size_t len, char *out)
{
    encode_bits(in, len, out, 5, base32_digits);
}

void fog_base64url_encode(const void *in, size_t len, char *out)
{
    encode_bits(in, len, out, 6, base64_digits);
}

int fog_base32_decode(struct fog_bytes text, void *out, size_t out_len)
{
    return decode_bits(text, out, out_len, 5, base32_digits);
}

int fog_base64url_decode(struct fog_bytes text, void *out, size_t out_len)
{
    return decode_bits(text, out, out_len, 6, base64_digits);
}

int fog_parse_u64(struct fog_bytes text, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (text.len == 0 || text.len > 20)
        return FOG_EFORMAT;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c < '0' || c > '9')
            return FOG_EFORMAT;
        if (v > (max - (uint64_t)(c - '0')) / 10 || (uint64_t)(c - '0') > max)
            return FOG_ERANGE;
        v = v * 10 + (uint64_t)(c - '0');
    }
    *out = v;
    return 0;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static int parse_unit(const char *text, const struct unit *units, size_t n_units, uint64_t *out)
{
    size_t n = strspn(text, "0123456789");
    uint64_t v;
    int rc = fog_parse_u64(fog_bytes_of(text, n), UINT64_MAX, &v);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n_units; i++) {
        if (strcmp(text + n, units[i].name) != 0)
            continue;
        if (v > INT64_MAX / units[i].factor)
            return FOG_ERANGE;
        *out = v * units[i].factor;
        return 0;
    }
    return FOG_EFORMAT;
}

int fog_parse_size(const char *text, uint64_t *out_bytes)
{
    static const struct unit units[] = {
        {"", 1},
        {"B", 1},
        {"KB", 1000},
        {"MB", 1000 * 1000},
        {"GB", 1000 * 1000 * 1000},
        {"TB", 1000ULL * 1000 * 1000 * 1000},
        {"KiB", 1 << 10},
        {"MiB", 1 << 20},
        {"GiB", 1 << 30},
        {"TiB", 1ULL << 40},
    };

    return parse_unit(text, units, FOG_COUNT(units), out_bytes);
}

int fog_parse_duration(const char *text, fog_time_ms *out_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000},
    };
    uint64_t v;
    int rc = parse_unit(text, units, FOG_COUNT(units), &v);

    if (rc == 0)
        *out_ms = (fog_time_ms)v;
    return rc;
}

void fog_format_size(uint64_t bytes, char out[16])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    uint64_t whole = bytes, tenth = 0;

    while (whole >= 1000) {
        tenth = whole % 1000 / 100;
        whole /= 1000;
        unit++;
    }
    if (unit == 0)
        (void)snprintf(out, 16, "%u B", (unsigned)whole);
    else
        (void)snprintf(out, 16, "%u.%u %s", (unsigned)whole, (unsigned)tenth, units[unit]);
}

bool fog_strcpy(char *out, size_t size, struct fog_bytes text)
{
    size_t n = text.len < size ? text.len : size - 1;

    if (n != 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
    return text.len < size;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool fog_ascii_ieq(struct fog_bytes a, struct fog_bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool fog_secret_eq(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;

    for (size_t i = 0; i < len; i++)
        diff |= (uint8_t)(x[i] ^ y[i]);
    return diff == 0;
}
