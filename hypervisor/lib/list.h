/* SPDX-License-Identifier: MIT */
/* Intrusive circular doubly linked list. A head is a node; an unlinked node points at itself after list_init(). */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <lib/types.h>

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_insert(struct list *node, struct list *prev, struct list *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void list_add_head(struct list *head, struct list *node) { list_insert(node, head, head->next); }
static inline void list_add_tail(struct list *head, struct list *node) { list_insert(node, head->prev, head); }

static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) (list_empty(head) ? NULL : list_entry((head)->next, type, member))

#define list_for_each(pos, head, member)                                                   \
    for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member); &(pos)->member != (head); \
         (pos) = list_entry((pos)->member.next, __typeof__(*(pos)), member))

#define list_for_each_safe(pos, tmp, head, member)                                         \
    for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member),                     \
        (tmp) = list_entry((pos)->member.next, __typeof__(*(pos)), member);                \
         &(pos)->member != (head);                                                         \
         (pos) = (tmp), (tmp) = list_entry((tmp)->member.next, __typeof__(*(pos)), member))

#endif
