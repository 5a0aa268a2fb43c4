/* Addresses and URLs as texts of strangers: what parses is written back to the same address, and
 * the outbound rule says the same for an address and its mapped form. */
#include "core/base/assert.h"
#include "core/http/url.h"
#include "core/io/addr.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mapped(const struct fog_addr *a)
{
    struct fog_addr_policy policy = {.extra_ports = {8443}};
    struct fog_addr m = {0};

    m.u.v6.sin6_family = AF_INET6;
    fog_addr_ip16(a, m.u.v6.sin6_addr.s6_addr);
    fog_addr_set_port(&m, fog_addr_port(a));
    FOG_ASSERT(fog_addr_ip_eq(a, &m));
    FOG_ASSERT(fog_addr_check(a, &policy) == fog_addr_check(&m, &policy));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512], again[FOG_ADDR_TEXT_MAX];
    struct fog_addr a, b;
    struct fog_url u;

    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (fog_addr_parse(text, &a) == 0) {
        fog_addr_format(&a, again);
        FOG_ASSERT(fog_addr_parse(again, &b) == 0 && fog_addr_ip_eq(&a, &b) &&
                   fog_addr_port(&a) == fog_addr_port(&b));
        check_mapped(&a);
    }
    if (fog_url_parse(text, &u) == 0)
        FOG_ASSERT(u.port > 0 && u.host[0] != '\0' && u.path.p[0] == '/');
    return 0;
}
