/*
 * Requests and body bytes per site between two drains. Bounded: beyond EDGE_TALLY_MAX sites the
 * rest is counted together. Used by one loop.
 */
#ifndef FOG_EDGE_TALLY_H
#define FOG_EDGE_TALLY_H

#include "core/base/types.h"

#define EDGE_TALLY_MAX 4096

struct edge_tally;

struct edge_tally *edge_tally_new(const uint8_t seed[16]);
void edge_tally_free(struct edge_tally **t);

void edge_tally_add(struct edge_tally *t, const char *site, uint64_t requests, uint64_t bytes);

/* Calls `each` for every site that was counted, the rest under "", and starts from zero. */
void edge_tally_take(struct edge_tally *t,
                     void (*each)(void *arg, const char *site, uint64_t requests, uint64_t bytes),
                     void *arg);

#endif
