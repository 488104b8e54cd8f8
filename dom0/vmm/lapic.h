// The local APIC of one vCPU as xAPIC and x2APIC (SDM 3A chapter 10; APM 2 chapter 16).
//
// Its registers lie in the virtual-APIC page that the hypervisor's core shares: the core moves what is posted in PIR to
// IRR and at injection to ISR, and the model does everything else. TPR, ISR, IRR and LVTs therefore change here only in
// calls for an access of this vCPU, or while it does not run; posting is for any thread that holds the machine's lock.
#pragma once
#include "dom0/vmm/device.h"

#define LAPIC_BASE       0xfee00000ull
#define LAPIC_BYTES      0x1000u
#define LAPIC_PAGE_WORDS 1024u
#define LAPIC_REGISTERS  64u         // 16 bytes apart
#define LAPIC_TIMER_HZ   1000000000u // what the divide configuration divides
#define LAPIC_MAX        64u         // vCPUs of a machine

// MSRs of the model
#define MSR_APIC_BASE    0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC_FIRST 0x800u
#define MSR_X2APIC_LAST  0x8ffu

// Registers: offsets in the page
enum lapic_register {
    LAPIC_ID = 0x20,
    LAPIC_VERSION = 0x30,
    LAPIC_TPR = 0x80,
    LAPIC_APR = 0x90,
    LAPIC_PPR = 0xa0,
    LAPIC_EOI = 0xb0,
    LAPIC_RRD = 0xc0,
    LAPIC_LDR = 0xd0,
    LAPIC_DFR = 0xe0,
    LAPIC_SVR = 0xf0,
    LAPIC_ISR = 0x100,
    LAPIC_TMR = 0x180,
    LAPIC_IRR = 0x200,
    LAPIC_ESR = 0x280,
    LAPIC_ICR = 0x300,
    LAPIC_ICR_HIGH = 0x310,
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_THERMAL = 0x330,
    LAPIC_LVT_PERFORMANCE = 0x340,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_LVT_ERROR = 0x370,
    LAPIC_INITIAL_COUNT = 0x380,
    LAPIC_CURRENT_COUNT = 0x390,
    LAPIC_DIVIDE = 0x3e0,
    LAPIC_SELF_IPI = 0x3f0,
};

enum lapic_delivery_mode {
    LAPIC_FIXED,
    LAPIC_LOWEST,
    LAPIC_SMI,
    LAPIC_NMI = 4,
    LAPIC_INIT,
    LAPIC_STARTUP,
    LAPIC_EXTINT,
};

// Fields of the ICR as ipi() gets it: the destination is always 32 bits, FFFFFFFFh is a physical broadcast.
#define ICR_VECTOR(icr)      ((uint8_t)(icr))
#define ICR_MODE(icr)        ((unsigned)((icr) >> 8 & 7))
#define ICR_LOGICAL          (1ull << 11)
#define ICR_ASSERT           (1ull << 14)
#define ICR_LEVEL            (1ull << 15)
#define ICR_SHORTHAND(icr)   ((unsigned)((icr) >> 18 & 3)) // 0 none, 1 self, 2 all, 3 all but self
#define ICR_DESTINATION(icr) ((uint32_t)((icr) >> 32))

struct lapic_host {
    void *machine;
    uint64_t (*now_ns)(void *machine); // guest time
    // The guest time at which the vCPU's TSC reaches the value, rounded up; DEVICE_NO_DEADLINE if beyond 2^64 ns.
    uint64_t (*tsc_ns)(void *machine, unsigned vcpu, uint64_t tsc);
    void (*timer_changed)(void *machine, unsigned vcpu);     // lapic_deadline_ns() may have changed
    void (*kick)(void *machine, unsigned vcpu);              // something is posted in PIR
    void (*eoi)(void *machine, uint8_t vector);              // a level-triggered interrupt ended: to the I/O APIC
    void (*ipi)(void *machine, unsigned from, uint64_t icr); // see lapic_ipi_targets()
    void (*nmi)(void *machine, unsigned vcpu);               // NMI of an LVT entry
    void (*extint_changed)(void *machine, unsigned vcpu);    // lapic_accepts_extint() may have changed
    void (*state_changed)(void *machine, unsigned vcpu);     // the mode, ISR or IRR has: the core has to know
};

