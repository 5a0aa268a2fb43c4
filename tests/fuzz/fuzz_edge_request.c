/*
 * A viewer's request as a stranger may write it, against a whole edge in memory: lines of host,
 * target, Range, Accept-Encoding, If-None-Match, If-Range, If-Modified-Since; the first byte
 * chooses the method and how the grant and the router answer. Whatever comes, the request is
 * answered, what goes into header fields is clean, lengths agree, and a box never answers 5xx.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "tests/lib/edge_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world *world;

static void end_world(void)
{
    world_free(&world);
}

static void make_world(void)
{
    world = world_new(true, true);
    struct world_file files[] = {
        {"index.html", "text/html", fog_bytes_str("<p>hello"), false, NULL, NULL},
        {"404.html", "text/html", fog_bytes_str("<p>no"), false, NULL, NULL},
        {"a b/c%.txt", "text/plain", world_bytes(world, 70000, 1), false, "x-note", "v"},
        {"docs/index.html", "text/html", world_bytes(world, 5000, 2), false, NULL, NULL},
        {"app.js", "text/javascript",
         fog_bytes_str("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
         true, NULL, NULL},
        {"v/m.m3u8", "application/vnd.apple.mpegurl", fog_bytes_str("#EXTM3U"), false, NULL, NULL},
        {"v/1.m4s", "video/iso.segment", world_bytes(world, 150000, 3), false, NULL, NULL},
        {"big.bin", "application/octet-stream", world_bytes(world, 1100000, 4), false, NULL, NULL},
    };

    world_publish(world, files, FOG_COUNT(files));
    atexit(end_world);
}

/* The next line as text; NUL bytes end it, as they would never pass the HTTP layer. */
static char *next_line(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *nl = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;
    size_t n = nl == NULL ? (size_t)(end - *p) : (size_t)(nl - *p);
    char *line = fog_alloc(n + 1);

    memcpy(line, *p, n);
    *p = nl == NULL ? end : nl + 1;
    return line;
}

static void check_answer(const char *host, const struct world_req *r)
{
    const struct world_answer *a = world_answer(r);
    bool is_box = strcmp(host, WORLD_BOX_HOST) == 0;
    const char *location;

    FOG_ASSERT(a->status >= 200 && a->status <= 503);
    FOG_ASSERT(!is_box || a->status < 500);
    FOG_ASSERT(a->ended && !a->reset);
    for (size_t i = 0; i < a->head.len; i++)
        FOG_ASSERT(a->head.data[i] == '\n' || (a->head.data[i] >= 0x20 && a->head.data[i] < 0x7f));
    location = world_field(r, "location");
    FOG_ASSERT((a->status == 301 || a->status == 302 || a->status == 307) == (location != NULL));
    FOG_ASSERT(location == NULL || strpbrk(location, " \"<>") == NULL);
    FOG_ASSERT(is_box || location == NULL || location[0] == '/' ||
               strncmp(location, "https://box/g/G/", 16) == 0);
    if (a->status == 206)
        FOG_ASSERT(world_field(r, "content-range") != NULL && a->length > 0);
    FOG_ASSERT(world_field(r, "set-cookie") == NULL);
}

static void set_knobs(uint8_t how)
{
    struct world_knobs *k = world_knobs(world);

    k->verdict = (enum edge_grant_verdict)(how % 3);
    k->decision = (struct edge_decision){.verdict = how & 0x10 ? EDGE_REDIRECT : EDGE_HERE,
                                         .status = 307,
                                         .prefix = "https://box/g/G/"};
    k->allow = INT64_MAX;
    k->read = how & 0x20 ? WORLD_LATER : WORLD_NOW;
    k->object = how & 0x40 ? WORLD_LATER : WORLD_NOW;
    k->read_err = how & 0x80 && how & 0x04 ? FOG_EVERIFY : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"range", "accept-encoding", "if-none-match", "if-range",
                                        "if-modified-since"};
    static const char *const methods[] = {"GET", "GET", "HEAD", "POST", "OPTIONS"};
    const uint8_t *p = data, *end = data + size;
    struct world_header headers[FOG_COUNT(names) + 1] = {{NULL, NULL}};
    char *lines[2 + FOG_COUNT(names)];
    struct world_req *r;
    const char *host, *method;

    if (world == NULL)
        make_world();
    if (size < 2)
        return 0;
    set_knobs(*p++);
    method = methods[*p++ % FOG_COUNT(methods)];
    for (size_t i = 0; i < FOG_COUNT(lines); i++)
        lines[i] = next_line(&p, end);
    for (size_t i = 0, n = 0; i < FOG_COUNT(names); i++) {
        if (lines[2 + i][0] != '\0')
            headers[n++] = (struct world_header){names[i], lines[2 + i]};
    }
    host = strcmp(lines[0], "b") == 0   ? WORLD_BOX_HOST
           : strcmp(lines[0], "g") == 0 ? WORLD_GATEWAY_HOST
                                        : lines[0];
    r = world_start(world, method, host, lines[1], headers, "");
    world_run(world);
    check_answer(host, r);
    world_end(&r);
    for (size_t i = 0; i < FOG_COUNT(lines); i++)
        free(lines[i]);
    return 0;
}
