/*
 * Text forms of bytes and quantities: hex, base32 (RFC 4648, lower case, no padding: DNS labels),
 * base64url (RFC 4648 section 5, no padding), decimal numbers, byte sizes ("40GB", "512KiB") and
 * durations ("90s", "2h").
 */
#ifndef FOG_BASE_STR_H
#define FOG_BASE_STR_H

#include "core/base/buf.h"

#define FOG_HEX_LEN(n)    ((n)*2)
#define FOG_BASE32_LEN(n) (((n)*8 + 4) / 5)
#define FOG_BASE64_LEN(n) (((n)*4 + 2) / 3)

/* Encoders write a NUL after the text: `out` holds LEN + 1 bytes. */
void fog_hex_encode(const void *in, size_t len, char *out);
void fog_base32_encode(const void *in, size_t len, char *out);
void fog_base64url_encode(const void *in, size_t len, char *out);

/* Decoders want exactly `out_len` bytes and canonical text (unused bits zero); else FOG_EFORMAT.
 * Hex takes either case. */
int fog_hex_decode(struct fog_bytes text, void *out, size_t out_len) FOG_MUST_CHECK;
int fog_base32_decode(struct fog_bytes text, void *out, size_t out_len) FOG_MUST_CHECK;
int fog_base64url_decode(struct fog_bytes text, void *out, size_t out_len) FOG_MUST_CHECK;

/* Whole text is a decimal number <= max; no sign, no spaces. FOG_EFORMAT or FOG_ERANGE. */
int fog_parse_u64(struct fog_bytes text, uint64_t max, uint64_t *out) FOG_MUST_CHECK;

/* "123", "40KB" (10^3), "40KiB" (2^10), up to TB/TiB. */
int fog_parse_size(const char *text, uint64_t *out_bytes) FOG_MUST_CHECK;

/* "250ms", "10s", "5m", "2h", "7d". */
int fog_parse_duration(const char *text, fog_time_ms *out_ms) FOG_MUST_CHECK;

/* "1.4 GB": for people. `out` holds 16 bytes. */
void fog_format_size(uint64_t bytes, char out[16]);

/* Copies with truncation and NUL; returns false when it did not fit. */
bool fog_strcpy(char *out, size_t size, struct fog_bytes text);

/* ASCII case-insensitive comparison, independent of locale (field names, host names). */
bool fog_ascii_ieq(struct fog_bytes a, struct fog_bytes b);

/* Compares secrets in constant time. */
bool fog_secret_eq(const void *a, const void *b, size_t len);

#endif
