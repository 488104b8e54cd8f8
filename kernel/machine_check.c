// Machine-check banks (SDM 3B 16; APM 2 9): read, logged, cleared; the decision is in machine_error.c. An error in
// memory of one protection domain ends that domain, whoever ran when it was found; one that cannot be told apart stops
// the machine.
#include "kernel/machine_check.h"
#include "kernel/apic.h"
#include "kernel/clock.h"
#include "kernel/instructions.h"
#include "kernel/interrupt.h"
#include "kernel/log.h"
#include "kernel/machine_error.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/thread.h"

#define CPUID_MCE       (1u << 7) // leaf 1, EDX
#define CPUID_MCA       (1u << 14)
#define MSR_MCG_CAP     0x179u
#define MSR_MCG_STATUS  0x17au
#define MSR_MCG_CTL     0x17bu
#define MSR_MCI_CTL     0x400u // and 4 a bank: CTL, STATUS, ADDR, MISC
#define MCG_CAP_BANKS   0xffull
#define MCG_CAP_CTL     (1ull << 8)
#define MCI_STATUS_MISC (1ull << 59)
#define MISC_MODE(misc) ((misc) >> 6 & 7)
#define MODE_PHYSICAL   2u
#define POLL_SECONDS    10u
#define BANKS_MAX       32u
#define INTEL_EBX       0x756e6547u // "Genu"
#define VECTOR          18u

static uint32_t banks;
static bool intel; // MISC says what kind of address there is

struct bank {
    uint32_t number;
    uint64_t status, address, misc;
};

static bool bank_read(uint32_t number, struct bank *bank) {
    uint32_t msr = MSR_MCI_CTL + 4 * number;
    *bank = (struct bank){number, rdmsr(msr + 1), 0, 0};
    if (bank->status & MCI_STATUS_ADDR)
        bank->address = rdmsr(msr + 2);
    if (bank->status & MCI_STATUS_MISC)
        bank->misc = rdmsr(msr + 3);
    return bank->status & MCI_STATUS_VAL;
}

static void bank_clear(uint32_t number) {
    wrmsr(MSR_MCI_CTL + 4 * number + 1, 0);
}

static void bank_log(const struct bank *bank, const char *what) {
    log_print("machine check, %s: CPU %u bank %u status %#llx address %#llx misc %#llx", what, cpu_self()->id,
              bank->number, (unsigned long long)bank->status, (unsigned long long)bank->address,
              (unsigned long long)bank->misc);
}

static enum machine_error bank_error(const struct bank *bank) {
    bool physical = !intel || ((bank->status & MCI_STATUS_MISC) && MISC_MODE(bank->misc) == MODE_PHYSICAL);
    return machine_error_of(bank->status, physical);
}

void machine_check_init_self(void) {
    if (~cpuid(1, 0).edx & (CPUID_MCE | CPUID_MCA))
        return;
    uint64_t capabilities = rdmsr(MSR_MCG_CAP);
    struct bank bank;
    banks = capabilities & MCG_CAP_BANKS;
    banks = banks < BANKS_MAX ? banks : BANKS_MAX;
    intel = cpuid(0, 0).ebx == INTEL_EBX;
    if (capabilities & MCG_CAP_CTL)
        wrmsr(MSR_MCG_CTL, UINT64_MAX);
    for (uint32_t i = 0; i < banks; i++) {
        if (bank_read(i, &bank))
            bank_log(&bank, "left from before this boot");
        bank_clear(i);
        wrmsr(MSR_MCI_CTL + 4 * i, UINT64_MAX);
    }
}

static enum machine_memory memory_at(uint64_t address, uint32_t *owner) {
    *owner = FRAME_OWNER_NONE;
    if (address >> PAGE_SHIFT >= frame_table.count)
        return MACHINE_MEMORY_UNKNOWN;
    const struct frame *frame = &frame_table.frames[address >> PAGE_SHIFT];
    if (frame->owner == FRAME_OWNER_NONE && frame->mappings == 0)
        return MACHINE_MEMORY_FREE;
    if (frame->owner == FRAME_OWNER_NONE || frame->owner == FRAME_OWNER_KERNEL)
        return MACHINE_MEMORY_UNKNOWN;
    *owner = frame->owner;
    return MACHINE_MEMORY_DOMAIN;
}

// All banks are shown, whoever owns the UART, before the report says what is known of the CPU.
_Noreturn static void stop(const struct registers *regs, const struct bank *worst) {
    struct bank bank;
    log_panic_mode();
    for (uint32_t i = 0; i < banks; i++)
        if (bank_read(i, &bank))
            bank_log(&bank, bank.number == worst->number ? "the cause of this stop" : "also there");
    if (!regs)
        PANIC("machine check while a guest ran: bank %u status %#llx address %#llx", worst->number,
              (unsigned long long)worst->status, (unsigned long long)worst->address);
    panic_exception(regs, "machine check: bank %u status %#llx address %#llx", worst->number,
                    (unsigned long long)worst->status, (unsigned long long)worst->address);
}

void machine_check(const struct registers *regs) {
    struct cpu *cpu = cpu_self();
    struct bank bank = {0};
    bool restartable = rdmsr(MSR_MCG_STATUS) & MCG_STATUS_RIPV;
    bool user = (!regs || (regs->cs & 3)) && cpu->current;
    for (uint32_t i = 0; i < banks; i++) {
        uint32_t owner;
        if (!bank_read(i, &bank))
            continue;
        enum machine_memory memory = memory_at(bank.address, &owner);
        bool owner_interrupted = user && owner == cpu->current->pd->id;
        bool another = cpu->poisoned_owner && cpu->poisoned_owner != owner;
        switch (machine_check_decide(bank_error(&bank), restartable, memory, owner_interrupted)) {
        case MACHINE_CHECK_END_OWNER:
            if (another)
                stop(regs, &bank);
            cpu->poisoned_owner = owner;
            cpu->poisoned_address = bank.address;
            bank_log(&bank, "a domain's memory");
            break;
        case MACHINE_CHECK_GO_ON:
            bank_log(&bank, bank_error(&bank) == MACHINE_ERROR_CORRECTED ? "corrected" : "in free memory");
            break;
        default:
            stop(regs, &bank);
        }
    }
    if (!restartable && !cpu->poisoned_owner)
        stop(regs, &bank);
    for (uint32_t i = 0; i < banks; i++)
        bank_clear(i);
    wrmsr(MSR_MCG_STATUS, 0);
    // It comes before the next instruction of user level, and before a guest's.
    if (cpu->poisoned_owner)
        lapic_send(cpu->apic_id, VECTOR_NOTIFY);
}

void machine_check_finish(void) {
    struct cpu *cpu = cpu_self();
    struct pd *pd = cpu->poisoned_owner ? pd_by_owner(cpu->poisoned_owner) : NULL;
    cpu->poisoned_owner = 0;
    if (!pd)
        return;
    struct pd_fault fault = {.vector = VECTOR, .address = cpu->poisoned_address};
    pd_end(pd, &fault);
}

void machine_check_poll(void) {
    struct cpu *cpu = cpu_self();
    uint64_t now = rdtsc();
    if (now < cpu->bank_poll_tsc)
        return;
    cpu->bank_poll_tsc = now + POLL_SECONDS * tsc_hz;
    for (uint32_t i = 0; i < banks; i++) {
        struct bank bank;
        if (!bank_read(i, &bank))
            continue;
        bank_log(&bank, bank_error(&bank) == MACHINE_ERROR_CORRECTED ? "corrected" : "not corrected, not used so far");
        bank_clear(i);
    }
}
