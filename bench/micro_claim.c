/*
 * What metering costs: one tick, one new grant at a box, one look-up of a known grant, one count of
 * bytes, one leaf accepted by a house, one grant made by it (keyd's signature included), and the
 * RAM of a live grant. One number per line.
 */
#include "tests/lib/claimworld.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define GRANTS 2000

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct issued grants[GRANTS];
static struct fog_hash chain[TICK_CHAIN + 1];

static double time_ticks(void)
{
    struct tick_state s = {.w = chain[0]};
    double start = now_us();
    unsigned n = 0;

    for (int round = 0; round < 200; round++) {
        s = (struct tick_state){.w = chain[0]};
        for (unsigned i = 1; i <= TICK_CHAIN; i++, n++)
            if (tick_accept(&s, i, &chain[i]) != 0)
                exit(1);
    }
    return (now_us() - start) / n;
}

static double time_checks(struct world *w, unsigned n)
{
    struct grant_use use = world_use(w);
    double start = now_us();

    for (unsigned i = 0; i < n; i++) {
        struct ledger_grant *g = NULL;

        if (ledger_check(w->box[0].ledger, fog_bytes_str(grants[i].text), &use, &g, NULL) !=
            LEDGER_OK)
            exit(1);
        ledger_done(w->box[0].ledger, &g);
    }
    return (now_us() - start) / n;
}

static double time_spends(struct world *w)
{
    struct grant_use use = world_use(w);
    struct ledger_grant *g = NULL;
    const unsigned n = 1000000;
    double start;

    if (ledger_check(w->box[0].ledger, fog_bytes_str(grants[0].text), &use, &g, NULL) != LEDGER_OK)
        exit(1);
    start = now_us();
    for (unsigned i = 0; i < n; i++)
        if (ledger_allow(w->box[0].ledger, g, w->hub_ms) > 0)
            ledger_spend(w->box[0].ledger, g, 1, w->hub_ms);
    start = (now_us() - start) / n;
    ledger_done(w->box[0].ledger, &g);
    return start;
}

int main(void)
{
    struct fog_hash seed = {{3}};
    struct mallinfo2 before, after;
    struct world w;
    double issue, first, known, tick, spend, accept;
    size_t live;

    world_init_live(&w, GRANTS + 10);
    tick_chain_make(&seed, chain);
    issue = now_us();
    for (unsigned i = 0; i < GRANTS; i++)
        if (world_issue(&w, 0, NULL, 1 << 16, &grants[i]) != 0)
            exit(1);
    issue = (now_us() - issue) / GRANTS;
    before = mallinfo2();
    first = time_checks(&w, GRANTS);
    after = mallinfo2();
    live = (after.uordblks - before.uordblks) / GRANTS;
    known = time_checks(&w, GRANTS);
    tick = time_ticks();
    spend = time_spends(&w);
    for (unsigned i = 0; i < GRANTS; i++)
        world_serve(&w, 0, &grants[i], 1000);
    world_pass(&w, 1000);
    accept = now_us();
    world_pass(&w, WORLD_HOUR);
    accept = (now_us() - accept) / GRANTS;
    printf("grant issued and signed   %8.2f us\n", issue);
    printf("new grant checked at box  %8.2f us\n", first);
    printf("known grant looked up     %8.2f us\n", known);
    printf("tick checked              %8.3f us\n", tick);
    printf("allow and spend           %8.3f us\n", spend);
    printf("leaf stated and accepted  %8.2f us\n", accept);
    printf("live grant                %8zu B\n", live);
    printf("per GB in 5.33 grants of 128 ticks, 400 segments: %.2f ms\n",
           (5.33 * first + 5.33 * 128 * tick + 400 * known + 16000 * spend + 5.33 * accept) / 1000);
    world_fini(&w);
    return 0;
}
