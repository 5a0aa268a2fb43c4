/* Playlists of publishers: every URI given is a canonical path of the release. */
#include "cli/hls.h"
#include "core/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_uri(enum hls_kind kind, struct fog_bytes target, uint64_t start_ms, void *arg)
{
    (void)kind;
    (void)start_ms;
    (void)arg;
    FOG_ASSERT(fog_path_check(target) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned line, lines = 1;
    int rc =
        hls_read(fog_bytes_of(data, size), fog_bytes_str("v/720/index.m3u8"), on_uri, NULL, &line);

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    FOG_ASSERT(rc <= 0 && line <= lines);
    return 0;
}
