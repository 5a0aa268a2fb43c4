#include "node/keyc.h"

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/crypto/rng_system.h"
#include "core/io/loop.h"
#include "core/obs/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct pending {
    uint32_t id;
    struct fog_link in_all;    /* in order of asking */
    struct fog_link in_unsent; /* waits for room in the channel */
    struct fog_buf message;
    void (*done)(void *ctx, const struct keyd_answer *answer);
    void *ctx;
};

struct keyc {
    struct fog_loop *loop;
    int fd;
    uint32_t next_id;
    struct fog_watch *watch;
    struct fog_map *by_id;
    struct fog_list all, unsent;
    struct claim_signer signer;
    uint8_t *in; /* KEYD_MESSAGE_MAX */
};

static struct fog_bytes id_key(const uint32_t *id)
{
    return fog_bytes_of(id, sizeof *id);
}

static void pending_free(struct pending *p)
{
    fog_link_remove(&p->in_all);
    fog_link_remove(&p->in_unsent);
    fog_buf_fini(&p->message);
    free(p);
}

static void send_unsent(struct keyc *k)
{
    bool blocked = false;

    FOG_LIST_EACH(&k->unsent, it)
    {
        struct pending *p = FOG_CONTAINER(it, pending, in_unsent);

        if (send(k->fd, p->message.data, p->message.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            /* Anything but a full channel means that keyd is away: it will say hello. */
            blocked = errno == EAGAIN || errno == ENOBUFS;
            break;
        }
        fog_link_remove(&p->in_unsent);
    }
    fog_watch_want(k->watch, true, blocked);
}

static void resend_all(struct keyc *k)
{
    FOG_LIST_EACH(&k->all, it)
    {
        struct pending *p = FOG_CONTAINER(it, pending, in_all);

        if (!fog_link_linked(&p->in_unsent))
            fog_list_push_back(&k->unsent, &p->in_unsent);
    }
    send_unsent(k);
}

static void on_answer(struct keyc *k, struct fog_bytes in)
{
    struct keyd_answer a;
    struct pending *p;
    int rc = keyd_answer_decode(in, &a);

    if (rc != 0) {
        fog_broken("keyc.answer", "len=%zu error=\"%s\"", in.len, fog_strerror(rc));
        return;
    }
    if (a.id == 0) { /* a new keyd */
        fog_info("keyc.hello", "pending=%zu", fog_map_count(k->by_id));
        resend_all(k);
        return;
    }
    if ((p = fog_map_del(k->by_id, id_key(&a.id))) == NULL)
        return; /* answered twice, or asked by an earlier process */
    p->done(p->ctx, &a);
    pending_free(p);
}

static void on_readable(void *arg)
{
    struct keyc *k = arg;

    for (int i = 0; i < 64; i++) { /* then others have a turn */
        ssize_t n = recv(k->fd, k->in, KEYD_MESSAGE_MAX, MSG_DONTWAIT);

        if (n <= 0)
            return;
        on_answer(k, fog_bytes_of(k->in, (size_t)n));
    }
}

static void on_writable(void *arg)
{
    send_unsent(arg);
}

static void ask(void *arg, const struct keyd_req *req,
                void (*done)(void *ctx, const struct keyd_answer *answer), void *ctx)
{
    struct keyc *k = arg;
    struct keyd_req copy = *req;
    struct pending *p;

    if (fog_map_count(k->by_id) >= KEYC_PENDING_MAX) {
        const struct keyd_answer busy = {.err = FOG_EBUSY, .kind = req->kind};

        done(ctx, &busy);
        return;
    }
    if (++k->next_id == 0) /* 0 is keyd's hello */
        k->next_id = 1;
    copy.id = k->next_id;
    p = FOG_NEW(pending);
    p->id = copy.id;
    p->done = done;
    p->ctx = ctx;
    keyd_req_encode(&copy, &p->message);
    (void)fog_map_put(k->by_id, id_key(&p->id), p);
    fog_list_push_back(&k->all, &p->in_all);
    fog_list_push_back(&k->unsent, &p->in_unsent);
    send_unsent(k);
}

struct keyc *keyc_new(struct fog_loop *loop, int fd, uint32_t first_id)
{
    struct keyc *k = FOG_NEW(keyc);
    struct fog_rng rng = fog_rng_system();
    uint8_t seed[16];
    int size = 1 << 20; /* two largest messages fit */

    fog_rng_fill(&rng, seed, sizeof seed);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    k->loop = loop;
    k->fd = fd;
    k->next_id = first_id;
    k->by_id = fog_map_new(seed);
    fog_list_init(&k->all);
    fog_list_init(&k->unsent);
    k->in = fog_alloc(KEYD_MESSAGE_MAX);
    k->signer = (struct claim_signer){.arg = k, .sign = ask};
    k->watch = fog_watch_new(loop, fd, on_readable, on_writable, k);
    fog_watch_want(k->watch, true, false);
    return k;
}

void keyc_free(struct keyc **pk)
{
    struct keyc *k = *pk;

    *pk = NULL;
    if (k == NULL)
        return;
    fog_watch_free(&k->watch);
    FOG_LIST_EACH(&k->all, it)
    pending_free(FOG_CONTAINER(it, pending, in_all));
    fog_map_free(&k->by_id);
    close(k->fd);
    free(k->in);
    free(k);
}

const struct claim_signer *keyc_signer(struct keyc *k)
{
    return &k->signer;
}

struct ed25519_ask {
    void (*done)(void *ctx, int err, const uint8_t sig[64]);
    void *ctx;
};

static void on_ed25519(void *ctx, const struct keyd_answer *a)
{
    struct ed25519_ask *e = ctx;

    e->done(e->ctx, a->err, a->ed25519);
    free(e);
}

void keyc_sign(struct keyc *k, uint16_t type, struct fog_bytes body,
               void (*done)(void *ctx, int err, const uint8_t sig[64]), void *ctx)
{
    struct ed25519_ask *e = FOG_NEW(ed25519_ask);
    const struct keyd_req req = {.kind = KEYD_SIGN_ED25519,
                                 .ed25519 = {.type = type, .body = body}};

    e->done = done;
    e->ctx = ctx;
    ask(k, &req, on_ed25519, e);
}

struct sync_ask {
    bool done;
    struct keyd_answer *out;
};

static void on_sync(void *ctx, const struct keyd_answer *a)
{
    struct sync_ask *s = ctx;

    s->done = true;
    *s->out = *a;
    s->out->pem = (struct fog_bytes){0};
}

int keyc_addresses(struct keyc *k, int wait_ms, struct keyd_answer *out)
{
    const struct keyd_req req = {.kind = KEYD_GET_ADDRESSES};
    struct sync_ask s = {.out = out};

    ask(k, &req, on_sync, &s);
    while (!s.done) {
        struct pollfd p = {.fd = k->fd, .events = POLLIN};

        if (poll(&p, 1, wait_ms) <= 0) {
            struct pending *mine = fog_map_del(k->by_id, id_key(&k->next_id));

            if (mine != NULL)
                pending_free(mine);
            return -ETIMEDOUT;
        }
        on_readable(k);
    }
    return out->err;
}
