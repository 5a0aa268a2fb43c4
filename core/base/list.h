/*
 * Intrusive doubly linked list. A node sits inside its owner; a zeroed node is unlinked.
 */
#ifndef FOG_BASE_LIST_H
#define FOG_BASE_LIST_H

#include "core/base/types.h"

struct fog_link {
    struct fog_link *prev;
    struct fog_link *next;
};

struct fog_list {
    struct fog_link head;
};

static inline void fog_list_init(struct fog_list *l)
{
    l->head.prev = l->head.next = &l->head;
}

static inline bool fog_list_empty(const struct fog_list *l)
{
    return l->head.next == &l->head;
}

static inline bool fog_link_linked(const struct fog_link *n)
{
    return n->next != NULL;
}

static inline void fog_list_insert_after(struct fog_link *at, struct fog_link *n)
{
    n->prev = at;
    n->next = at->next;
    at->next->prev = n;
    at->next = n;
}

static inline void fog_list_push_back(struct fog_list *l, struct fog_link *n)
{
    fog_list_insert_after(l->head.prev, n);
}

static inline void fog_list_push_front(struct fog_list *l, struct fog_link *n)
{
    fog_list_insert_after(&l->head, n);
}

/* Unlinks; does nothing for a node that is in no list. */
static inline void fog_link_remove(struct fog_link *n)
{
    if (n->next == NULL)
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = NULL;
}

/* The analyzer does not see that unlinking a node changes the head of its list. */
static inline struct fog_link *fog_list_first(const struct fog_list *l)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return fog_list_empty(l) ? NULL : l->head.next;
}

static inline struct fog_link *fog_list_last(const struct fog_list *l)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return fog_list_empty(l) ? NULL : l->head.prev;
}

static inline struct fog_link *fog_list_pop_front(struct fog_list *l)
{
    struct fog_link *n = fog_list_first(l);

    if (n != NULL)
        fog_link_remove(n);
    return n;
}

/* Walks all nodes; the body may remove the current one. */
#define FOG_LIST_EACH(l, it)                                                                       \
    for (struct fog_link *it = (l)->head.next, *it##_next = it->next; it != &(l)->head;            \
         it = it##_next, it##_next = it->next)

#endif
