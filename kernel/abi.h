// The public interface of the core: system calls, rights, shared pages. Specified in docs/abi.md. User level includes
// no other header of kernel/. Freestanding, also read by host tests.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ABI_VERSION 1u
#define PAGE_SIZE   4096ull
#define PAGE_SHIFT  12
#define NO_DEADLINE UINT64_MAX // deadlines are absolute values of the TSC
#define USER_TOP    0x00007ffffffff000ull

// System calls: number in RAX; arguments in RDI, RSI, RDX, R10, R8, R9; status in RAX (0, or a negative enum status), a
// second result in RDX. RCX and R11 are lost, all else is kept.
enum syscall_number {
    SYS_CALL = 0,          // portal, words, deadline -> RDX: words of the reply
    SYS_REPLY_WAIT,        // reply words or WAIT_NO_REPLY, event mask, deadline -> RDX: enum wait_result
    SYS_RUN,               // vCPU, event mask
    SYS_CREATE_PD,         // selector, slots of its table, quota in bytes, supervisor's semaphore or NO_SELECTOR
    SYS_CREATE_SPACE,      // selector, pd, enum space_kind
    SYS_CREATE_THREAD,     // selector, pd, kernel page for its message buffer, CPU, entry, stack
    SYS_CREATE_PORTAL,     // selector, thread, badge
    SYS_CREATE_SEMAPHORE,  // selector, pd, initial count, thread to signal or NO_SELECTOR, event bit 0..63
    SYS_CREATE_PAGE,       // selector, pd, host-virtual address in pd where it appears
    SYS_CREATE_VCPU,       // selector, guest space, state page, APIC page, CPU
    SYS_DESTROY,           // capability
    SYS_DELEGATE,          // source, source address, destination, destination address, DELEGATE_*
    SYS_THREAD_CONTROL,    // thread, enum thread_operation, a, b, c
    SYS_SEMAPHORE_CONTROL, // semaphore, enum semaphore_operation, deadline
    SYS_PD_CONTROL,        // pd, enum pd_operation, a
    SYS_VCPU_CONTROL,      // vCPU, enum vcpu_operation, a
    SYS_HARDWARE_CONTROL,  // hardware, enum hardware_operation, a, b
    SYS_ASSIGN_INTERRUPT,  // hardware, semaphore, INTERRUPT_*, CPU -> RDX: MSI data (address: FEEh, APIC id)
    SYS_COUNT
};

enum status {
    OK = 0,
    ERROR_SYSCALL = -1,    // no such system call, or operation
    ERROR_CAPABILITY = -2, // no capability of that kind at that selector, or its object is gone
    ERROR_RIGHTS = -3,     // the capability lacks a right
    ERROR_ARGUMENT = -4,   // misaligned, out of range, or a combination without meaning
    ERROR_BUSY = -5,       // selector in use, range mapped, frame owned or mapped elsewhere
    ERROR_MEMORY = -6,     // the kernel memory of the pool or of the quota is used up
    ERROR_TIMEOUT = -7,    // the deadline has passed
    ERROR_GONE = -8,       // the other side was destroyed while waiting
    ERROR_SPLIT = -9,      // the range lies within a larger mapping; unmap that whole
    ERROR_ABSENT = -10,    // nothing mapped at the source
    ERROR_FEATURE = -11,   // the CPU or machine has no such thing
};

#define NO_SELECTOR UINT64_MAX

// Capabilities that init starts with. Any other protection domain starts with SELECTOR_SELF only, without RIGHT_GRANT.
enum initial_selector {
    SELECTOR_NULL = 0,
    SELECTOR_SELF = 1,     // own protection domain
    SELECTOR_THREAD = 2,   // init: its thread
    SELECTOR_MEMORY = 3,   // init: all memory that is not the kernel's, addressed by host-physical address
    SELECTOR_PORTS = 4,    // init: all I/O ports
    SELECTOR_HARDWARE = 5, // init: interrupts, CPUs
    SELECTOR_FIRST_FREE = 16
};

