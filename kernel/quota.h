// The account of a protection domain for kernel memory. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct quota {
    uint64_t bytes, used;
};

/*@ predicate quota_kept(struct quota q) = q.used <= q.bytes;
 */

// Takes `bytes`, or says false and takes nothing: only if they are more than what is left.
/*@ requires \valid(quota) && quota_kept(*quota);
    assigns quota->used;
    ensures \result <==> bytes <= quota->bytes - \old(quota->used);
    ensures quota->used == \old(quota->used) + (\result ? bytes : 0);
    ensures quota_kept(*quota);
*/
static inline bool quota_take(struct quota *quota, uint64_t bytes) {
    if (bytes > quota->bytes - quota->used)
        return false;
    quota->used += bytes;
    return true;
}

// Gives back `bytes` that were taken, or says false and gives nothing: they are more than was taken.
/*@ requires \valid(quota) && quota_kept(*quota);
    assigns quota->used;
    ensures \result <==> bytes <= \old(quota->used);
    ensures quota->used == \old(quota->used) - (\result ? bytes : 0);
    ensures quota_kept(*quota);
*/
static inline bool quota_give(struct quota *quota, uint64_t bytes) {
    if (bytes > quota->used)
        return false;
    quota->used -= bytes;
    return true;
}
