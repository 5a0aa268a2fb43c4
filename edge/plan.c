#include "edge/plan.h"

/* Whether a range is asked for that may be honoured on the identity variant; then PART or UNSAT. */
static enum edge_range plan_range(const struct edge_want *want, const struct edge_object *o,
                                  uint64_t *first, uint64_t *last)
{
    struct fog_bytes etag = fog_bytes_str(o->etags[FOG_IDENTITY]);

    if (want->head || want->range.p == NULL ||
        !edge_if_range_holds(want->conditions.if_range, etag, o->modified_s))
        return EDGE_RANGE_NONE;
    return edge_range_parse(want->range, o->sizes[FOG_IDENTITY], first, last);
}

void edge_plan_make(const struct edge_want *want, const struct edge_object *o,
                    struct edge_plan *out)
{
    struct edge_accept accept;
    uint64_t first = 0, last = 0;
    enum edge_range range = plan_range(want, o, &first, &last);

    *out = (struct edge_plan){.status = 200, .encoding = FOG_IDENTITY};
    if (range == EDGE_RANGE_NONE) {
        edge_accept_parse(want->accept_encoding, &accept);
        out->encoding = edge_accept_pick(&accept, o->variants, o->sizes);
    }
    out->size = out->len = o->sizes[out->encoding];
    switch (edge_conditions_check(&want->conditions, fog_bytes_str(o->etags[out->encoding]),
                                  o->modified_s)) {
    case EDGE_COND_NOT_MODIFIED:
        out->status = 304;
        out->len = 0;
        return;
    case EDGE_COND_FAILED:
        out->status = 412;
        out->len = 0;
        return;
    case EDGE_COND_GO:
        break;
    }
    if (range == EDGE_RANGE_UNSAT) {
        out->status = 416;
        out->len = 0;
    } else if (range == EDGE_RANGE_PART) {
        out->status = 206;
        out->first = first;
        out->len = last - first + 1;
    }
}
