/* Calls of the operator, from the admin socket. */
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/crypto/ethaddr.h"
#include "core/obs/log.h"
#include "router/api.h"
#include "router/enrol.h"
#include "router/mapper.h"

#include <errno.h>
#include <stdio.h>

#define TOKEN_LIFE_S     86400
#define TOKEN_LIFE_MAX_S (30 * 86400)

/* --- token: {"operator": "0x..", "uses": 1, "life_s": 86400} -> {"token": text} --- */

static void on_token_signed(void *ctx, int err, const uint8_t sig[64])
{
    struct api_call *c = ctx;
    struct fog_buf text = {0};
    struct fog_json *j;

    if (!api_alive(c))
        return;
    if (err != 0) {
        api_problem(c, 503, "not_signed", "the key process could not sign (%s): try again",
                    fog_strerror(err));
        return;
    }
    fog_buf_append(&c->scratch, sig, 64);
    enrol_token_to_text(fog_buf_bytes(&c->scratch), &text);
    j = fog_json_new_object();
    fog_json_set_str(j, "token", fog_buf_cstr(&text));
    fog_json_set_i64(j, "not_after_ms", (int64_t)c->number);
    fog_buf_fini(&text);
    api_json(c, 200, &j);
}

static void token_go(struct api_call *c, const struct fog_json *in)
{
    struct enrol_token t = {.fog_id = c->r->fog_id, .hub_set = c->r->hubs.id, .uses = 1};
    uint64_t uses = 1, life_s = TOKEN_LIFE_S;
    int rc;

    rc = fog_json_get_hex(in, "operator", t.operator_addr, sizeof t.operator_addr);
    if (rc != 0 && rc != -ENOENT) {
        api_problem(c, 400, "bad_operator", "operator is an address: 0x and 40 hex digits");
        return;
    }
    rc = fog_json_get_u64(in, "uses", &uses);
    if ((rc != 0 && rc != -ENOENT) || uses == 0 || uses > 65535) {
        api_problem(c, 400, "bad_uses", "uses is 1 to 65535");
        return;
    }
    rc = fog_json_get_u64(in, "life_s", &life_s);
    if ((rc != 0 && rc != -ENOENT) || life_s == 0 || life_s > TOKEN_LIFE_MAX_S) {
        api_problem(c, 400, "bad_life", "life_s is 1 to %d", TOKEN_LIFE_MAX_S);
        return;
    }
    t.uses = (unsigned)uses;
    t.not_after_ms = router_hub_ms(c->r) + (fog_time_ms)life_s * 1000;
    for (unsigned i = 0; i < c->r->hubs.n && t.n_hubs < ENROL_HUBS_MAX; i++) {
        t.hubs[t.n_hubs].addr = c->r->hubs.instances[i].addrs[0];
        memcpy(t.hubs[t.n_hubs++].key, c->r->hubs.instances[i].key, 32);
    }
    fog_rng_fill(&c->r->rng, t.serial, sizeof t.serial);
    t.signer = c->r->self->map_key;
    rc = enrol_token_body(&t, &c->scratch);
    FOG_ASSERT(rc == 0);
    c->number = (uint64_t)t.not_after_ms;
    c->r->ports.signer.sign(c->r->ports.signer.arg, FOG_SIGN_ENROLL_TOKEN,
                            fog_buf_bytes(&c->scratch), on_token_signed, c);
}

/* --- revoke: {"box": label} --- */

static void on_stored(void *ctx, int err)
{
    struct api_call *c = ctx;

    if (!api_alive(c))
        return;
    if (err != 0)
        api_problem(c, 503, "store_unavailable", "could not be stored: try again");
    else
        api_empty(c, 204);
}

static void revoke_go(struct api_call *c, const struct fog_json *in)
{
    struct record_box *b = NULL;
    const char *label;
    char text[FOG_BOX_LABEL_LEN + 1];
    size_t at = 0;

    if (fog_json_get_str(in, "box", &label) != 0) {
        api_problem(c, 400, "bad_box", "box is the label of a box, 26 letters");
        return;
    }
    while ((b = records_next_box(c->r->rec, &at)) != NULL) {
        router_label(b->key, text);
        if (strcmp(text, label) == 0)
            break;
    }
    if (b == NULL) {
        api_problem(c, 404, "no_such_box", "no box %s is enrolled here", label);
        return;
    }
    b->revoked = true;
    leasewire_drop(c->r, b->key, "this box was taken out of the fog");
    leases_on_leave(c->r->leases, b->key, router_now(c->r));
    mapper_boxes_changed(c->r->mapper);
    records_put_box(c->r->rec, b, on_stored, c);
}

/* --- operator: {"key": hex of his Ed25519 key, "operator": address}: he may issue tokens for
 * himself --- */

static void operator_go(struct api_call *c, const struct fog_json *in)
{
    char name[16 + FOG_HEX_LEN(32)] = "operator/";
    uint8_t key[32], addr[20];

    if (fog_json_get_hex(in, "key", key, sizeof key) != 0 ||
        fog_json_get_hex(in, "operator", addr, sizeof addr) != 0) {
        api_problem(c, 400, "bad_operator", "want key (32 bytes hex) and operator (address)");
        return;
    }
    fog_hex_encode(key, 32, name + strlen(name));
    records_put(c->r->rec, name, fog_bytes_of(addr, sizeof addr), on_stored, c);
}

/* --- everything else belongs to money --- */

static void on_money(void *ctx, int err, struct fog_bytes json)
{
    struct api_call *c = ctx;

    if (!api_alive(c))
        return;
    if (err == -ENOENT)
        api_problem(c, 404, "no_such_call", "there is no admin call %s", c->path);
    else if (err != 0)
        api_problem(c, 409, fog_errname(err), "%.*s", (int)(json.len < 400 ? json.len : 400),
                    (const char *)json.p);
    else
        api_bytes(c, 200, "application/json", json);
}

static void admin_go(struct api_call *c)
{
    static const struct {
        const char *verb;
        void (*go)(struct api_call *c, const struct fog_json *in);
    } verbs[] = {{"token", token_go}, {"revoke", revoke_go}, {"operator", operator_go}};
    const char *verb = c->path + strlen("/v1/admin/");
    struct fog_json *in = NULL;
    char why[128];

    for (size_t i = 0; i < FOG_COUNT(verbs); i++) {
        if (strcmp(verb, verbs[i].verb) != 0)
            continue;
        if (c->body.len == 0)
            in = fog_json_new_object();
        else if (fog_json_parse(fog_buf_bytes(&c->body), NULL, &in, why, sizeof why) != 0) {
            api_problem(c, 400, "bad_json", "%s", why);
            return;
        }
        fog_info("api.admin", "verb=%s", verb);
        verbs[i].go(c, in);
        fog_json_free(&in);
        return;
    }
    if (c->r->ports.money.admin == NULL)
        api_problem(c, 404, "no_such_call", "there is no admin call %s", verb);
    else
        c->r->ports.money.admin(c->r->ports.money.arg, verb, fog_buf_bytes(&c->body), on_money, c);
}

void api_admin(struct api_call *c)
{
    api_read(c, API_JSON_MAX, admin_go);
}