// Rights of capabilities. Delegation can only take away.
#define RIGHT_CONTROL 1u // thread, semaphore (down), vCPU, pd: control it, destroy it
#define RIGHT_USE     2u // portal: call; semaphore: up; vCPU: run; pd: create in it; space: map into it
#define RIGHT_GRANT   4u // pd: delegate into it from another protection domain
#define RIGHT_ALL     7u

// Delegation: rights | order << 8 | type << 16 | memory type << 20 | flags
#define DELEGATE_READ         1ull
#define DELEGATE_WRITE        2ull
#define DELEGATE_EXECUTE      4ull
#define DELEGATE_ORDER(order) ((uint64_t)(order) << 8) // log2 of pages (0, 9, 18), ports or capabilities (0)
#define DELEGATE_MEMORY       (0ull << 16)
#define DELEGATE_PORT         (1ull << 16)
#define DELEGATE_CAPABILITY   (2ull << 16)
#define DELEGATE_WRITE_BACK   (0ull << 20)
#define DELEGATE_UNCACHED     (1ull << 20)
#define DELEGATE_OWN          (1ull << 24) // the destination's protection domain becomes owner of the frames
// Rights 0 takes away what lies at the destination (source is ignored).
// Sources: memory: SELECTOR_MEMORY, SELECTOR_SELF; ports: SELECTOR_PORTS, SELECTOR_SELF; capabilities: SELECTOR_SELF.
// Destinations: a pd (its host-virtual space, ports, table), or a space.

enum space_kind { SPACE_GUEST_PHYSICAL = 1 };

#define WAIT_NO_REPLY UINT64_MAX       // reply_wait: wait only
#define WAIT_NO_CALL  (UINT64_MAX - 1) // reply_wait: wait only, and for events only: calls stay in line
enum wait_result { WAIT_MESSAGE = 0, WAIT_EVENTS = 1 };

#define MESSAGE_WORDS 256
// The message buffer of a thread: a kernel page, written by its thread, and by the core at delivery.
struct message_buffer {
    uint64_t badge;  // by the core: the portal's badge, at WAIT_MESSAGE
    uint64_t words;  // by the core: length of what was received
    uint64_t events; // by the core: event bits taken, at WAIT_EVENTS or VCPU_EXIT_EVENTS
    uint64_t reserved;
    uint64_t data[MESSAGE_WORDS];
    uint64_t result[32]; // by the core: results of *_GET operations
};
_Static_assert(sizeof(struct message_buffer) <= PAGE_SIZE, "message buffer");

enum thread_operation {
    THREAD_START,        // a: argument in RDI. Only once
    THREAD_SET_PRIORITY, // a: priority 1..255, or 0 for the fair class; at most what PD_SET_SCHEDULE allows
    THREAD_SET_CPU,      // a: CPU
    THREAD_SET_FS_BASE,  // a: address below USER_TOP
    THREAD_SIGNAL,       // a: event bits to set
    THREAD_PAUSE,        // keeps it from running until THREAD_RESUME
    THREAD_RESUME,
    THREAD_GET, // result: struct thread_statistics
};

struct thread_statistics {
    uint64_t run_tsc; // TSC ticks that it has run
    uint64_t cpu;
    uint64_t state; // enum thread_state_public
    uint64_t exits; // VM exits of the vCPU it runs
};
enum thread_state_public { THREAD_STATE_RUNNABLE, THREAD_STATE_BLOCKED, THREAD_STATE_PAUSED, THREAD_STATE_DEAD };

enum semaphore_operation {
    SEMAPHORE_UP,   // RIGHT_USE
    SEMAPHORE_DOWN, // RIGHT_CONTROL; a: deadline. Waits while the count is 0, then takes one
    SEMAPHORE_TAKE, // RIGHT_CONTROL; takes all; RDX: the count that was there
    SEMAPHORE_ACK,  // RIGHT_CONTROL; the interrupt line bound to it was served, it may come again
};

