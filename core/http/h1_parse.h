/*
 * HTTP/1.1 messages (RFC 9112): header sections, message framing and the chunked coding, for both
 * sides. Pure functions over bytes, no connection.
 *
 * Stricter than the RFC's leniencies where two readers could disagree about where a message ends
 * (request smuggling): lines end with CRLF only, no folded fields, no space before the colon, no
 * control bytes, Content-Length and Transfer-Encoding never together, one value of each.
 */
#ifndef FOG_HTTP_H1_PARSE_H
#define FOG_HTTP_H1_PARSE_H

#include "core/base/err.h"
#include "core/http/server.h" /* fog_http_header */

#define FOG_H1_FIELDS_MAX 100

struct fog_h1_head {
    struct fog_bytes method;                          /* request */
    struct fog_bytes target;                          /* request, as received */
    int status;                                       /* response */
    int minor;                                        /* HTTP/1.x */
    struct fog_http_header fields[FOG_H1_FIELDS_MAX]; /* names in lower case, values trimmed */
    size_t n_fields;
};

/* Looks for the blank line that ends a header section. Returns the section's length including it, 0
 * when more bytes are needed, FOG_ELIMIT above max. *scanned remembers where to go on (start with
 * 0). */
int64_t fog_h1_find_end(struct fog_bytes in, size_t *scanned, size_t max) FOG_MUST_CHECK;

/* Parse a whole section, changing names to lower case in place; views point into it. FOG_EFORMAT,
 * FOG_ELIMIT (too many fields), FOG_EVERSION (not HTTP/1.x). */
int fog_h1_parse_request(uint8_t *section, size_t len, struct fog_h1_head *out) FOG_MUST_CHECK;
int fog_h1_parse_response(uint8_t *section, size_t len, struct fog_h1_head *out) FOG_MUST_CHECK;

enum fog_h1_body { FOG_H1_NO_BODY, FOG_H1_LENGTH, FOG_H1_CHUNKED, FOG_H1_UNTIL_CLOSE };

struct fog_h1_framing {
    enum fog_h1_body body;
    uint64_t length;      /* with FOG_H1_LENGTH */
    bool keep_alive;      /* the sender goes on with this connection */
    bool expect_continue; /* request */
};

/* RFC 9112 section 6.3. FOG_EFORMAT when it is ambiguous, FOG_EVERSION for a transfer coding other
 * than chunked (501). */
int fog_h1_request_framing(const struct fog_h1_head *h, struct fog_h1_framing *out) FOG_MUST_CHECK;
int fog_h1_response_framing(const struct fog_h1_head *h, bool was_head,
                            struct fog_h1_framing *out) FOG_MUST_CHECK;

/* The chunked coding, RFC 9112 section 7.1; a zeroed struct is the start. Extensions and trailers
 * are read over within limits. */
struct fog_h1_chunks {
    int state;
    uint64_t left;
    unsigned digits;
    unsigned overhead; /* bytes of extensions and trailers so far */
};

/* Decodes a piece: *taken bytes were used, *data is payload inside `in` (may be empty). 0: go on;
 * 1: the body has ended; FOG_EFORMAT, FOG_ELIMIT. */
int fog_h1_chunks_next(struct fog_h1_chunks *c, struct fog_bytes in, size_t *taken,
                       struct fog_bytes *data) FOG_MUST_CHECK;

/* Whether bytes may stand in a field value (no control bytes but tab). */
bool fog_h1_value_ok(struct fog_bytes v);
/* token, RFC 9110 5.6.2, not empty. */
bool fog_h1_is_token(struct fog_bytes v);

#endif
