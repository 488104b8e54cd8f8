// Vectors of devices and the semaphores bound to them. Vectors are the machine's: one table serves all CPUs.
#include "kernel/interrupt.h"
#include "kernel/apic.h"
#include "kernel/semaphore.h"

#define VECTORS (VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1)

static struct interrupt interrupts[VECTORS];

static struct interrupt *find_line(uint32_t gsi) {
    for (unsigned i = 0; i < VECTORS; i++)
        if (interrupts[i].in_use && interrupts[i].line && interrupts[i].gsi == gsi)
            return &interrupts[i];
    return NULL;
}

static struct interrupt *find_free(void) {
    for (unsigned i = 0; i < VECTORS; i++)
        if (!interrupts[i].in_use) {
            interrupts[i].vector = (uint8_t)(VECTOR_DEVICE_FIRST + i);
            return &interrupts[i];
        }
    return NULL;
}

static int share(struct interrupt *interrupt, struct semaphore *semaphore) {
    for (unsigned i = 0; i < INTERRUPT_SHARERS; i++)
        if (!interrupt->sharers[i]) {
            interrupt->sharers[i] = semaphore;
            semaphore->interrupt = interrupt;
            return OK;
        }
    return ERROR_BUSY;
}

int interrupt_assign(struct semaphore *semaphore, uint64_t what, struct cpu *cpu, uint64_t *data) {
    bool line = !(what & INTERRUPT_MSI), level = line && (what & INTERRUPT_LEVEL);
    uint32_t gsi = (uint32_t)INTERRUPT_GSI(what);
    if (semaphore->interrupt)
        return ERROR_BUSY;
    if (line && !ioapic_has(gsi))
        return ERROR_ARGUMENT;
    struct interrupt *interrupt = line ? find_line(gsi) : NULL;
    if (interrupt && (!level || !interrupt->level))
        return ERROR_BUSY; // only level-triggered lines can be shared
    bool fresh = !interrupt;
    if (fresh && !(interrupt = find_free()))
        return ERROR_MEMORY;
    int status = share(interrupt, semaphore);
    if (status != OK)
        return status;
    *data = interrupt->vector;
    if (!fresh)
        return OK;
    interrupt->in_use = true;
    interrupt->line = line;
    interrupt->level = level;
    interrupt->gsi = gsi;
    interrupt->cpu = cpu;
    interrupt->unacknowledged = 0;
    if (line)
        ioapic_route(gsi, interrupt->vector, cpu->apic_id, level, (what & INTERRUPT_ACTIVE_LOW) != 0);
    return OK;
}

static void acknowledge(struct interrupt *interrupt, const struct semaphore *semaphore) {
    uint32_t before = interrupt->unacknowledged;
    for (unsigned i = 0; i < INTERRUPT_SHARERS; i++)
        if (interrupt->sharers[i] == semaphore)
            interrupt->unacknowledged &= ~(1u << i);
    if (before && !interrupt->unacknowledged)
        ioapic_mask(interrupt->gsi, false);
}

void interrupt_acknowledge(struct semaphore *semaphore) {
    if (semaphore->interrupt)
        acknowledge(semaphore->interrupt, semaphore);
}

void interrupt_unbind(struct semaphore *semaphore) {
    struct interrupt *interrupt = semaphore->interrupt;
    if (!interrupt)
        return;
    acknowledge(interrupt, semaphore);
    bool used = false;
    for (unsigned i = 0; i < INTERRUPT_SHARERS; i++) {
        if (interrupt->sharers[i] == semaphore)
            interrupt->sharers[i] = NULL;
        used |= interrupt->sharers[i] != NULL;
    }
    if (!used) {
        if (interrupt->line)
            ioapic_mask(interrupt->gsi, true);
        interrupt->in_use = false;
    }
    semaphore->interrupt = NULL;
}

void interrupt_deliver(unsigned vector) {
    struct interrupt *interrupt = &interrupts[vector - VECTOR_DEVICE_FIRST];
    if (!interrupt->in_use)
        return;
    if (interrupt->line && interrupt->level)
        ioapic_mask(interrupt->gsi, true);
    for (unsigned i = 0; i < INTERRUPT_SHARERS; i++)
        if (interrupt->sharers[i]) {
            interrupt->unacknowledged |= interrupt->level ? 1u << i : 0;
            semaphore_up(interrupt->sharers[i]);
        }
}
