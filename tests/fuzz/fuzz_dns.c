/* DNS messages from anybody, over UDP and TCP. */
#include "core/base/assert.h"
#include "router/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_site(void *arg, struct fog_bytes label)
{
    (void)arg;
    return label.len == 16;
}

static enum dns_box box(void *arg, struct fog_bytes label, struct fog_addr *addr)
{
    (void)arg;
    if (label.len != 26)
        return DNS_BOX_UNKNOWN;
    return fog_addr_parse_ip("198.51.100.7", 443, addr) == 0 ? DNS_BOX_LIVE : DNS_BOX_DEAD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_zone z = {.zone = "fog.test", .serial = 1, .has_site = has_site, .box = box};
    struct fog_buf out = {0};

    if (fog_addr_parse_ip("2001:db8::1", 443, &z.self) != 0)
        return 0;
    if (dns_answer(&z, fog_bytes_of(data, size), false, &out) == 0) {
        FOG_ASSERT(out.len >= 12 && out.len <= DNS_UDP_MAX);
        FOG_ASSERT(memcmp(out.data, data, 2) == 0 && (out.data[2] & 0x80) != 0);
        /* Small question, small answer: nobody gains by using us against others. */
        FOG_ASSERT(out.len <= size + 300);
    }
    fog_buf_clear(&out);
    (void)!dns_answer(&z, fog_bytes_of(data, size), true, &out);
    fog_buf_fini(&out);
    return 0;
}