enum pd_operation {
    PD_GET,          // result: struct pd_statistics
    PD_GET_FAULT,    // result: struct pd_fault, ERROR_ABSENT if none
    PD_EXIT,         // ends all its threads; a: exit status, for the supervisor. Own pd, or RIGHT_CONTROL
    PD_SET_SCHEDULE, // a: SCHEDULE_*; needs RIGHT_GRANT, init only. New domains: SCHEDULE(0, 256, 0)
    PD_LOOKUP, // a: host-virtual address; RDX: host-physical address | DELEGATE_* rights; needs RIGHT_GRANT (init only)
};

// Highest priority that its threads may have; weight 1..65535 of each of its threads in the fair class; cap of all of
// them together in percent of one CPU, 0 for none. A cap bites at VM entry only.
#define SCHEDULE(priority, weight, cap) ((uint64_t)(priority) | (uint64_t)(weight) << 16 | (uint64_t)(cap) << 32)

struct pd_statistics {
    uint64_t quota_bytes, used_bytes, threads, run_tsc;
    uint64_t capabilities; // slots of its table that are taken, by dead ones too
};

// Why a protection domain stopped: a fault of one of its threads, or PD_EXIT.
struct pd_fault {
    uint64_t vector; // exception, or PD_FAULT_EXIT
    uint64_t error_code, address, exit_status;
    uint64_t rip, rsp, rflags;
    uint64_t gpr[16]; // in the order of the instruction encoding: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15
};
#define PD_FAULT_EXIT 256
_Static_assert(sizeof(struct pd_fault) <= sizeof(((struct message_buffer *)0)->result), "fault in result");

enum vcpu_operation {
    VCPU_POKE,  // RIGHT_USE: run returns with VCPU_EXIT_POKE, now or as soon as it is called
    VCPU_KICK,  // RIGHT_USE: looks again at what is posted; wakes it from HLT if there is something to deliver
    VCPU_FETCH, // RIGHT_CONTROL: a: groups to write to the state page; not while it runs
};

enum hardware_operation {
    HARDWARE_MAP_INFO,     // a: host-virtual address, b: pd; maps struct core_info and what follows, read-only
    HARDWARE_RELEASE_UART, // the core prints to the UART no more but for a panic
    HARDWARE_STOP,         // stops all other CPUs and ends virtualization before power-off or reset
    HARDWARE_PANIC,        // ends the core with its report, as if an invariant were broken
};

#define INTERRUPT_GSI(gsi)   ((uint64_t)(gsi)&0xffff) // an I/O APIC line
#define INTERRUPT_LEVEL      (1ull << 16)             // level-triggered, else edge
#define INTERRUPT_ACTIVE_LOW (1ull << 17)
#define INTERRUPT_MSI        (1ull << 18) // a vector for a message-signalled interrupt

// ---- vCPU -----------------------------------------------------------------------------------------------------------

// Reasons why run returns. `qualification` is given per reason.
enum vcpu_exit {
    VCPU_EXIT_POKE = 0,
    VCPU_EXIT_EVENTS,   // message_buffer.events
    VCPU_EXIT_DEADLINE, // deadline_tsc has passed
    VCPU_EXIT_EXTINT, // VCPU_REQUEST_EXTINT is set and an external interrupt can be taken now: acknowledge the 8259 and
                      // set `event`
    VCPU_EXIT_CPUID,
    VCPU_EXIT_HLT,
    VCPU_EXIT_IO,    // qualification: VCPU_IO_*
    VCPU_EXIT_RDMSR, // number in RCX
    VCPU_EXIT_WRMSR,
    VCPU_EXIT_MEMORY,    // nested-paging violation at `gpa`; qualification: VCPU_MEMORY_*
    VCPU_EXIT_CR,        // qualification: register | write << 8; CR4 and CR8, as intercepted
    VCPU_EXIT_EXCEPTION, // qualification: vector | error code << 32; an exception of VCPU_INTERCEPT that was not
                         // delivered
    VCPU_EXIT_SHUTDOWN,  // triple fault
    VCPU_EXIT_VMCALL,
    VCPU_EXIT_XSETBV,
    VCPU_EXIT_WBINVD, // WBINVD, INVD
    VCPU_EXIT_PAUSE,
    VCPU_EXIT_MWAIT,          // MONITOR, MWAIT: offered to no guest
    VCPU_EXIT_VIRTUALIZATION, // VMX and SVM instructions, offered to no guest
    VCPU_EXIT_TASK_SWITCH,    // qualification: selector | source << 16 (0 CALL, 1 IRET, 2 JMP, 3 gate); `event` is what
                              // goes through the gate, by an instruction or not
    VCPU_EXIT_RDPMC,
    VCPU_EXIT_INVALID, // the state in the page cannot be entered; qualification: the hardware's reason
    // Where the processor serves the APIC page itself; the guest's instruction is done:
    VCPU_EXIT_EOI,        // qualification: the vector, of those that TMR says are level-triggered
    VCPU_EXIT_APIC_WRITE, // qualification: offset of the register in the APIC page, which has the value
    VCPU_EXIT_COUNT
};

