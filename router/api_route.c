/*
 * GET /v1/route?ip=..&url=..: which box a client would get for a URL, and why, in words. The URL is
 * a gateway URL; its path is looked up in the release, so that the placement group is the true one.
 */
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/release.h"
#include "router/api.h"
#include "router/steer_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct lookup {
    struct fog_addr client;
    struct fog_site_id site;
    char label[FOG_SITE_LABEL_LEN + 1];
    struct fog_path path;
    struct fog_release_find find;
    uint32_t slot;
    bool found;
};

static const char *source_words(enum geo_source s)
{
    switch (s) {
    case GEO_PREFIX_MAP:
        return "the operator's prefix map";
    case GEO_COUNTRY_DB:
        return "the country database";
    case GEO_UNKNOWN:
        break;
    }
    return "no table";
}

static void say_client(const struct lookup *l, const struct steer_explain *e, struct fog_buf *out)
{
    char ip[FOG_ADDR_TEXT_MAX];

    fog_addr_format_ip(&l->client, ip);
    if (e->client.country[0] == 0) {
        fog_buf_printf(
            out,
            "Client %s: place unknown (neither the prefix map nor the country database knows it).",
            ip);
        return;
    }
    fog_buf_printf(out, "Client %s is in %s", ip, e->client.country);
    if (e->client.asn != 0)
        fog_buf_printf(out, ", network AS%u", e->client.asn);
    if (e->client.metro[0] != 0)
        fog_buf_printf(out, ", %s", e->client.metro);
    fog_buf_printf(out, ", says %s", source_words(e->client.source));
    if (e->client.prefix[0] != 0)
        fog_buf_printf(out, " (%s)", e->client.prefix);
    fog_buf_append_str(out, ".");
}

static void say_pick(const struct lookup *l, const struct steer_explain *e, struct fog_buf *out)
{
    if (e->pick.row < 0) {
        fog_buf_append_str(out, "\nNo box can serve now: the gateway serves it itself.");
        return;
    }
    fog_buf_printf(
        out,
        "\nBoxes that can serve: %zu; nearest of them (%s): %zu; of those hold %s: %zu (group %u).",
        e->pick.n_usable, geo_distance_name(e->pick.distance), e->pick.n_near,
        l->found ? "this file" : "the site's first files", e->pick.n_near_holders, l->slot);
    fog_buf_printf(out, "\nChosen: %s", e->box);
    switch (e->pick.why) {
    case STEER_WHY_HOLDER_LESS_LOADED:
        fog_buf_printf(out,
                       ", the less loaded (%u active) of the first two holders by rendezvous rank.",
                       e->load);
        break;
    case STEER_WHY_HOLDER:
        fog_buf_append_str(out, ", the only near box that holds it.");
        break;
    default:
        fog_buf_append_str(out, ", first by rendezvous rank; it fills from a holder.");
    }
}

static void answer(struct api_call *c)
{
    struct lookup *l = c->part;
    struct steer_explain e;
    struct fog_buf words = {0};
    struct fog_json *j, *client;
    char group[65];

    if (!steer_explain(c->r->steer, &l->client, l->label, l->slot, &e)) {
        free(l);
        api_problem(c, 503, "no_map", "no cell map was published yet: try again in a second");
        return;
    }
    say_client(l, &e, &words);
    say_pick(l, &e, &words);
    j = fog_json_new_object();
    fog_json_set_str(j, "words", fog_buf_cstr(&words));
    fog_json_set_str(j, "box", e.box);
    fog_json_set_str(j, "reason", steer_why_name(e.pick.why));
    fog_json_set_str(j, "distance", geo_distance_name(e.pick.distance));
    client = fog_json_new_object();
    fog_json_set_str(client, "country", e.client.country);
    fog_json_set_u64(client, "asn", e.client.asn);
    fog_json_set_str(client, "source", geo_source_name(e.client.source));
    fog_json_set_str(client, "prefix", e.client.prefix);
    fog_json_set_take(j, "client", &client);
    fog_json_set_str(j, "site", l->label);
    fog_json_set_u64(j, "slot", l->slot);
    fog_json_set_bool(j, "found", l->found);
    fog_hex_encode(e.pg.b, 32, group);
    fog_json_set_str(j, "group", group);
    fog_json_set_u64(j, "boxes_usable", e.pick.n_usable);
    fog_json_set_u64(j, "boxes_near", e.pick.n_near);
    fog_json_set_u64(j, "boxes_near_holding", e.pick.n_near_holders);
    fog_buf_fini(&words);
    free(l);
    api_json(c, 200, &j);
}

