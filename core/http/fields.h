/*
 * Values of HTTP fields: lists, entity tags, dates, content negotiation by coding, and what we
 * write as structured fields. Pure functions; views point into the input.
 */
#ifndef FOG_HTTP_FIELDS_H
#define FOG_HTTP_FIELDS_H

#include "core/base/buf.h"

/* The next element of a comma-separated list (RFC 9110 5.6.1), without surrounding space, empty
 * elements skipped, commas inside quoted strings kept. False at the end. */
bool fog_http_list_next(struct fog_bytes *list, struct fog_bytes *item);

/* Whether an element equals the token, without regard to case. */
bool fog_http_list_has(struct fog_bytes list, const char *token);

/* If-None-Match (weak comparison) and If-Match (strong), RFC 9110 8.8.3.2 and 13.1: whether the
 * list holds the tag ("..." or W/"...") or is "*". */
bool fog_http_etag_matches(struct fog_bytes list, struct fog_bytes etag, bool strong);

/* IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), RFC 9110 5.6.7. Years 0 to 9999. */
#define FOG_HTTP_DATE_MAX 32
void fog_http_date_format(int64_t unix_s, char out[FOG_HTTP_DATE_MAX]);
/* All three forms that the RFC asks recipients to read. FOG_EFORMAT. */
int fog_http_date_parse(struct fog_bytes text, int64_t *unix_s) FOG_MUST_CHECK;

/* Picks a content coding for an Accept-Encoding value (p == NULL: field absent): the index into
 * `codings` (our preference order) with the highest weight, or -1 for none ("identity"). RFC 9110
 * 12.5.3. A malformed element is ignored. */
int fog_http_pick_coding(struct fog_bytes accept, const char *const *codings, size_t n);

/* Structured fields (RFC 9651): a string in quotes (bytes outside printable ASCII become '?'), an
 * integer (within 15 digits, clamped), a token as is. Appended to the buffer. */
void fog_http_sf_string(struct fog_buf *b, struct fog_bytes text);
void fog_http_sf_integer(struct fog_buf *b, int64_t v);
/* A byte sequence, base64 between colons (repr-digest). */
void fog_http_sf_bytes(struct fog_buf *b, struct fog_bytes v);

#endif