// Bits of CR4 that a guest can have (SDM 3A 2.5): VME to OSXMMEXCPT, UMIP, FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP. On
// VT-x its setting another is #GP, whatever the processor has; on AMD-V each write exits, and the VMM decides.
#define VCPU_CR4 0x370fffull

#define VCPU_IO_IN          1ull
#define VCPU_IO_STRING      2ull
#define VCPU_IO_REP         4ull
#define VCPU_IO_BYTES(q)    (((q) >> 4) & 7) // 1, 2, 4
#define VCPU_IO_PORT(q)     (((q) >> 16) & 0xffff)
#define VCPU_MEMORY_WRITE   1ull
#define VCPU_MEMORY_EXECUTE 2ull
#define VCPU_MEMORY_WALK    4ull // the access was of the guest's own page walk
#define VCPU_MEMORY_PRESENT 8ull // a mapping is there, without the right

// Groups of registers. A group is valid in the page if its bit is in `valid`; the core loads the groups in `dirty`.
#define GROUP_GPR       0x001u // always valid; always loaded
#define GROUP_RIP       0x002u // rip, rflags, interruptibility; valid after every exit
#define GROUP_CONTROL   0x004u // cr0, cr2, cr3, cr4, efer; valid after every exit but those of VCPU_EXITS_SIMPLE
#define GROUP_CS_SS     0x008u // cs, ss, cpl; likewise
#define GROUP_SEGMENT   0x010u // ds, es, fs, gs, ldtr, tr
#define GROUP_TABLE     0x020u // gdtr, idtr
#define GROUP_MSR       0x040u // star .. pat
#define GROUP_DEBUG     0x080u // dr6, dr7, dr0..3
#define GROUP_TSC       0x100u // tsc_offset
#define GROUP_EVENT     0x200u // event: what an exit interrupted, or what the VMM wants injected; valid after every exit
#define GROUP_INTERCEPT 0x400u // intercepts
#define GROUP_XCR0      0x800u
#define GROUP_APIC      0x1000u // apic_mode, apic_access; IRR or ISR of the APIC page
#define GROUP_ALL       0x1fffu
#define GROUP_ALWAYS    (GROUP_GPR | GROUP_RIP | GROUP_EVENT)
#define GROUP_HOT       (GROUP_ALWAYS | GROUP_CONTROL | GROUP_CS_SS)

// Exits of instructions whose operands are general registers or nothing at all; VCPU_EXIT_IO is one of them only
// without a string. Where reading them costs, GROUP_CONTROL and GROUP_CS_SS are not in `valid` after these.
#define VCPU_EXITS_SIMPLE                                                                                              \
    (1u << VCPU_EXIT_CPUID | 1u << VCPU_EXIT_HLT | 1u << VCPU_EXIT_IO | 1u << VCPU_EXIT_RDMSR |                        \
     1u << VCPU_EXIT_WRMSR | 1u << VCPU_EXIT_EOI | 1u << VCPU_EXIT_APIC_WRITE)

struct vcpu_segment {
    uint16_t selector;
    uint16_t attributes; // bits 0..7: byte 5 of a descriptor, 8..11: AVL, L, D/B, G; P clear: unusable (APM 2 15.5.1)
    uint32_t limit;
    uint64_t base;
};