static void read_page(struct api_call *c);

static void on_page(void *ctx, int err, struct fog_bytes page)
{
    struct api_call *c = ctx;
    struct lookup *l = c->part;
    struct fog_release_entry entry;

    entry.slot = 0;
    if (c->req == NULL) {
        free(l);
        (void)api_alive(c);
        return;
    }
    if (err == 0)
        err = fog_release_find_feed(&l->find, page, false, &entry);
    if (err == FOG_FIND_MORE) {
        read_page(c);
        return;
    }
    l->found = err == FOG_FIND_FOUND;
    if (l->found)
        l->slot = entry.slot;
    answer(c); /* a path that is not there, or cannot be read: the site's first group */
}

static void read_page(struct api_call *c)
{
    struct lookup *l = c->part;
    struct router_ref ref = {FOG_KIND_PAGE, l->find.need.id, (uint32_t)l->find.need.size};

    c->r->ports.objects.get(c->r->ports.objects.arg, &ref, on_page, c);
}

/* "https://<site>.<zone>[:port]/<path>" or "<site>/<path>". */
static int parse_url(struct api_call *c, const char *url, struct lookup *l)
{
    const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 : url, *slash = strchr(host, '/');
    struct fog_bytes name =
        fog_bytes_of(host, slash == NULL ? strlen(host) : (size_t)(slash - host));
    const char *raw = slash == NULL ? "/" : slash, *end = strpbrk(raw, "?#");
    struct fog_host h;

    if (fog_site_label_parse(name, &l->site) != 0) {
        if (fog_host_parse(name, c->r->conf.zone, &h) != 0 ||
            (h.kind != FOG_HOST_SITE && h.kind != FOG_HOST_BOX))
            return FOG_EFORMAT;
        l->site = h.site;
    }
    fog_site_label(&l->site, l->label);
    return fog_path_from_url(fog_bytes_of(raw, end == NULL ? strlen(raw) : (size_t)(end - raw)),
                             &l->path);
}

void api_route(struct api_call *c)
{
    struct lookup *l = FOG_NEW(lookup);
    const struct record_site *s;
    char ip[FOG_ADDR_TEXT_MAX], url[API_TARGET_MAX];

    if (!api_query(c, "ip", ip, sizeof ip) || fog_addr_parse_ip(ip, 1, &l->client) != 0) {
        free(l);
        api_problem(c, 400, "bad_ip", "ip is an address, as in ?ip=192.0.2.1");
        return;
    }
    if (!api_query(c, "url", url, sizeof url) || parse_url(c, url, l) != 0) {
        free(l);
        api_problem(c, 400, "bad_url", "url is a gateway URL of this fog: https://<site>.%s/<path>",
                    c->r->conf.zone);
        return;
    }
    s = records_site(c->r->rec, &l->site);
    if (s == NULL) {
        api_problem(c, 404, "no_such_site", "nothing was published under %s here", l->label);
        free(l);
        return;
    }
    c->part = l;
    if (l->path.len == 0 || fog_release_find_begin(&l->find, &s->pointer.table,
                                                   fog_bytes_of(l->path.text, l->path.len)) != 0)
        answer(c);
    else
        read_page(c);
}
