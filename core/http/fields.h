/*
 * Values of HTTP fields that every server and client needs: lists and dates. Pure functions; views
 * point into the input. Conditions, ranges and content negotiation belong to who has the
 * representation (edge/negotiate.h).
 */
#ifndef FOG_HTTP_FIELDS_H
#define FOG_HTTP_FIELDS_H

#include "core/base/types.h"

/* Without spaces and tabs at both ends. */
struct fog_bytes fog_http_trim(struct fog_bytes v);

/* The next element of a comma-separated list (RFC 9110 5.6.1), without surrounding space, empty
 * elements skipped, commas inside quoted strings kept. False at the end. */
bool fog_http_list_next(struct fog_bytes *list, struct fog_bytes *item);

/* Whether an element equals the token, without regard to case. */
bool fog_http_list_has(struct fog_bytes list, const char *token);

/* IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), RFC 9110 5.6.7. Years 0 to 9999. */
#define FOG_HTTP_DATE_MAX 32
void fog_http_date_format(int64_t unix_s, char out[FOG_HTTP_DATE_MAX]);

#endif
