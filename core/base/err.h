/*
 * Error codes shared by the whole tree.
 *
 * A fallible function returns 0 or a negative code: a negated errno value, or one of ours from
 * -1000 down. Results leave through an out argument that is untouched on failure. This header owns
 * the table, nothing else.
 */
#ifndef FOG_BASE_ERR_H
#define FOG_BASE_ERR_H

#define FOG_MUST_CHECK __attribute__((warn_unused_result))

#define FOG_ERRORS(X)                                                                              \
    X(FOG_EFORMAT, -1000, "malformed input")                                                       \
    X(FOG_ETRUNC, -1001, "input ends too early")                                                   \
    X(FOG_ETRAIL, -1002, "bytes after the end of the message")                                     \
    X(FOG_ECANON, -1003, "encoding is not canonical")                                              \
    X(FOG_ERANGE, -1004, "value out of range")                                                     \
    X(FOG_ELIMIT, -1005, "limit exceeded")                                                         \
    X(FOG_EVERIFY, -1006, "hash or signature does not match")                                      \
    X(FOG_EVERSION, -1007, "unknown version")                                                      \
    X(FOG_EQUOTA, -1008, "quota exhausted")                                                        \
    X(FOG_ECORRUPT, -1009, "stored data is corrupt")                                               \
    X(FOG_EEXPIRED, -1010, "expired")                                                              \
    X(FOG_EDENIED, -1011, "not permitted")                                                         \
    X(FOG_ECLOSED, -1012, "connection closed by peer")                                             \
    X(FOG_ETLS, -1013, "TLS failure")                                                              \
    X(FOG_EPROTO, -1014, "protocol violation by peer")                                             \
    X(FOG_EBUSY, -1015, "busy, try again later")                                                   \
    X(FOG_ECANCELED, -1016, "cancelled")                                                           \
    X(FOG_ESTALE, -1017, "older than what is already known")                                       \
    X(FOG_ECONFIG, -1018, "bad configuration")                                                     \
    X(FOG_ECHAIN, -1019, "chain endpoint gave an unusable answer")                                 \
    X(FOG_EREPLAY, -1020, "already used")                                                          \
    X(FOG_EADDR, -1021, "address is not allowed")

enum fog_err {
#define X(name, value, text) name = value,
    FOG_ERRORS(X)
#undef X
};

/* Text for a code (0, negated errno, or ours). Static storage or thread-local; never NULL. */
const char *fog_strerror(int code);

/* Symbolic name ("FOG_EFORMAT", "ENOENT", "OK"); static storage, never NULL. */
const char *fog_errname(int code);

#endif
