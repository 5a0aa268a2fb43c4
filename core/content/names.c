#include "core/content/names.h"

#include "core/base/str.h"
#include "core/content/leaf.h"
#include "core/crypto/hash.h"

int fog_site_name_check(struct fog_bytes name)
{
    if (name.len < 1 || name.len > FOG_SITE_NAME_MAX || name.p[0] == '-' ||
        name.p[name.len - 1] == '-')
        return FOG_EFORMAT;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return FOG_EFORMAT;
    }
    return 0;
}

void fog_site_id_of(const struct fog_hash *fog_id, const struct fog_hash *publisher_id,
                    struct fog_bytes site_name, struct fog_site_id *out)
{
    struct fog_hash h;

    fog_sha256_parts((struct fog_bytes[]){fog_bytes_of(fog_id->b, 32),
                                          fog_bytes_of(publisher_id->b, 32), site_name},
                     3, &h);
    memcpy(out->b, h.b, sizeof out->b);
}

void fog_box_id_of(const uint8_t transport_pub[32], struct fog_box_id *out)
{
    struct fog_hash h;

    fog_sha256(fog_bytes_of(transport_pub, 32), &h);
    memcpy(out->b, h.b, sizeof out->b);
}

void fog_site_label(const struct fog_site_id *id, char out[FOG_SITE_LABEL_LEN + 1])
{
    fog_base32_encode(id->b, sizeof id->b, out);
}

void fog_box_label(const struct fog_box_id *id, char out[FOG_BOX_LABEL_LEN + 1])
{
    fog_base32_encode(id->b, sizeof id->b, out);
}

int fog_site_label_parse(struct fog_bytes label, struct fog_site_id *out)
{
    return label.len == FOG_SITE_LABEL_LEN ? fog_base32_decode(label, out->b, sizeof out->b)
                                           : FOG_EFORMAT;
}

int fog_box_label_parse(struct fog_bytes label, struct fog_box_id *out)
{
    return label.len == FOG_BOX_LABEL_LEN ? fog_base32_decode(label, out->b, sizeof out->b)
                                          : FOG_EFORMAT;
}

static int split_port(struct fog_bytes *host, uint16_t *port)
{
    const uint8_t *colon = memrchr(host->p, ':', host->len);
    size_t name_len;
    uint64_t value;
    int rc;

    *port = 0;
    if (colon == NULL)
        return 0;
    name_len = (size_t)(colon - host->p);
    rc = fog_parse_u64(fog_bytes_of(colon + 1, host->len - name_len - 1), UINT16_MAX, &value);
    if (rc != 0 || value == 0)
        return FOG_EFORMAT;
    *port = (uint16_t)value;
    *host = fog_bytes_of(host->p, name_len);
    return 0;
}

/* Lower case copy without the trailing dot; only letters, digits, '-' and '_' in labels of 1..63.
 */
static int normalise(struct fog_bytes host, char out[FOG_HOST_MAX + 1], size_t *len)
{
    size_t label = 0;

    if (host.len > 0 && host.p[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > FOG_HOST_MAX)
        return FOG_EFORMAT;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.p[i];

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if (c == '.' ? label == 0
                     : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return FOG_EFORMAT;
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return FOG_EFORMAT;
        out[i] = (char)c;
    }
    out[host.len] = '\0';
    *len = host.len;
    return label == 0 ? FOG_EFORMAT : 0;
}

/* What stands before ".<zone>". */
static enum fog_host_kind classify(struct fog_bytes left, struct fog_host *out)
{
    const uint8_t *dot = memchr(left.p, '.', left.len);
    size_t first = dot == NULL ? left.len : (size_t)(dot - left.p);

    if (fog_bytes_eq(left, fog_bytes_str("api")))
        return FOG_HOST_API;
    if (fog_bytes_eq(left, fog_bytes_str("ns")))
        return FOG_HOST_NS;
    if (fog_site_label_parse(fog_bytes_of(left.p, first), &out->site) != 0)
        return FOG_HOST_OTHER;
    if (dot == NULL)
        return FOG_HOST_SITE;
    return fog_box_label_parse(fog_bytes_of(dot + 1, left.len - first - 1), &out->box) == 0
               ? FOG_HOST_BOX
               : FOG_HOST_OTHER;
}

int fog_host_parse(struct fog_bytes host, const char *zone, struct fog_host *out)
{
    struct fog_host h = {.kind = FOG_HOST_OTHER};
    char text[FOG_HOST_MAX + 1];
    size_t len, zone_len = strlen(zone);

    if (host.len == 0 || split_port(&host, &h.port) != 0 || normalise(host, text, &len) != 0)
        return FOG_EFORMAT;
    if (len == zone_len && memcmp(text, zone, len) == 0)
        h.kind = FOG_HOST_ZONE;
    else if (len > zone_len + 1 && text[len - zone_len - 1] == '.' &&
             memcmp(text + len - zone_len, zone, zone_len) == 0)
        h.kind = classify(fog_bytes_of(text, len - zone_len - 1), &h);
    *out = h;
    return 0;
}

void fog_placement_group(const struct fog_site_id *site, uint32_t slot, struct fog_hash *out)
{
    uint8_t n[4] = {(uint8_t)(slot >> 24), (uint8_t)(slot >> 16), (uint8_t)(slot >> 8),
                    (uint8_t)slot};

    fog_sha256_parts(
        (struct fog_bytes[]){fog_bytes_of(site->b, sizeof site->b), fog_bytes_of(n, sizeof n)}, 2,
        out);
}

uint32_t fog_slot_of_chunk(uint32_t slot, uint64_t chunk_index)
{
    return slot + (uint32_t)(chunk_index / (FOG_SLOT_WINDOW / FOG_CHUNK_SIZE));
}
