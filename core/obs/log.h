/*
 * Logging: one line per event to stderr, sd-daemon priority prefix, level word, event name,
 * key=value fields; or JSON lines. Owns the process-wide level and form; never logs keys, tokens or
 * full client addresses (callers' duty).
 *
 * Levels by meaning: debug, info, unusual (the world misbehaved), broken (we did; a test run that
 * logs it fails).
 */
#ifndef FOG_OBS_LOG_H
#define FOG_OBS_LOG_H

enum fog_log_level { FOG_LOG_DEBUG, FOG_LOG_INFO, FOG_LOG_UNUSUAL, FOG_LOG_BROKEN };

/* Lowest level written (default info) and the program's name in each line ("fogd", "keyd"). Call
 * before threads start. */
void fog_log_setup(enum fog_log_level lowest, const char *program);

/* fields is a printf format that gives `key=value key=value`; quote values that may hold spaces. */
void fog_log(enum fog_log_level level, const char *event, const char *fields, ...)
    __attribute__((format(printf, 3, 4)));

#define fog_debug(event, ...)   fog_log(FOG_LOG_DEBUG, event, __VA_ARGS__)
#define fog_info(event, ...)    fog_log(FOG_LOG_INFO, event, __VA_ARGS__)
#define fog_unusual(event, ...) fog_log(FOG_LOG_UNUSUAL, event, __VA_ARGS__)
#define fog_broken(event, ...)  fog_log(FOG_LOG_BROKEN, event, __VA_ARGS__)

#endif
