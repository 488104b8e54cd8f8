// Gives the inline functions to Frama-C; and what they do together.
#include "kernel/list.h"

// A node that was put in and is taken out leaves its neighbours as they were.
/*@ requires \valid(node) && list_linked(position);
    requires \separated(node, position) && \separated(node, position->previous);
    assigns *node, position->previous, position->previous->next;
    ensures position->previous == \old(position->previous) && position->previous->next == position;
    ensures position->next == \old(position->next);
    ensures node->next == node && node->previous == node;
*/
void list_put_and_take(struct list_node *position, struct list_node *node) {
    list_insert(position, node);
    list_remove(node);
}
