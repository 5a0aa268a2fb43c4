/*
 * From request fields and an object to what is answered: status, variant, range. Pure: RFC 9110
 * 13.2.2 (order of conditions), 14.2 (ranges are for GET), PROTOCOL 2 (ranges from identity alone).
 */
#ifndef FOG_EDGE_PLAN_H
#define FOG_EDGE_PLAN_H

#include "edge/negotiate.h"
#include "edge/object.h"

/* Fields of a GET or HEAD, absent ones with p == NULL. */
struct edge_want {
    bool head;
    struct fog_bytes accept_encoding;
    struct fog_bytes range;
    struct edge_conditions conditions;
};

struct edge_plan {
    int status; /* 200, 206, 304, 412, 416 */
    enum fog_encoding encoding;
    uint64_t size;  /* of the variant */
    uint64_t first; /* first byte to send */
    uint64_t len;   /* bytes to send; 0 for 304, 412, 416 */
};

void edge_plan_make(const struct edge_want *want, const struct edge_object *o,
                    struct edge_plan *out);

#endif
