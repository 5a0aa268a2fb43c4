#include "cli/site_name.h"

#include "core/base/str.h"

#include <stdio.h>

static bool is_builders_name(struct fog_bytes name)
{
    static const char *const names[] = {"public", "dist", "build", "out", "_site"};

    for (size_t i = 0; i < FOG_COUNT(names); i++)
        if (fog_bytes_eq(name, fog_bytes_str(names[i])))
            return true;
    return false;
}

/* The last component of the path, which is shortened by it. */
static struct fog_bytes last_component(struct fog_bytes *path)
{
    size_t end = path->len, start;

    while (end > 0 && path->p[end - 1] == '/')
        end--;
    start = end;
    while (start > 0 && path->p[start - 1] != '/')
        start--;
    path->len = start;
    return fog_bytes_of(path->p + start, end - start);
}

static size_t sanitise(struct fog_bytes name, char out[FOG_SITE_NAME_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < name.len && n < FOG_SITE_NAME_MAX; i++) {
        uint8_t c = name.p[i];

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            c = '-';
        if (c == '-' && (n == 0 || out[n - 1] == '-'))
            continue;
        out[n++] = (char)c;
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    return n;
}

int site_name_of_path(const char *absolute, char out[FOG_SITE_NAME_MAX + 1])
{
    struct fog_bytes rest = fog_bytes_str(absolute), name = last_component(&rest);

    if (is_builders_name(name) && rest.len > 1)
        name = last_component(&rest);
    return sanitise(name, out) > 0 ? 0 : FOG_EFORMAT;
}

void site_name_preview(const char *site, const struct fog_hash *root,
                       char out[FOG_SITE_NAME_MAX + 1])
{
    char hex[7];

    fog_hex_encode(root->b, 3, hex);
    snprintf(out, FOG_SITE_NAME_MAX + 1, "%.*s-%s", FOG_SITE_NAME_MAX - 7, site, hex);
}
