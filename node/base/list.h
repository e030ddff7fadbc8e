/* SPDX-License-Identifier: Apache-2.0
 *
 * list.h - intrusive doubly linked list. Header only. The head is a node of its own; an empty head
 * points to itself. A node that is on no list points to itself, so that weir_list_remove is legal
 * twice.
 */
#ifndef WEIR_NODE_BASE_LIST_H
#define WEIR_NODE_BASE_LIST_H

#include <stdbool.h>

struct weir_list {
    struct weir_list *next;
    struct weir_list *prev;
};

/** Make an empty head, or a node that is on no list. */
static inline void weir_list_init(struct weir_list *l)
{
    l->next = l;
    l->prev = l;
}

/** Whether the head has no nodes, or the node is on no list. */
static inline bool weir_list_empty(const struct weir_list *l)
{
    return l->next == l;
}

/** Add a node at the end. It must be on no list. */
static inline void weir_list_append(struct weir_list *head, struct weir_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/** Add a node at the start. It must be on no list. */
static inline void weir_list_prepend(struct weir_list *head, struct weir_list *node)
{
    weir_list_append(head->next, node);
}

/** Move all nodes of `from` to the end of `to`, in their order; costs the same for any number. */
static inline void weir_list_append_all(struct weir_list *to, struct weir_list *from)
{
    if (weir_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    weir_list_init(from);
}

/** Take the node off its list, if it is on one. */
static inline void weir_list_remove(struct weir_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    weir_list_init(node);
}

#endif
