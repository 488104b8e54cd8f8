// A block device as a disk model sees it. Requests may complete at once or later, so that a backend can be a memory
// image as well as another server.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum block_operation { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

enum block_status { BLOCK_OK, BLOCK_RANGE, BLOCK_READ_ONLY, BLOCK_MEDIUM_ERROR };

struct block_request {
    enum block_operation operation;
    uint64_t offset; // bytes
    size_t bytes;
    void *buffer; // the model's own, stays valid until done()
    void (*done)(struct block_request *request, enum block_status status);
    void *context;
};

struct block {
    uint64_t size; // bytes
    bool read_only;
    void *backend;
    void (*submit)(struct block *block, struct block_request *request); // calls request->done exactly once
};

// A backend over memory: an image aboard, mapped read-only, or a RAM disk.
void block_memory_init(struct block *block, void *memory, uint64_t size, bool read_only);
