/* Texts that the router reads: prefix maps (first byte 0), HLS (1) and DASH (2) playlists,
 * certificate requests (3). */
#include "core/crypto/x509.h"
#include "router/geo.h"
#include "router/playlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_bytes in = fog_bytes_of(data + (size > 0), size > 0 ? size - 1 : 0);
    struct playlist_fault fault;
    struct fog_x509_csr csr;
    struct geo_place place;
    struct fog_addr a;
    struct geo *g;
    unsigned line;

    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        if (geo_parse_map(in, &g, &line) == 0) {
            if (fog_addr_parse_ip("10.1.2.3", 1, &a) == 0)
                geo_locate(g, &a, &place);
            if (fog_addr_parse_ip("2001:db8::1", 1, &a) == 0)
                geo_locate(g, &a, &place);
            geo_free(&g);
        }
        break;
    case 1:
        (void)!playlist_check("application/vnd.apple.mpegurl", in, &fault);
        break;
    case 2:
        (void)!playlist_check("application/dash+xml", in, &fault);
        break;
    case 3:
        (void)!fog_x509_csr_read(in, &csr);
        break;
    }
    return 0;
}
