#include "core/http/h2_session.h"

#include "core/base/assert.h"
#include "core/obs/log.h"

/* Unanswered SETTINGS and PING of a peer that does not read; nghttp2 closes the session above. */
#define OUTBOUND_ACKS_MAX 200
#define SETTINGS_MAX      32
#define CONTINUATIONS_MAX 8

int h2_pump(nghttp2_session *s, struct fog_conn *c)
{
    while (fog_conn_is_open(c) && fog_conn_queued(c) < FOG_CONN_HIGH) {
        const uint8_t *p;
        ssize_t n = nghttp2_session_mem_send(s, &p);

        if (n < 0) {
            fog_unusual("h2.send", "error=\"%s\"", nghttp2_strerror((int)n));
            return FOG_EPROTO;
        }
        if (n == 0)
            return 0;
        fog_conn_write(c, fog_bytes_of(p, (size_t)n));
    }
    return 0;
}

int h2_feed(nghttp2_session *s, struct fog_bytes in)
{
    ssize_t n = nghttp2_session_mem_recv(s, in.p, in.len);

    if (n >= 0)
        return 0;
    fog_debug("h2.recv", "error=\"%s\"", nghttp2_strerror((int)n));
    return FOG_EPROTO;
}

nghttp2_option *h2_options(void)
{
    nghttp2_option *o;

    FOG_ASSERT(nghttp2_option_new(&o) == 0);
    nghttp2_option_set_no_auto_window_update(o, 1); /* we open windows as bodies are used */
    nghttp2_option_set_no_closed_streams(o, 1);     /* memory: nobody asks about the past */
    nghttp2_option_set_max_outbound_ack(o, OUTBOUND_ACKS_MAX);
    nghttp2_option_set_max_settings(o, SETTINGS_MAX);
    nghttp2_option_set_max_continuations(o, CONTINUATIONS_MAX); /* CVE-2024-28182 */
    nghttp2_option_set_max_reserved_remote_streams(o, 0);
    return o;
}

int h2_write_data(struct fog_conn *c, const uint8_t header[9], struct fog_bytes payload)
{
    struct fog_bytes v[2] = {fog_bytes_of(header, 9), payload};

    if (!fog_conn_is_open(c))
        return NGHTTP2_ERR_WOULDBLOCK;
    fog_conn_writev(c, v, 2);
    return 0;
}
