/*
 * The event loop (door to libevent): one per thread. Owns timers, posted calls and signals of its
 * thread; never blocks by itself. All functions but fog_loop_post and fog_loop_stop belong to the
 * loop's own thread.
 */
#ifndef FOG_IO_LOOP_H
#define FOG_IO_LOOP_H

#include "core/base/err.h"
#include "core/base/list.h"
#include "core/base/types.h"

struct fog_loop;
struct fog_timer;
struct event_base;

struct fog_loop *fog_loop_new(void);
void fog_loop_free(struct fog_loop **loop);

/* Runs until fog_loop_stop. */
void fog_loop_run(struct fog_loop *loop);

/* Asks the loop to return from fog_loop_run; from any thread or from a callback. */
void fog_loop_stop(struct fog_loop *loop);

/* Monotonic time, read once per turn of the loop. */
fog_time_ms fog_loop_now_ms(struct fog_loop *loop);

/* One turn: waits for events unless `wait` is false, calls back, then runs the end of the turn. For
 * tests and fuzz targets, which own the sequence; everybody else uses fog_loop_run. */
void fog_loop_turn(struct fog_loop *loop, bool wait);

/* The system's wall clock in Unix milliseconds. */
fog_time_ms fog_wall_ms(void);

/* Work at the end of the current turn, before the loop waits again: first all that produces, then
 * all that sends, so that one turn costs one send per connection. Embedded in its owner; scheduling
 * a scheduled one does nothing. What is scheduled for a phase that has passed runs in the next
 * turn, which then does not wait. */
enum fog_turn_phase { FOG_TURN_PRODUCE, FOG_TURN_SEND };

struct fog_turn {
    struct fog_link link;
    void (*fn)(void *arg);
    void *arg;
};

void fog_turn_schedule(struct fog_loop *loop, struct fog_turn *t, enum fog_turn_phase phase);
void fog_turn_cancel(struct fog_turn *t);

/* Calls fn(arg) on the loop's thread, in order of posting; from any thread. After fog_loop_free
 * nothing is called. */
void fog_loop_post(struct fog_loop *loop, void (*fn)(void *arg), void *arg);

/* One-shot timer; start again from the callback for a period. */
struct fog_timer *fog_timer_new(struct fog_loop *loop, void (*on_timer)(void *arg), void *arg);
void fog_timer_free(struct fog_timer **t);
void fog_timer_start(struct fog_timer *t, fog_time_ms after_ms); /* restarts when it is running */
void fog_timer_stop(struct fog_timer *t);
bool fog_timer_running(const struct fog_timer *t);

/* Calls on_signal(signo, arg) on the loop for the life of the loop. */
int fog_loop_on_signal(struct fog_loop *loop, int signo, void (*on_signal)(int signo, void *arg),
                       void *arg) FOG_MUST_CHECK;

/* Watches a descriptor that the caller owns (process channels, UDP sockets). */
struct fog_watch;
struct fog_watch *fog_watch_new(struct fog_loop *loop, int fd, void (*on_readable)(void *arg),
                                void (*on_writable)(void *arg), void *arg);
void fog_watch_want(struct fog_watch *w, bool readable, bool writable);
void fog_watch_free(struct fog_watch **w);

#endif
