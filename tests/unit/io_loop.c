#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core/io/loop.h"

struct trace {
    struct fog_loop *loop;
    char text[32];
    size_t n;
    struct fog_turn turns[3];
};

static void note(struct trace *t, char c)
{
    t->text[t->n++] = c;
    t->text[t->n] = '\0';
}

static void post_a(void *arg)
{
    note(arg, 'a');
}

static void post_b(void *arg)
{
    struct trace *t = arg;

    note(t, 'b');
    fog_loop_post(t->loop, post_a, t);
}

static void stop(void *arg)
{
    struct trace *t = arg;

    note(t, 's');
    fog_loop_stop(t->loop);
}

static void test_posts_run_in_order_and_may_post(void **state)
{
    struct trace t = {.loop = fog_loop_new()};

    (void)state;
    fog_loop_post(t.loop, post_a, &t);
    fog_loop_post(t.loop, post_b, &t);
    fog_loop_turn(t.loop, true);
    assert_string_equal(t.text, "ab");
    fog_loop_post(t.loop, stop, &t);
    fog_loop_run(t.loop);
    assert_string_equal(t.text, "abas");
    fog_loop_free(&t.loop);
}

static void *poster(void *arg)
{
    struct trace *t = arg;

    for (int i = 0; i < 10; i++)
        fog_loop_post(t->loop, post_a, t);
    fog_loop_post(t->loop, stop, t);
    return NULL;
}

static void test_another_thread_wakes_the_loop(void **state)
{
    struct trace t = {.loop = fog_loop_new()};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, poster, &t), 0);
    fog_loop_run(t.loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(t.text, "aaaaaaaaaas");
    fog_loop_free(&t.loop);
}

static void turn_produce(void *arg)
{
    struct trace *t = arg;

    note(t, 'p');
    fog_turn_schedule(t->loop, &t->turns[1], FOG_TURN_SEND);
    if (t->n < 3)
        fog_turn_schedule(t->loop, &t->turns[0], FOG_TURN_PRODUCE);
}

static void turn_send(void *arg)
{
    note(arg, 's');
}

static void test_all_producing_comes_before_sending(void **state)
{
    struct trace t = {.loop = fog_loop_new()};

    (void)state;
    t.turns[0] = (struct fog_turn){.fn = turn_produce, .arg = &t};
    t.turns[1] = (struct fog_turn){.fn = turn_send, .arg = &t};
    t.turns[2] = (struct fog_turn){.fn = turn_send, .arg = &t};
    fog_turn_schedule(t.loop, &t.turns[1], FOG_TURN_SEND);
    fog_turn_schedule(t.loop, &t.turns[0], FOG_TURN_PRODUCE);
    fog_turn_schedule(t.loop, &t.turns[2], FOG_TURN_SEND);
    fog_turn_cancel(&t.turns[2]);
    fog_loop_turn(t.loop, true); /* does not wait: work is due */
    assert_string_equal(t.text, "ps");
    fog_loop_turn(t.loop, true); /* what scheduled itself again */
    assert_string_equal(t.text, "psps");
    fog_loop_turn(t.loop, false);
    assert_string_equal(t.text, "psps");
    fog_loop_free(&t.loop);
}

static void test_timers_fire_once_and_stop(void **state)
{
    struct trace t = {.loop = fog_loop_new()};
    struct fog_timer *a = fog_timer_new(t.loop, post_a, &t), *s = fog_timer_new(t.loop, stop, &t);

    (void)state;
    fog_timer_start(a, 100000);
    fog_timer_start(a, 1);
    assert_true(fog_timer_running(a));
    fog_timer_start(s, 3);
    fog_loop_run(t.loop);
    assert_string_equal(t.text, "as");
    assert_false(fog_timer_running(a));
    fog_timer_start(a, 0);
    fog_timer_stop(a);
    fog_loop_turn(t.loop, false);
    assert_string_equal(t.text, "as");
    fog_timer_free(&a);
    fog_timer_free(&s);
    fog_loop_free(&t.loop);
}

static void on_signal(int signo, void *arg)
{
    assert_int_equal(signo, SIGUSR1);
    stop(arg);
}

static void on_pipe(void *arg)
{
    note(arg, 'r');
}

static void test_signals_and_watches(void **state)
{
    struct trace t = {.loop = fog_loop_new()};
    struct fog_watch *w;
    int fds[2];

    (void)state;
    assert_int_equal(fog_loop_on_signal(t.loop, SIGUSR1, on_signal, &t), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    fog_loop_run(t.loop);
    assert_int_equal(pipe(fds), 0);
    w = fog_watch_new(t.loop, fds[0], on_pipe, NULL, &t);
    assert_int_equal(write(fds[1], "x", 1), 1);
    fog_loop_turn(t.loop, false);
    assert_string_equal(t.text, "s"); /* not wanted yet */
    fog_watch_want(w, true, false);
    fog_loop_turn(t.loop, true);
    assert_string_equal(t.text, "sr");
    fog_watch_free(&w);
    assert_int_equal(close(fds[0]) + close(fds[1]), 0);
    fog_loop_free(&t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_run_in_order_and_may_post),
        cmocka_unit_test(test_another_thread_wakes_the_loop),
        cmocka_unit_test(test_all_producing_comes_before_sending),
        cmocka_unit_test(test_timers_fire_once_and_stop),
        cmocka_unit_test(test_signals_and_watches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
