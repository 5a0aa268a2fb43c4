#include "core/content/media.h"

#include "core/base/str.h"

enum { Z = 1, L = 2, S = 4 };

static const struct {
    const char *ext;
    const char *type;
    unsigned flags;
} table[] = {
#define X(ext, type, flags) {ext, type, flags},
#include "core/content/media.tbl"
#undef X
};

const char *fog_media_type(struct fog_bytes path)
{
    const uint8_t *dot = path.len == 0 ? NULL : memrchr(path.p, '.', path.len);
    struct fog_bytes ext;

    if (dot == NULL)
        return "application/octet-stream";
    ext = fog_bytes_of(dot + 1, path.len - (size_t)(dot + 1 - path.p));
    for (size_t i = 0; i < FOG_COUNT(table); i++)
        if (fog_ascii_ieq(ext, fog_bytes_str(table[i].ext)))
            return table[i].type;
    return "application/octet-stream";
}

static bool has_flag(const char *media_type, unsigned flag)
{
    for (size_t i = 0; i < FOG_COUNT(table); i++)
        if (strcmp(media_type, table[i].type) == 0)
            return (table[i].flags & flag) != 0;
    return false;
}

bool fog_media_is_compressible(const char *media_type)
{
    return has_flag(media_type, Z);
}

bool fog_media_is_playlist(const char *media_type)
{
    return has_flag(media_type, L);
}

bool fog_media_is_segment(const char *media_type)
{
    return has_flag(media_type, S);
}
