/* The house's weeks: figures for people, and closing by hand in a development fog. */
#include "node/house_in.h"

#include "contracts/claim/claimer.h"
#include "contracts/claim/mirror.h"
#include "core/base/assert.h"
#include "core/json/json.h"
#include "node/serve_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Closing waits for boxes: they learn the time with their next beat, then state. */
#define CLOSE_FIRST_MS 12000 /* an idle box beats every 10 s */
#define CLOSE_QUIET_MS 3000
#define CLOSE_MOST_MS  45000
#define CLOSE_WEEKS    3 /* the contracts take none that is older */

void house_weeks_earnings(void *arg, const uint8_t *operator_addr,
                          void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx)
{
    struct house_role *h = arg;
    struct fog_json *all = fog_json_new_object(), *rows = NULL, *weeks = NULL;
    struct fog_ethaddr only;
    struct fog_buf text = {0};
    int rc;

    if (operator_addr != NULL)
        memcpy(only.b, operator_addr, sizeof only.b);
    rc = claimer_earnings(h->claimer, operator_addr == NULL ? NULL : &only, &rows);
    if (rc == 0 && (rc = claimer_weeks(h->claimer, &weeks)) == 0)
        fog_json_set_take(all, "weeks", &weeks);
    if (rc == 0) {
        fog_json_set_take(all, "rows", &rows);
        fog_json_write(all, false, &text);
    }
    done(ctx, rc, fog_buf_bytes(&text));
    fog_json_free(&rows);
    fog_json_free(&weeks);
    fog_json_free(&all);
    fog_buf_fini(&text);
}

/* ---- closing a week by hand ---- */

uint32_t house_week_now(const struct house_role *h)
{
    return (uint32_t)(house_hub_ms(h) / 1000 / h->addresses.week_length_s);
}

static void closing_end(struct house_role *h, int err)
{
    struct closing *c = h->closing;
    struct fog_buf text = {0};
    char state[128];

    h->closing = NULL;
    claimer_week_state(h->claimer, c->shown, state, sizeof state);
    fog_buf_printf(&text, "{\"week\": %u, \"state\": \"%s\"}\n", c->shown,
                   c->any ? state : "empty");
    c->done(c->ctx, err, fog_buf_bytes(&text));
    fog_buf_fini(&text);
    free(c);
}

/* Whether a closed week needs no more waiting: empty, on chain, or failed for good. */
static bool is_through(struct house_role *h, uint32_t week, int *err)
{
    struct week_row *rows = NULL;
    char state[128];
    size_t n = 0;

    if ((*err = week_rows(h->house, week, &rows, &n)) != 0 || n == 0) {
        free(rows);
        return true;
    }
    free(rows);
    h->closing->any = true;
    h->closing->shown = week;
    claimer_week_state(h->claimer, week, state, sizeof state);
    if (strncmp(state, "failed", 6) == 0)
        *err = FOG_ECHAIN;
    return h->rpc == NULL || (strcmp(state, "closed") != 0 && strcmp(state, "posting") != 0);
}

/* Closes the weeks that are over, oldest first: a house posts them in order. */
void house_weeks_turn(struct house_role *h)
{
    struct closing *c = h->closing;
    fog_time_ms waited = house_now_ms(h) - c->since_ms;
    bool quiet = house_now_ms(h) - h->heard_ms >= CLOSE_QUIET_MS;
    int rc = 0;

    if (waited < CLOSE_FIRST_MS || (!quiet && waited < CLOSE_MOST_MS))
        return;
    if (c->week == 0)
        c->week = house_week_now(h) - CLOSE_WEEKS;
    for (; c->week < house_week_now(h); c->week++) {
        c->shown = c->any ? c->shown : c->week;
        if (!week_is_closed(h->house, c->week) &&
            (rc = claimer_close_week(h->claimer, c->week, house_hub_ms(h))) != 0)
            break;
        if (!is_through(h, c->week, &rc) && waited < 2 * CLOSE_MOST_MS)
            return;
        if (rc != 0)
            break;
    }
    if (rc == FOG_EBUSY && waited < 2 * CLOSE_MOST_MS)
        return;
    closing_end(h, rc != 0 ? rc : waited >= 2 * CLOSE_MOST_MS ? -ETIMEDOUT : 0);
}

static void week_close_verb(struct house_role *h,
                            void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx)
{
    if (!h->serve->conf->dev) {
        done(ctx, FOG_EDENIED, (struct fog_bytes){0});
        return;
    }
    if (h->closing != NULL) {
        done(ctx, FOG_EBUSY, (struct fog_bytes){0});
        return;
    }
    if (h->mirror != NULL)
        mirror_poke(h->mirror); /* the clock follows the chain */
    h->closing = FOG_NEW(closing);
    h->closing->since_ms = house_now_ms(h);
    h->closing->done = done;
    h->closing->ctx = ctx;
}

void house_weeks_admin(void *arg, const char *verb, struct fog_bytes body,
                       void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx)
{
    struct house_role *h = arg;
    struct fog_json *j = NULL;
    struct fog_buf out = {0};
    uint32_t week = house_week_now(h);
    int rc = 0;

    if (strcmp(verb, "week/close") == 0) {
        week_close_verb(h, done, ctx);
        return;
    }
    if (strcmp(verb, "claim/export") != 0) {
        done(ctx, -ENOENT, (struct fog_bytes){0});
        return;
    }
    if (body.len > 0 && (rc = fog_json_parse(body, NULL, &j, NULL, 0)) == 0) {
        rc = fog_json_get_u32(j, "week", &week);
        rc = rc == -ENOENT ? 0 : rc;
    }
    if (rc == 0)
        rc = week_export(h->house, week, &out);
    done(ctx, rc, fog_buf_bytes(&out));
    fog_json_free(&j);
    fog_buf_fini(&out);
}
