// Any bytes as ACPI tables: none is read where no memory is, and what is found fits the machine's tables. The input:
// RSDT and XSDT (4 and 8 bytes), then chunks of memory: address and length (4 bytes each), and the bytes.
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/acpi.h"
#include "kernel/log.h"

// All below 4 GiB is there, as on a machine: so no ASan, whose shadow lies there. What reads beyond it faults. An input
// that leads to what the host keeps, below FIRST, is left.
#define FIRST     0x10000ull
#define LOW_LIMIT (4ull << 30)
#define CHUNKS    16u

static struct chunk { uint32_t hpa, bytes; } chunks[CHUNKS];

void log_print(const char *message, ...) {
    (void)message;
}

static sigjmp_buf left;

static void check(bool holds) {
    if (!holds)
        abort();
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    if ((uint64_t)(uintptr_t)info->si_addr < FIRST)
        siglongjmp(left, 1);
    signal(number, SIG_DFL);
}

static void map(void) {
    static bool mapped;
    if (mapped)
        return;
    void *at = mmap((void *)FIRST, LOW_LIMIT - FIRST, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    check(at == (void *)FIRST && sigaction(SIGSEGV, &action, NULL) == 0);
    mapped = true;
}

// True: the chunk is in memory.
static bool put(struct chunk *chunk, const uint8_t *from) {
    if (chunk->hpa < FIRST || chunk->bytes > LOW_LIMIT - chunk->hpa)
        return false;
    memcpy((void *)(uintptr_t)chunk->hpa, from, chunk->bytes);
    return true;
}

static unsigned load(const uint8_t *data, size_t size) {
    unsigned count = 0;
    while (count < CHUNKS && size > sizeof(struct chunk)) {
        struct chunk *chunk = &chunks[count];
        memcpy(chunk, data, sizeof(*chunk));
        data += sizeof(*chunk);
        size -= sizeof(*chunk);
        chunk->bytes = chunk->bytes < size ? chunk->bytes : (uint32_t)size;
        count += put(chunk, data);
        data += chunk->bytes;
        size -= chunk->bytes;
    }
    return count;
}

static void read_tables(struct acpi_root root) {
    struct acpi_machine machine = {0};
    if (sigsetjmp(left, 1))
        return;
    uint64_t found = acpi_read(root, &machine);
    check(found == 0 || found == root.rsdt || found == root.xsdt);
    check(machine.cpus <= BOOT_CPUS && machine.ioapics <= 8);
    check(found || (!machine.cpus && !machine.ioapics && !machine.hpet && !machine.pm_timer_port));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct acpi_root root;
    map();
    if (size < 12)
        return 0;
    memcpy(&root.rsdt, data, 4);
    memcpy(&root.xsdt, data + 4, 8);
    unsigned count = load(data + 12, size - 12);
    read_tables(root);
    for (unsigned i = 0; i < count; i++) {
        uint64_t first = chunks[i].hpa & ~4095ull, end = (chunks[i].hpa + (uint64_t)chunks[i].bytes + 4095) & ~4095ull;
        check(madvise((void *)first, end - first, MADV_DONTNEED) == 0);
    }
    return 0;
}
