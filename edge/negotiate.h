/*
 * HTTP semantics of one representation (RFC 9110): which variant, whether the conditions hold,
 * which range. Pure functions over field values; every malformed field is as if it were absent, as
 * the RFC asks for, except where noted.
 */
#ifndef FOG_EDGE_NEGOTIATE_H
#define FOG_EDGE_NEGOTIATE_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/content/manifest.h" /* enum fog_encoding */

/* Weights by fog_encoding in thousandths (RFC 9110 12.5.3); absent field: identity alone. */
struct edge_accept {
    uint16_t q[FOG_ENCODINGS];
};
void edge_accept_parse(struct fog_bytes accept_encoding, struct edge_accept *out);

/* The variant to send, given which exist (bit 1 << encoding; identity always does) and their sizes.
 * Highest weight, then smallest. Identity when nothing that exists is acceptable: an answer beats a
 * 406. */
enum fog_encoding edge_accept_pick(const struct edge_accept *a, unsigned exists,
                                   const uint64_t sizes[FOG_ENCODINGS]);

enum edge_range {
    EDGE_RANGE_NONE,  /* no Range, other unit, several ranges, malformed: send everything */
    EDGE_RANGE_PART,  /* *first .. *last, inclusive */
    EDGE_RANGE_UNSAT, /* 416 */
};
enum edge_range edge_range_parse(struct fog_bytes range, uint64_t size, uint64_t *first,
                                 uint64_t *last);

/* IMF-fixdate, RFC 850 and asctime forms (RFC 9110 5.6.7) to Unix seconds. FOG_EFORMAT. */
int edge_date_parse(struct fog_bytes text, int64_t *unix_s) FOG_MUST_CHECK;

/* Fields of the request that set conditions; absent ones have p == NULL. */
struct edge_conditions {
    struct fog_bytes if_match;
    struct fog_bytes if_none_match;
    struct fog_bytes if_modified_since;
    struct fog_bytes if_unmodified_since;
    struct fog_bytes if_range;
};

enum edge_condition_result {
    EDGE_COND_GO,
    EDGE_COND_NOT_MODIFIED, /* 304 */
    EDGE_COND_FAILED,       /* 412 */
};

/* RFC 9110 13.2.2 for GET and HEAD. `etag` is the strong validator of the chosen variant with its
 * quotes; modified_s the date of last change in Unix seconds, -1 when unknown. */
enum edge_condition_result edge_conditions_check(const struct edge_conditions *c,
                                                 struct fog_bytes etag, int64_t modified_s);

/* Whether Range may be honoured: no If-Range, or one that names exactly this representation. */
bool edge_if_range_holds(struct fog_bytes if_range, struct fog_bytes etag, int64_t modified_s);

#endif