enum vcpu_gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum vcpu_segment_name {
    SEGMENT_ES,
    SEGMENT_CS,
    SEGMENT_SS,
    SEGMENT_DS,
    SEGMENT_FS,
    SEGMENT_GS,
    SEGMENT_LDTR,
    SEGMENT_TR
};

#define VCPU_SHADOW      1u // interruptibility: an interrupt shadow of STI or MOV SS
#define VCPU_NMI_BLOCKED 2u // between NMI and IRET

// event: the format of EVENTINJ and EXITINTINFO (APM 2 15.20)
#define EVENT_VECTOR(e)   ((uint8_t)(e))
#define EVENT_INTERRUPT   (0ull << 8)
#define EVENT_NMI         (2ull << 8)
#define EVENT_EXCEPTION   (3ull << 8)
#define EVENT_SOFTWARE    (4ull << 8)
#define EVENT_TYPE        (7ull << 8)
#define EVENT_ERROR_VALID (1ull << 11)
#define EVENT_VALID       (1ull << 31)
#define EVENT_ERROR(e)    ((uint64_t)(e) << 32)

// requests, by the VMM, atomically, at any time
#define VCPU_REQUEST_EXTINT 1u // the 8259 wants an interrupt delivered (level of its output)
#define VCPU_REQUEST_NMI    2u // edge: the core clears it when it injects

#define VCPU_FEATURE_APIC_ACCESS 1u // the processor serves accesses to the page at apic_access

#define VCPU_APIC_DISABLED 0u // it takes no part in delivery
#define VCPU_APIC_XAPIC    1u
#define VCPU_APIC_X2APIC   2u
#define NO_APIC_ACCESS     UINT64_MAX

#define VCPU_ACTIVE 0u
#define VCPU_HALTED 1u // run waits for an interrupt that can be taken, NMI, deadline, event or poke

// State page of a vCPU, a kernel page. While run is in the core the page is the core's, else the VMM's, except the
// words marked atomic. The core believes nothing that it reads here more than once.
struct vcpu_page {
    // Exit: written by the core when run returns
    uint32_t exit_reason;
    uint32_t instruction_length; // 0: the hardware does not say
    uint64_t qualification;
    uint64_t gpa;
    uint64_t exit_gva; // linear address where the hardware gives one, else 0
    uint64_t next_rip; // where the hardware gives it, else 0
    uint32_t valid;    // groups that are current in this page
    uint32_t features; // VCPU_FEATURE_*, for good
    uint64_t exits;    // number of exits so far
    uint64_t reserved1;
    // Entry: written by the VMM before run
    uint32_t dirty;                // groups to load; the core clears it
    uint32_t activity;             // VCPU_ACTIVE, VCPU_HALTED; the core writes VCPU_ACTIVE when it wakes
    uint64_t deadline_tsc;         // host TSC; run returns VCPU_EXIT_DEADLINE then. NO_DEADLINE for none
    uint32_t exception_intercepts; // GROUP_INTERCEPT: bit per vector whose exception exits
    uint32_t apic_mode;            // GROUP_APIC: VCPU_APIC_*
    uint64_t wanted_memory;        // further groups wanted at VCPU_EXIT_MEMORY and VCPU_EXIT_IO with a string
    uint64_t wanted_other;         // at all other exits
    uint64_t apic_access; // GROUP_APIC: guest-physical address whose page stands for the APIC page, or NO_APIC_ACCESS
    uint64_t reserved2[2];
    // Posted: atomic, written by anybody with the page, taken by the core
    _Alignas(64) uint64_t pir[4]; // posted-interrupt requests, a bit per vector
    uint32_t posted;              // set (atomically, after pir) by who posts; then VCPU_KICK if it was clear
    uint32_t requests;            // VCPU_REQUEST_*
    uint64_t reserved3[3];
    // State
    _Alignas(64) uint64_t gpr[16]; // enum vcpu_gpr
    uint64_t rip, rflags;
    uint32_t interruptibility; // VCPU_SHADOW, VCPU_NMI_BLOCKED
    uint32_t cpl;
    uint64_t cr0, cr2, cr3, cr4, efer;
    uint64_t event;
    struct vcpu_segment segment[8]; // enum vcpu_segment_name
    struct vcpu_segment gdtr, idtr; // base and limit
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, pat;
    uint64_t dr6, dr7, dr[4];
    uint64_t tsc_offset; // guest TSC = host TSC + tsc_offset
    uint64_t xcr0;
    uint64_t pdpte[4]; // VT-x, PAE paging: what CR3 has loaded
};
_Static_assert(sizeof(struct vcpu_page) <= PAGE_SIZE, "vCPU page");
_Static_assert(offsetof(struct vcpu_page, dirty) == 64, "vCPU page: exit line");
_Static_assert(offsetof(struct vcpu_page, pir) == 128, "vCPU page: posted line");
_Static_assert(offsetof(struct vcpu_page, gpr) == 192, "vCPU page: registers");

