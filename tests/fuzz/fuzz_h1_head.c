/* HTTP/1.1 header sections of both directions, and the chunked coding cut at any place. */
#include "core/base/assert.h"
#include "core/http/fields.h"
#include "core/http/h1_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_views(const struct fog_h1_head *h, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        FOG_ASSERT(h->fields[i].name.p >= p &&
                   h->fields[i].name.p + h->fields[i].name.len < p + len);
        FOG_ASSERT(fog_h1_is_token(h->fields[i].name) && fog_h1_value_ok(h->fields[i].value));
        (void)fog_http_list_has(h->fields[i].value, "close");
    }
}

static void parse_section(const uint8_t *data, size_t len)
{
    struct fog_h1_framing f;
    struct fog_h1_head h;
    uint8_t *copy = malloc(len);

    FOG_ASSERT(copy != NULL);
    memcpy(copy, data, len);
    if (fog_h1_parse_request(copy, len, &h) == 0) {
        check_views(&h, copy, len);
        /* One framing or none: never a length and a coding together. */
        if (fog_h1_request_framing(&h, &f) == 0)
            FOG_ASSERT(f.body != FOG_H1_UNTIL_CLOSE);
    }
    memcpy(copy, data, len);
    if (fog_h1_parse_response(copy, len, &h) == 0) {
        check_views(&h, copy, len);
        if (fog_h1_response_framing(&h, false, &f) == 0)
            FOG_ASSERT(f.body != FOG_H1_UNTIL_CLOSE || !f.keep_alive);
    }
    free(copy);
}

/* Decodes in pieces; returns the sum of payload lengths and the last result. */
static size_t decode(const uint8_t *data, size_t size, size_t step, int *result, size_t *used)
{
    struct fog_h1_chunks c = {0};
    size_t at = 0, total = 0;

    *result = 0;
    while (at < size && *result == 0) {
        size_t n = size - at < step ? size - at : step, taken = 0;
        struct fog_bytes payload = {0};

        *result = fog_h1_chunks_next(&c, fog_bytes_of(data + at, n), &taken, &payload);
        if (*result < 0)
            break;
        FOG_ASSERT(taken > 0 && taken <= n && payload.len <= taken);
        at += taken;
        total += payload.len;
    }
    *used = at;
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t scanned = 0, used_a, used_b, whole, pieces;
    int64_t end = fog_h1_find_end(fog_bytes_of(data, size), &scanned, 65536);
    int a, b;

    if (end > 0)
        parse_section(data, (size_t)end);
    whole = decode(data, size, size, &a, &used_a);
    pieces = decode(data, size, 1, &b, &used_b);
    FOG_ASSERT(a == b); /* where a read ends must not matter */
    if (a >= 0)
        FOG_ASSERT(whole == pieces && used_a == used_b);
    return 0;
}
