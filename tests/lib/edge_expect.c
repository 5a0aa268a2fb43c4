#include "tests/lib/edge_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void publish(struct world *w)
{
    struct world_file files[] = {
        {"index.html", "text/html", fog_bytes_str(EXPECT_PAGE), false, NULL, NULL},
        {"404.html", "text/html", fog_bytes_str(EXPECT_NOT_FOUND), false, NULL, NULL},
        {"docs/index.html", "text/html", fog_bytes_str(EXPECT_PAGE), false, NULL, NULL},
        {"app.css", "text/css", world_bytes(w, 0, 1), true, NULL, NULL},
        {"data.txt", "text/plain", fog_bytes_str(EXPECT_PAGE), false, "set-cookie", "a=b"},
        {"v/master.m3u8", "application/vnd.apple.mpegurl", fog_bytes_str("#EXTM3U\n"), false, NULL,
         NULL},
        {"v/1.m4s", "video/iso.segment", world_bytes(w, 2500000, 2), false, NULL, NULL},
        {"v/small.m4s", "video/iso.segment", world_bytes(w, 1000, 3), false, NULL, NULL},
        {"big.bin", "application/octet-stream", world_bytes(w, 300000, 4), false, "last-modified",
         "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"empty.bin", "application/octet-stream", world_bytes(w, 0, 5), false, NULL, NULL},
        {"g/x.bin", "application/octet-stream", world_bytes(w, 70000, 6), false, NULL, NULL},
    };
    struct fog_buf css = {0};

    for (int i = 0; i < 3000; i++)
        fog_buf_append_str(&css, "body { color: red }\n");
    files[3].bytes = fog_buf_bytes(&css);
    world_publish(w, files, FOG_COUNT(files));
    fog_buf_fini(&css);
}

struct world *expect_world(bool gateway)
{
    struct world *w = world_new(gateway, true);

    publish(w);
    return w;
}

void expect_status(struct world_req *r, int status)
{
    const struct world_answer *a = world_answer(r);

    assert_int_equal(a->status, status);
    assert_true(a->ended);
    assert_string_equal(world_field(r, "access-control-allow-origin"), "*");
}

void expect_field(struct world_req *r, const char *name, const char *value)
{
    const char *got = world_field(r, name);

    if (got == NULL || value == NULL)
        assert_ptr_equal(got, value);
    else
        assert_string_equal(got, value);
}

void expect_get(struct world *w, const char *host, const char *target, int status,
                const char *location)
{
    struct world_req *r = world_get(w, host, target, NULL);

    expect_status(r, status);
    expect_field(r, "location", location);
    world_end(&r);
}

void expect_body(struct world_req *r, struct fog_bytes body)
{
    assert_true(fog_bytes_eq(fog_buf_bytes(&world_answer(r)->body), body));
}