struct lapic_state {
    uint64_t base_msr;
    uint64_t tsc_deadline;    // 0: not armed
    uint64_t timer_start_ns;  // the timer counted timer_remaining then
    uint64_t timer_next_ns;   // when it reaches zero next; DEVICE_NO_DEADLINE: it does not count
    uint32_t timer_remaining; // at timer_start_ns
    uint32_t errors;          // that the next write of ESR shows
    uint8_t lint;             // levels of the two pins
};

// The page is saved with the domain beside `s`.
struct lapic {
    const struct lapic_host *host;
    volatile uint32_t *page;
    _Atomic uint64_t *pir; // 4 words, a bit per vector
    unsigned vcpu;         // is also the APIC ID
    struct lapic_state s;
    uint32_t kept[LAPIC_REGISTERS]; // what the model has written to the page last, see lapic_written()
};

void lapic_init(struct lapic *lapic, const struct lapic_host *host, unsigned vcpu, volatile uint32_t *page,
                _Atomic uint64_t *pir);

// Power-up or RESET; and the INIT of a processor, which keeps the base MSR and thereby the mode (SDM 3A 10.4.7). The
// vCPU must not run.
void lapic_reset(struct lapic *lapic);
void lapic_init_signal(struct lapic *lapic);

// Enabled, with LINT0 as ExtINT and LINT1 as NMI: as firmware leaves the boot processor, for kernels that start
// without.
void lapic_virtual_wire(struct lapic *lapic);

// --- Accesses of the vCPU

// The page at lapic_base(), while lapic_enabled() and not lapic_x2apic(); otherwise reads give all ones.
uint64_t lapic_memory_read(void *device, uint64_t offset, unsigned bytes);
void lapic_memory_write(void *device, uint64_t offset, unsigned bytes, uint64_t value);

// Where the processor serves the page itself: the vCPU has written to the register at an offset, which is in the page
// by now; or it has ended an interrupt that TMR says is level-triggered.
void lapic_written(struct lapic *lapic, unsigned at);
void lapic_ended(struct lapic *lapic, uint8_t vector);

// APIC base, TSC deadline and x2APIC MSRs. False: #GP. Requires: lapic_has_msr().
bool lapic_has_msr(uint32_t msr);
bool lapic_msr_read(struct lapic *lapic, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct lapic *lapic, uint32_t msr, uint64_t value);

bool lapic_enabled(const struct lapic *lapic); // globally, IA32_APIC_BASE.EN
bool lapic_x2apic(const struct lapic *lapic);
uint64_t lapic_base(const struct lapic *lapic);

// --- Interrupts for the vCPU

// A fixed interrupt: dropped if the APIC is disabled, ESR notes vectors below 16.
void lapic_post(struct lapic *lapic, uint8_t vector, bool level);

// A message of the delivery modes that the APIC serves itself: fixed, lowest priority (already arbitrated) and NMI.
// False for the others, which are the machine's: INIT, start-up, SMI, ExtINT.
bool lapic_deliver(struct lapic *lapic, unsigned delivery_mode, uint8_t vector, bool level);

// Pins LINT0 (the 8259's output) and LINT1 (NMI). ExtINT is not delivered here but asked for:
void lapic_lint_set(struct lapic *lapic, unsigned pin, bool level);
bool lapic_accepts_extint(const struct lapic *lapic);

// --- Timer

uint64_t lapic_deadline_ns(const struct lapic *lapic);
void lapic_expire(struct lapic *lapic, uint64_t now_ns);

// --- Destinations (SDM 3A 10.6.2)

struct lapic_address {
    uint32_t id, ldr;
    bool cluster; // xAPIC: DFR says cluster model
    bool x2apic;
};

struct lapic_address lapic_address(const struct lapic *lapic);

// Is the APIC of that address meant? destination: 32 bits as in x2APIC, or the 8 bits of an xAPIC in logical mode.
bool lapic_destination_match(struct lapic_address address, uint32_t destination, bool logical);

// The vCPUs, a bit each, to which an IPI or a message of a device goes: index in `lapics` is the vCPU. Lowest-priority
// delivery is arbitrated: the lowest ID that matches. Those that cannot accept are left out. Requires: count <=
// LAPIC_MAX.
uint64_t lapic_ipi_targets(struct lapic *const *lapics, unsigned count, unsigned from, uint64_t icr);
uint64_t lapic_message_targets(struct lapic *const *lapics, unsigned count, uint8_t destination, bool logical,
                               unsigned delivery_mode);