// The APIC page is the virtual-APIC page of SDM 3C 32.1: TPR 080h, PPR 0A0h, ISR 100h, TMR 180h, IRR 200h. IRR and ISR
// are the core's while run is in the core (it moves pir to IRR, and IRR to ISR at injection), else the VMM's.

// ---- What the core tells init ---------------------------------------------------------------------------------------

#define BOOT_MEMORY_RANGES 64
#define BOOT_CPUS          64
enum boot_memory_kind {
    BOOT_MEMORY_FREE = 1,
    BOOT_MEMORY_RESERVED,
    BOOT_MEMORY_ACPI,
    BOOT_MEMORY_NVS,
    BOOT_MEMORY_KERNEL,
    BOOT_MEMORY_ARCHIVE
};

#define HOST_VENDOR_SVM 1u
#define HOST_VENDOR_VMX 2u

// Against speculative execution: what is in force, and what is open on this CPU
#define SPECULATION_IBPB          0x1u // at a change of domain
#define SPECULATION_IBRS          0x2u // SPEC_CTRL.IBRS, always
#define SPECULATION_AUTO_IBRS     0x4u
#define SPECULATION_STIBP         0x8u   // SPEC_CTRL.STIBP, always
#define SPECULATION_VERW          0x10u  // on each way out of the core
#define SPECULATION_L1D_FLUSH     0x20u  // at a change of domain
#define SPECULATION_SPEC_REDUCE   0x40u  // BP_CFG.BP_SPEC_REDUCE, always
#define SPECULATION_ZENBLEED      0x80u  // DE_CFG bit 9, always
#define SPECULATION_MCU_OPT       0x100u // what microcode does itself against SRBDS and GDS is left on
#define SPECULATION_LFENCE        0x200u // DE_CFG bit 1, always
#define SPECULATION_FOR_MDS       0x400u // what VERW helps against on this CPU
#define SPECULATION_FOR_TAA       0x800u
#define SPECULATION_FOR_MMIO      0x1000u
#define SPECULATION_FOR_RFDS      0x2000u
#define SPECULATION_FOR_TSA       0x4000u
#define SPECULATION_ASKED         0x8000u   // the option spec-ctrl wants some of it so
#define SPECULATION_OPEN_BRANCHES 0x10000u  // no IBPB: a domain may steer the branches of the next one
#define SPECULATION_OPEN_SIBLINGS 0x20000u  // no STIBP: likewise on the other thread of a core
#define SPECULATION_OPEN_RETURNS  0x40000u  // a guest may steer the core's returns
#define SPECULATION_OPEN_L1D      0x80000u  // L1TF, and no flush
#define SPECULATION_OPEN_SHARED   0x100000u // threads of a core can read each other's buffers and cache
#define SPECULATION_OPEN_MELTDOWN 0x200000u // user level, not a guest, can read the core's memory
#define SPECULATION_OPEN_MULTIHIT 0x400000u // a guest can stop the machine by changing page sizes
#define SPECULATION_OPEN_MDS      0x800000u // buffers leak, and no VERW that clears them
#define SPECULATION_OPEN_TAA      0x1000000u
#define SPECULATION_OPEN_MMIO     0x2000000u
#define SPECULATION_OPEN_RFDS     0x4000000u
#define SPECULATION_OPEN_TSA      0x8000000u

