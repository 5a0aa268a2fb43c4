#include "core/content/encode.h"

#include <errno.h>
#define ZLIB_CONST /* next_in becomes a pointer to const */
#include <zlib.h>
#include <zstd.h>

#define ZSTD_LEVEL 12
#define GZIP_LEVEL 9

/* A browser's decoder need not allow windows above 8 MiB (RFC 8878 3.1.1.1.2, RFC 9659). */
#define ZSTD_WINDOW_LOG_MAX_HTTP 23

static int zstd_encode(int level, struct fog_bytes in, struct fog_buf *out)
{
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    size_t bound = ZSTD_compressBound(in.len), n;

    if (ctx == NULL)
        return -ENOMEM;
    ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, level);
    if (level > 19) /* only these levels choose larger windows by themselves */
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, ZSTD_WINDOW_LOG_MAX_HTTP);
    n = ZSTD_compress2(ctx, fog_buf_reserve(out, bound), bound, in.p, in.len);
    ZSTD_freeCCtx(ctx);
    if (ZSTD_isError(n))
        return -ENOMEM;
    fog_buf_added(out, n);
    return 0;
}

static int gzip_encode(int level, struct fog_bytes in, struct fog_buf *out)
{
    z_stream z = {.zalloc = Z_NULL};
    size_t bound;
    int rc;

    if (in.len > UINT32_MAX / 2)
        return FOG_ELIMIT;
    if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    bound = deflateBound(&z, in.len);
    z.next_in = in.p;
    z.avail_in = (uInt)in.len;
    z.next_out = fog_buf_reserve(out, bound);
    z.avail_out = (uInt)bound;
    rc = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    if (rc != Z_STREAM_END)
        return -ENOMEM;
    fog_buf_added(out, z.total_out);
    return 0;
}

int fog_encode(enum fog_encoding encoding, int level, struct fog_bytes in, struct fog_buf *out)
{
    switch (encoding) {
    case FOG_GZIP:
        return gzip_encode(level == 0 ? GZIP_LEVEL : level, in, out);
    case FOG_ZSTD:
        return zstd_encode(level == 0 ? ZSTD_LEVEL : level, in, out);
    case FOG_IDENTITY:
        break;
    }
    return FOG_EFORMAT;
}

#define DECODE_STEP 65536

static int zstd_decode(struct fog_bytes in, size_t max, struct fog_buf *out)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer src = {in.p, in.len, 0};
    size_t start = out->len, left = 1;
    int rc = 0;

    if (ctx == NULL)
        return -ENOMEM;
    ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX_HTTP);
    while (rc == 0 && left != 0) {
        ZSTD_outBuffer dst = {fog_buf_reserve(out, DECODE_STEP), DECODE_STEP, 0};

        left = ZSTD_decompressStream(ctx, &dst, &src);
        if (ZSTD_isError(left))
            rc = FOG_EFORMAT;
        else if (dst.pos == 0 && src.pos == src.size && left != 0)
            rc = FOG_ETRUNC;
        else
            fog_buf_added(out, dst.pos);
        if (out->len - start > max)
            rc = FOG_ELIMIT;
    }
    if (rc == 0 && src.pos != src.size)
        rc = FOG_ETRAIL;
    ZSTD_freeDCtx(ctx);
    return rc;
}

static int gzip_decode(struct fog_bytes in, size_t max, struct fog_buf *out)
{
    z_stream z = {.zalloc = Z_NULL};
    size_t start = out->len;
    int rc = 0, step = Z_OK;

    if (in.len > UINT32_MAX)
        return FOG_ELIMIT;
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return -ENOMEM;
    z.next_in = in.p;
    z.avail_in = (uInt)in.len;
    while (rc == 0 && step != Z_STREAM_END) {
        z.next_out = fog_buf_reserve(out, DECODE_STEP);
        z.avail_out = DECODE_STEP;
        step = inflate(&z, Z_NO_FLUSH);
        fog_buf_added(out, DECODE_STEP - z.avail_out);
        if (step == Z_BUF_ERROR)
            rc = FOG_ETRUNC;
        else if (step != Z_OK && step != Z_STREAM_END)
            rc = FOG_EFORMAT;
        else if (out->len - start > max)
            rc = FOG_ELIMIT;
    }
    if (rc == 0 && z.avail_in != 0)
        rc = FOG_ETRAIL;
    inflateEnd(&z);
    return rc;
}

int fog_decode(enum fog_encoding encoding, struct fog_bytes in, size_t max, struct fog_buf *out)
{
    switch (encoding) {
    case FOG_GZIP:
        return gzip_decode(in, max, out);
    case FOG_ZSTD:
        return zstd_decode(in, max, out);
    case FOG_IDENTITY:
        break;
    }
    return FOG_EFORMAT;
}

bool fog_encode_is_worthwhile(uint64_t plain_size, uint64_t coded_size)
{
    return coded_size < plain_size && plain_size - coded_size >= 64 &&
           (plain_size - coded_size) * 20 >= plain_size;
}
