// What the fuzzing server and the protection domains that it makes share: where things lie in such a domain, and a
// page that counts.
#pragma once
#include "kernel/abi.h"

// Selectors of the domain: a run of slots for each kind of object, so that most random calls name what they need.
enum fuzz_kind { FUZZ_PD, FUZZ_SPACE, FUZZ_THREAD, FUZZ_PORTAL, FUZZ_SEMAPHORE, FUZZ_PAGE, FUZZ_VCPU, FUZZ_KINDS };
#define FUZZ_OF_KIND           8u
#define FUZZ_SLOTS             (SELECTOR_FIRST_FREE + FUZZ_KINDS * FUZZ_OF_KIND + 8) // some stay empty
#define FUZZ_SELECTOR(kind, i) (SELECTOR_FIRST_FREE + (kind)*FUZZ_OF_KIND + (i))
// Given by the server: the last ones of their kind.
#define FUZZ_SERVER_PORTAL   FUZZ_SELECTOR(FUZZ_PORTAL, FUZZ_OF_KIND - 1)    // RIGHT_USE: to the server
#define FUZZ_LOG_SEMAPHORE   FUZZ_SELECTOR(FUZZ_SEMAPHORE, FUZZ_OF_KIND - 1) // RIGHT_USE: the console's
#define FUZZ_GIVEN_SEMAPHORE FUZZ_SELECTOR(FUZZ_SEMAPHORE, FUZZ_OF_KIND - 2) // RIGHT_ALL: the server's

// Addresses of the domain, whose program lies where the server's does.
#define FUZZ_COUNTS       0x10000000ull
#define FUZZ_STACKS       0x10100000ull // of a page each; an unmapped one lies before the first only
#define FUZZ_THREADS      8u
#define FUZZ_STACK_TOP(i) (FUZZ_STACKS + ((i) + 1) * PAGE_SIZE - 8)
#define FUZZ_MESSAGE      0x10200000ull // kernel pages
#define FUZZ_FRAMES       0x10400000ull // pages that can be mapped elsewhere
#define FUZZ_FRAMES_COUNT 16u
#define FUZZ_LARGE        0x20000000ull // the same: 2 MiB in one
#define FUZZ_LARGE_BYTES  (2ull << 20)
#define FUZZ_FREE         0x30000000ull // nothing is mapped from here on

// Written by the domain, which may ruin it: the server believes nothing.
struct fuzz_counts {
    uint64_t calls;
    uint64_t succeeded[SYS_COUNT];
};
_Static_assert(sizeof(struct fuzz_counts) <= PAGE_SIZE, "one page");

// First code of the domain: makes objects, then random system calls for ever, as do the threads that it starts.
void fuzz_domain_start(uint64_t seed);
