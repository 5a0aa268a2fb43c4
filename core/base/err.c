#include "core/base/err.h"

#include <string.h>

static _Thread_local char text_of_errno[128];

const char *fog_strerror(int code)
{
    switch (code) {
    case 0:
        return "ok";
#define X(name, value, text)                                                                       \
    case name:                                                                                     \
        return text;
        FOG_ERRORS(X)
#undef X
    }
    if (code < 0 && code > -1000) {
        const char *s = strerror_r(-code, text_of_errno, sizeof text_of_errno);
        return s != NULL ? s : "system error";
    }
    return "unknown error";
}

const char *fog_errname(int code)
{
    switch (code) {
    case 0:
        return "OK";
#define X(name, value, text)                                                                       \
    case name:                                                                                     \
        return #name;
        FOG_ERRORS(X)
#undef X
    }
    if (code < 0 && code > -1000) {
        const char *s = strerrorname_np(-code);
        return s != NULL ? s : "ERRNO";
    }
    return "UNKNOWN";
}