// A word of CPUID as far as all CPUs agree. Other words are told by each CPU for itself.
#define BOOT_FEATURES 14u
enum boot_register { BOOT_EAX, BOOT_EBX, BOOT_ECX, BOOT_EDX };
struct boot_feature {
    uint32_t leaf, subleaf;
    uint32_t reg;  // enum boot_register
    uint32_t bits; // that every CPU has
};
_Static_assert(sizeof(struct boot_feature) == 16, "boot information: features");

// Page at INIT_BOOT_INFO in init's space, read-only.
struct boot_info {
    uint32_t abi_version;
    uint32_t cpus;
    uint64_t tsc_hz;
    uint64_t archive_base, archive_size; // host-physical
    uint64_t rsdp;                       // host-physical, 0 if none
    uint64_t kernel_pool_bytes;
    uint64_t kernel_start_tsc; // TSC at kernel entry
    uint64_t quota_bytes;      // init's
    uint32_t vendor;           // HOST_VENDOR_*, 0: no hardware virtualization
    uint32_t has_iommu;
    char vendor_reason[128]; // what vendor support lacks, or why there is none
    char cpu_name[48];
    char command_line[256];
    uint8_t apic_id[BOOT_CPUS];
    uint32_t memory_ranges;
    uint32_t speculation; // SPECULATION_*
    struct {
        uint64_t base, size;
        uint32_t kind, node;
    } memory[BOOT_MEMORY_RANGES];
    uint64_t kept_log_base; // host-physical: a struct kept_log (lib/kept_log.h) for init, behind the core's own
    uint32_t cpu_signature; // CPUID leaf 1 EAX: family, model, stepping
    uint32_t microcode;     // revision, 0: the CPU does not say
    struct boot_feature features[BOOT_FEATURES];
};
_Static_assert(sizeof(struct boot_info) <= PAGE_SIZE, "boot information");

#define INIT_IMAGE     0x400000ull // init's image is linked here
#define INIT_BOOT_INFO 0x300000ull
#define INIT_MESSAGE   0x301000ull // its message buffer
#define INIT_STACK_TOP 0x2f0000ull // 64 KiB below, guard page under it

// HARDWARE_MAP_INFO: one page of struct core_info, then log_pages pages of log ring, trace_pages of trace ring, and
// last_log_pages of text: the log of the run before.
#define CORE_COUNTERS 64
struct core_info {
    uint32_t log_pages, trace_pages;
    uint64_t log_written;   // bytes ever written; the byte at position p is at p % (log_pages * 4096)
    uint64_t trace_written; // entries ever written
    uint64_t pool_pages, pool_used;
    uint64_t exits[VCPU_EXIT_COUNT + 8]; // exits to the VMM by reason, all CPUs
    uint64_t counters[CORE_COUNTERS];    // enum core_counter
    uint32_t last_log_pages;
    uint32_t last_log_end;   // enum kept_log_end of lib/kept_log.h: how the run before has ended
    uint64_t last_log_bytes; // 0: nothing is known of it
};
_Static_assert(sizeof(struct core_info) <= PAGE_SIZE, "core information");

enum core_counter {
    COUNTER_EXIT_TOTAL,
    COUNTER_EXIT_INTERRUPT,
    COUNTER_INJECT_INTERRUPT,
    COUNTER_INJECT_EVENT,
    COUNTER_WINDOW,
    COUNTER_HALT,
    COUNTER_SWITCH,
    COUNTER_CALL,
    COUNTER_SYSCALL,
    COUNTER_IPI,
    COUNTER_SHOOTDOWN,
    COUNTER_FAULT,
    COUNTER_GUEST_TSC, // TSC ticks that guests have run, from entry to exit
    COUNTER_GUEST_TLB, // times that a guest's translations were forgotten
    COUNTER_BARRIER    // changes of domain on a CPU
};

struct trace_entry {
    uint64_t tsc;
    uint16_t event, cpu;
    uint32_t a;
    uint64_t b, c;
};

// Log: bytes of UTF-8 lines. A line of the core starts with "[seconds.micro] ".
