#include "core/http/fields.h"

#include <stdio.h>
#include <time.h>

#include "core/base/str.h"

/* --- lists --- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct fog_bytes fog_http_trim(struct fog_bytes v)
{
    while (v.len > 0 && is_space(v.p[0]))
        v = fog_bytes_of(v.p + 1, v.len - 1);
    while (v.len > 0 && is_space(v.p[v.len - 1]))
        v.len--;
    return v;
}

/* Bytes up to the separator, which may not count inside a quoted string. */
static size_t span(struct fog_bytes v, uint8_t separator)
{
    bool quoted = false;

    for (size_t i = 0; i < v.len; i++) {
        if (quoted && v.p[i] == '\\' && i + 1 < v.len)
            i++;
        else if (v.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && v.p[i] == separator)
            return i;
    }
    return v.len;
}

static struct fog_bytes split(struct fog_bytes *v, uint8_t separator)
{
    size_t n = span(*v, separator);
    struct fog_bytes first = fog_http_trim(fog_bytes_of(v->p, n));

    if (n < v->len)
        n++;
    *v = fog_bytes_of(v->p + n, v->len - n);
    return first;
}

bool fog_http_list_next(struct fog_bytes *list, struct fog_bytes *item)
{
    while (list->len > 0) {
        *item = split(list, ',');
        if (item->len > 0)
            return true;
    }
    return false;
}

bool fog_http_list_has(struct fog_bytes list, const char *token)
{
    struct fog_bytes want = fog_bytes_str(token), item;

    while (fog_http_list_next(&list, &item))
        if (fog_ascii_ieq(item, want))
            return true;
    return false;
}

/* --- dates --- */

#define YEAR_9999_S 253402300799

void fog_http_date_format(int64_t unix_s, char out[FOG_HTTP_DATE_MAX])
{
    /* Not strftime: its names follow the locale. */
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(unix_s < 0 ? 0 : unix_s > YEAR_9999_S ? YEAR_9999_S : unix_s);
    struct tm tm;

    (void)gmtime_r(&t, &tm);
    (void)snprintf(out, FOG_HTTP_DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
                   tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour,
                   tm.tm_min, tm.tm_sec);
}
