// A block device over plain memory: an image aboard, or a RAM disk. Every request completes before submit() returns.
#include "dom0/vmm/block.h"
#include "lib/string.h"

static bool in_range(const struct block *block, const struct block_request *request) {
    return request->offset <= block->size && request->bytes <= block->size - request->offset;
}

static enum block_status transfer(struct block *block, struct block_request *request) {
    uint8_t *memory = (uint8_t *)block->backend;
    if (request->operation == BLOCK_FLUSH)
        return BLOCK_OK;
    if (!in_range(block, request))
        return BLOCK_RANGE;
    if (request->operation == BLOCK_READ) {
        memcpy(request->buffer, memory + request->offset, request->bytes);
        return BLOCK_OK;
    }
    if (block->read_only)
        return BLOCK_READ_ONLY;
    memcpy(memory + request->offset, request->buffer, request->bytes);
    return BLOCK_OK;
}

static void submit(struct block *block, struct block_request *request) {
    request->done(request, transfer(block, request));
}

void block_memory_init(struct block *block, void *memory, uint64_t size, bool read_only) {
    *block = (struct block){.size = size, .read_only = read_only, .backend = memory, .submit = submit};
}
