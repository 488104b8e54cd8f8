// Doubly linked rings of nodes embedded in objects. A node not in a list points to itself.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define NODISCARD                        __attribute__((warn_unused_result))
#define CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list_node {
    struct list_node *next, *previous;
};

static inline void list_init(struct list_node *node) {
    node->next = node->previous = node;
}

static inline bool list_empty(const struct list_node *node) {
    return node->next == node;
}

// Inserts node before position (at the end, if position is the list's head).
static inline void list_insert(struct list_node *position, struct list_node *node) {
    node->next = position;
    node->previous = position->previous;
    position->previous->next = node;
    position->previous = node;
}

static inline void list_remove(struct list_node *node) {
    node->next->previous = node->previous;
    node->previous->next = node->next;
    list_init(node);
}
