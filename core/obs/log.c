#include "core/obs/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum fog_log_level lowest_level = FOG_LOG_INFO;
static char program_name[24] = "fog";

void fog_log_setup(enum fog_log_level lowest, const char *program)
{
    lowest_level = lowest;
    (void)snprintf(program_name, sizeof program_name, "%s", program);
}

/* A newline inside a field would forge a second log line. */
static void strip_controls(char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < ' ' || *s == 127)
            *s = '?';
}

void fog_log(enum fog_log_level level, const char *event, const char *fields, ...)
{
    static const char *const words[] = {"debug", "info", "unusual", "broken"};
    static const char prio[] = "7642"; /* sd-daemon(3): debug, info, warning, critical */
    char text[1024], line[1280];
    struct timespec ts;
    struct tm tm;
    va_list ap;
    int n;

    if (level < lowest_level)
        return;
    va_start(ap, fields);
    (void)vsnprintf(text, sizeof text, fields, ap);
    va_end(ap);
    strip_controls(text);
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    (void)gmtime_r(&ts.tv_sec, &tm);
    n = snprintf(line, sizeof line, "<%c>%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s %s %s\n",
                 prio[level], tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                 tm.tm_sec, ts.tv_nsec / 1000000, program_name, words[level], event, text);
    if (n >= (int)sizeof line)
        n = (int)sizeof line - 1;
    /* One write per line, so that lines of several processes on one pipe do not mix. */
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}
