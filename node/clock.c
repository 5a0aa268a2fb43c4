#include "node/clock.h"

#include "core/io/loop.h"

#include <time.h>

#define BACK_MIN_MS 1000

static fog_time_ms monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (fog_time_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void node_clock_init(struct node_clock *c)
{
    atomic_init(&c->offset_ms, fog_wall_ms() - monotonic_ms());
}

void node_clock_set(struct node_clock *c, fog_time_ms hub_ms)
{
    int64_t offset = hub_ms - monotonic_ms(), old = atomic_load(&c->offset_ms);

    if (offset < old && old - offset < BACK_MIN_MS)
        return;
    atomic_store(&c->offset_ms, offset);
}

fog_time_ms node_clock_now(const struct node_clock *c)
{
    return monotonic_ms() + atomic_load(&c->offset_ms);
}

fog_time_ms node_clock_port(void *arg)
{
    return node_clock_now(arg);
}
