#include "node/backoff.h"

fog_time_ms node_backoff_died(struct node_backoff *b, fog_time_ms lived_ms)
{
    fog_time_ms wait;

    if (b->next_ms == 0 || lived_ms >= NODE_BACKOFF_LONG_MS)
        b->next_ms = NODE_BACKOFF_FIRST_MS;
    wait = b->next_ms;
    b->next_ms = b->next_ms * 2 > NODE_BACKOFF_MAX_MS ? NODE_BACKOFF_MAX_MS : b->next_ms * 2;
    return wait;
}
