// A CPU: its descriptor tables, kernel stacks, what runs on it, and the requests that other CPUs send it.
#pragma once
#include "kernel/abi.h"
#include "kernel/list.h"
#include "kernel/registers.h"

#define CPUS_MAX BOOT_CPUS

struct thread;
struct space;
struct pd;
struct vcpu;

// SDM 3A 8.7
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
    uint8_t io_map[8192 + 1];
} __attribute__((packed));

#define IO_MAP_NONE ((uint16_t)sizeof(struct tss)) // beyond the limit: no port

// Only its own CPU touches a field, unless it says otherwise. Other CPUs' fields are read under the kernel lock.
struct cpu {
    struct cpu *self;       // offset 0: gs:0
    struct thread *current; // 8: entry.asm; whose registers an entry saves
    uint64_t stack_top;     // 16: entry.asm
    uint64_t scratch;       // 24: entry.asm
    uint64_t data_selector; // 32: what VERW is given (speculation.inc)
    uint32_t domain;        // id of the one that ran last, see barrier.h
    uint32_t id, apic_id;
    struct space *loaded;       // whose tables CR3 has, null: the core's
    uint32_t running_guest;     // atomic, read by others: is in a guest, or about to be
    uint32_t unload_request;    // atomic, set by others: leave address space and guest; cleared as acknowledgement
    bool reschedule;            // look at the run queue before going back
    struct list_node run_queue; // runnable threads, best first (kernel lock)
    struct list_node timeouts;  // pending timeouts, earliest first (kernel lock)
    uint64_t armed_tsc;         // what the timer is armed for
    bool deadlines_changed;     // a timeout or the turn's end may come before that (kernel lock)
    uint64_t slice_start_tsc;   // up to when current is charged
    uint64_t turn_end_tsc;      // when the turn of current among its equals is over
    uint64_t min_vtime;         // of the fair class (kernel lock)
    struct thread *fpu_owner;   // whose state the FPU, XCR0 and DR0..3 hold
    uint64_t fs_base;           // what MSR_FS_BASE holds
    struct pd *io_map_owner;    // whose ports the TSS's map shows
    struct vcpu *guest_loaded;  // vendor: whose state is on this CPU
    uint64_t asid_next, asid_generation; // address-space identifiers given out
    void *vendor_host_area;              // svm: physical pages for VMRUN and the host's VMSAVE; vmx: VMXON region
    void *vendor_current;                // vmx: the vCPU whose VMCS is current
    struct vcpu *release_request;        // set by others: to be released; cleared as acknowledgement
    bool tss_cut;                        // vmx: TR has not the bitmap of ports
    const struct registers *stopped;     // atomic, read by others: where an NMI has stopped it for ever
    uint32_t poisoned_owner;             // whom the last machine check ends (FRAME_OWNER_NONE: nobody), and why
    uint64_t poisoned_address;
    uint64_t bank_poll_tsc; // when the banks are looked at again
    struct tss tss __attribute__((aligned(16)));
    uint64_t gdt[8];
};

static inline struct cpu *cpu_self(void) {
    struct cpu *cpu;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

extern struct cpu *cpus[CPUS_MAX];
extern uint32_t cpu_count; // CPUs that run

// Features of the host, the same on all CPUs (kernel/features checks it, and cuts xcr0).
struct host_features {
    bool smep, smap, umip, xsave, xss, pages_1g, x2apic;
    bool tsc_deadline;             // the timer is used in that mode (clock.c)
    uint32_t signature, microcode; // CPUID leaf 1, and the revision; 0: the CPU does not say
    bool x87_pointers_stay; // XRSTOR leaves the last x87 instruction's, but for a pending exception (APM 2 11.5.2)
    uint64_t xcr0;          // all components that the core switches, of which guests may use some
    uint32_t xsave_size;    // bytes of an XSAVE area for xcr0, standard format
};
extern struct host_features host;

// The command line may say what is done against speculative execution.
void cpu_detect_features(const char *command_line);
// Makes struct cpu and its stacks. Null when the pool is used up.
NODISCARD struct cpu *cpu_create(uint32_t id, uint32_t apic_id);
// Descriptor tables, MSRs and control registers of the CPU that runs this.
void cpu_init_self(struct cpu *cpu);

// Does one of the CPU's kernel stacks hold this word?
bool cpu_stack_holds(const struct cpu *cpu, uint64_t address);

// Sends an interrupt so that the CPU looks at its requests.
void cpu_notify(struct cpu *cpu);
// Takes `space` off all CPUs: when it returns, no TLB holds anything of it. Needs the kernel lock.
void cpu_unload_everywhere(const struct space *space);
// Makes another CPU leave its thread, which it will not go back to. Needs the kernel lock.
void cpu_stop_current(struct cpu *cpu);
// The other CPUs have stopped for ever: nobody waits for their answers from now on.
void cpu_forget_others(void);
// Makes another CPU write back what it caches of a vCPU, which does not run. Needs the kernel lock.
void cpu_release_vcpu(struct cpu *cpu, struct vcpu *vcpu);
// Loads TR anew, with its whole limit.
void cpu_load_tss(struct cpu *cpu);
// Answers unload requests. Needs no lock.
void cpu_answer_requests(void);
// Loads the tables of a space, or the core's own for null.
void cpu_load_space(struct space *space);
