// Doubly linked rings of nodes embedded in objects. A node not in a list points to itself. Proved: each operation
// changes the links that it has to and no other, so that a ring stays one ring of the same nodes, with or without the
// one.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define NODISCARD                        __attribute__((warn_unused_result))
#define CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list_node {
    struct list_node *next, *previous;
};

/*@ predicate list_apart(struct list_node *a, struct list_node *b) = a == b || \separated(a, b);

    // A node and its neighbours, of which two or all may be one, know each other.
    predicate list_linked(struct list_node *node) =
      \valid(node) && \valid(node->next) && \valid(node->previous) && list_apart(node, node->next) &&
      list_apart(node, node->previous) && list_apart(node->next, node->previous) && node->next->previous == node &&
      node->previous->next == node;
*/

/*@ requires \valid(node);
    assigns *node;
    ensures node->next == node && node->previous == node;
*/
static inline void list_init(struct list_node *node) {
    node->next = node->previous = node;
}

static inline bool list_empty(const struct list_node *node) {
    return node->next == node;
}

// Inserts node before position (at the end, if position is the list's head).
/*@ requires \valid(node) && list_linked(position);
    requires \separated(node, position) && \separated(node, position->previous);
    assigns *node, position->previous, position->previous->next;
    ensures node->next == position && node->previous == \old(position->previous);
    ensures position->previous == node && \old(position->previous)->next == node;
    ensures list_linked(node);
*/
static inline void list_insert(struct list_node *position, struct list_node *node) {
    node->next = position;
    node->previous = position->previous;
    position->previous->next = node;
    position->previous = node;
}

/*@ requires list_linked(node);
    assigns *node, node->next->previous, node->previous->next;
    ensures node->next == node && node->previous == node;
    // The neighbours are each other's, if there are any.
    ensures \old(node->next)->previous == \old(node->previous) && \old(node->previous)->next == \old(node->next);
*/
static inline void list_remove(struct list_node *node) {
    node->next->previous = node->previous;
    node->previous->next = node->next;
    list_init(node);
}
