// Descriptor tables, features and requests of CPUs.
#include "kernel/cpu.h"
#include "kernel/apic.h"
#include "kernel/barrier.h"
#include "kernel/features.h"
#include "kernel/instructions.h"
#include "kernel/interrupt.h"
#include "kernel/log.h"
#include "kernel/machine_check.h"
#include "kernel/memory.h"
#include "kernel/memory_type.h"
#include "kernel/object.h"
#include "kernel/panic.h"
#include "kernel/space.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "kernel/vendor.h"
#include "lib/string.h"

_Static_assert(offsetof(struct cpu, current) == 8, "entry.asm: CPU_CURRENT");
_Static_assert(offsetof(struct cpu, stack_top) == 16, "entry.asm: CPU_STACK");
_Static_assert(offsetof(struct cpu, scratch) == 24, "entry.asm: CPU_SCRATCH");
_Static_assert(offsetof(struct cpu, data_selector) == 32, "barrier.c: VERW");

#define TSS_BUSY          (2ull << 40)
#define STACK_PAGES       4u
#define IST_PAGES         2u
#define XSAVE_LEGACY_SIZE 576u // with the header (SDM 1 13.4)

struct cpu *cpus[CPUS_MAX];
uint32_t cpu_count;
struct host_features host;

extern char interrupt_stubs[];
extern char *const clac_places[], *const clac_places_end[];
void syscall_entry(void);

static struct idt_gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
} idt[256];

// The image can still be written.
static void write_clac(void) {
    static const uint8_t clac[] = {0x0f, 0x01, 0xca};
    for (char *const *place = clac_places; place != clac_places_end; place++)
        memcpy(*place, clac, sizeof(clac));
}

// SDM 3A 10.11.7.1: Intel's revision is there after a CPUID, in the upper half. AMD's is in the lower.
static void read_revision(bool intel) {
    if (intel)
        wrmsr(MSR_MICROCODE, 0);
    host.signature = cpuid(1, 0).eax;
    uint64_t revision = rdmsr(MSR_MICROCODE);
    host.microcode = revision >> 32 ? (uint32_t)(revision >> 32) : (uint32_t)revision;
}

void cpu_detect_features(const char *command_line) {
    struct cpuid one = cpuid(1, 0), seven = cpuid(7, 0);
    host.x2apic = (one.ecx & 1u << 21) != 0;
    host.tsc_deadline = (one.ecx & 1u << 24) != 0;
    host.xsave = (one.ecx & 1u << 26) != 0;
    host.smep = (seven.ebx & 1u << 7) != 0;
    host.smap = (seven.ebx & 1u << 20) != 0;
    host.umip = (seven.ecx & 1u << 2) != 0;
    bool intel = cpuid(0, 0).ebx == 0x756e6547; // Genu(ineIntel)
    host.x87_pointers_stay = !intel && !(cpuid(0x80000008, 0).ebx & 1u << 2);
    read_revision(intel);
    if (host.smap)
        write_clac();
    barrier_detect(command_line);
    host.pages_1g = (cpuid(0x80000001, 0).edx & 1u << 26) != 0;
    if (!host.xsave)
        return;
    struct cpuid d = cpuid(0xd, 0);
    host.xcr0 = features_xcr0(d.eax);
    host.xss = (cpuid(0xd, 1).eax & 1u << 3) != 0;
    host.xsave_size = XSAVE_LEGACY_SIZE;
    for (uint32_t component = 2; component < 32; component++)
        if (host.xcr0 & 1ull << component) {
            struct cpuid area = cpuid(0xd, component);
            host.xsave_size = area.eax + area.ebx > host.xsave_size ? area.eax + area.ebx : host.xsave_size;
        }
    ASSERT(host.xsave_size <= PAGE_SIZE);
}

struct cpu *cpu_create(uint32_t id, uint32_t apic_id) {
    struct cpu *cpu = pages_allocate(NULL, (sizeof(struct cpu) + PAGE_SIZE - 1) / PAGE_SIZE);
    if (!cpu)
        return NULL;
    cpu->self = cpu;
    cpu->id = id;
    cpu->apic_id = apic_id;
    cpu->data_selector = SELECTOR_KERNEL_DATA;
    cpu->armed_tsc = NO_DEADLINE;
    list_init(&cpu->run_queue);
    list_init(&cpu->timeouts);
    cpu->stack_top = (uint64_t)(uintptr_t)memory_map_stack(STACK_PAGES);
    for (unsigned i = 0; i < 3; i++) {
        void *top = memory_map_stack(IST_PAGES);
        if (!top)
            return NULL;
        cpu->tss.ist[i] = (uint64_t)(uintptr_t)top;
    }
    return cpu->stack_top ? cpu : NULL;
}

bool cpu_stack_holds(const struct cpu *cpu, uint64_t address) {
    const uint64_t stack = STACK_PAGES * PAGE_SIZE, ist = IST_PAGES * PAGE_SIZE, last = address + sizeof(uint64_t) - 1;
    bool held = cpu->stack_top - stack <= address && last < cpu->stack_top;
    for (unsigned i = 0; i < 3; i++)
        held = held || (cpu->tss.ist[i] - ist <= address && last < cpu->tss.ist[i]);
    return held;
}

static void idt_init(void) {
    for (unsigned v = 0; v < 256; v++) {
        uint64_t entry = (uint64_t)(uintptr_t)interrupt_stubs + 16 * v;
        uint8_t ist = v == 2 ? 1 : v == 8 ? 2 : v == 18 ? 3 : 0;
        idt[v] = (struct idt_gate){(uint16_t)entry,         SELECTOR_KERNEL_CODE,    ist, 0x8e,
                                   (uint16_t)(entry >> 16), (uint32_t)(entry >> 32), 0};
    }
}

static void load_tables(struct cpu *cpu) {
    uint64_t tss = (uint64_t)(uintptr_t)&cpu->tss, limit = sizeof(struct tss) - 1;
    cpu->gdt[1] = 0x00af9b000000ffff; // kernel code
    cpu->gdt[2] = 0x00cf93000000ffff; // kernel data
    cpu->gdt[3] = 0x00cff3000000ffff; // user data
    cpu->gdt[4] = 0x00affb000000ffff; // user code
    cpu->gdt[5] = limit | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
    cpu->gdt[6] = tss >> 32;
    cpu->tss.io_map_base = IO_MAP_NONE;
    cpu->tss.io_map[8192] = 0xff;
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } gdtr = {sizeof(cpu->gdt) - 1, (uint64_t)(uintptr_t)cpu->gdt}, idtr = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdtr), "m"(idtr), "r"(SELECTOR_TSS));
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1: mov %1, %%ds; mov %1, %%es; mov %1, %%ss;"
                     "mov %2, %%fs; mov %2, %%gs"
                     :
                     : "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "r"(0)
                     : "rax", "memory");
}

void cpu_load_tss(struct cpu *cpu) {
    cpu->gdt[SELECTOR_TSS / 8] &= ~TSS_BUSY;
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
    cpu->tss_cut = false;
}

void cpu_init_self(struct cpu *cpu) {
    if (!idt[0].type)
        idt_init();
    load_tables(cpu);
    wrmsr(MSR_GS_BASE, (uint64_t)(uintptr_t)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    wrmsr(MSR_FS_BASE, 0);
    wrmsr(MSR_SYSENTER_CS, 0); // SYSENTER faults
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
    wrmsr(MSR_STAR, (uint64_t)(SELECTOR_USER_DATA - 8) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    wrmsr(MSR_LSTAR, (uint64_t)(uintptr_t)syscall_entry);
    wrmsr(MSR_SFMASK, 0x47700); // TF IF DF IOPL NT AC
    // The loader's bits stay but for FSGSBASE: with it user level could pass for the core in paranoid_common.
    uint64_t cr4 = (read_cr4() & ~CR4_FSGSBASE) | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= (host.smep ? CR4_SMEP : 0) | (host.smap ? CR4_SMAP : 0) | (host.umip ? CR4_UMIP : 0);
    cr4 |= host.xsave ? CR4_OSXSAVE : 0;
    write_cr4(cr4);
    write_cr0((read_cr0() | CR0_WP) & ~CR0_TS);
    write_dr7(DR7_FIXED); // no breakpoint of a guest or the loader fires in the core
    if (host.xsave)
        xsetbv0(host.xcr0);
    if (host.xss)
        wrmsr(MSR_XSS, 0); // XSAVES of a guest saves no more than XSAVE
    barrier_init_self();
    memory_type_init_self(cpu->id);
    lapic_init_self();
    machine_check_init_self();
}

void cpu_notify(struct cpu *cpu) {
    count(COUNTER_IPI);
    lapic_send(cpu->apic_id, VECTOR_NOTIFY);
}

void cpu_load_space(struct space *space) {
    cpu_self()->loaded = space;
    write_cr3(space ? space->root_hpa : kernel_root_hpa);
}

void cpu_answer_requests(void) {
    struct cpu *cpu = cpu_self();
    if (!__atomic_load_n(&cpu->unload_request, __ATOMIC_ACQUIRE))
        return;
    cpu_load_space(NULL);
    if (cpu->release_request)
        VENDOR(release, cpu->release_request);
    cpu->release_request = NULL;
    __atomic_store_n(&cpu->unload_request, 0, __ATOMIC_RELEASE);
}

// Makes a CPU leave guest and address space; it goes on only when it gets the kernel lock.
static void unload(struct cpu *cpu) {
    __atomic_store_n(&cpu->unload_request, 1, __ATOMIC_RELEASE);
    cpu_notify(cpu);
    while (__atomic_load_n(&cpu->unload_request, __ATOMIC_ACQUIRE)) {
        uint32_t aborted = 0;
        if (vendor)
            VENDOR_RESULT(aborted =, aborted, cpu);
        if (aborted)
            PANIC("CPU %u has shut down as it came back from a guest: VMX abort %u", cpu->id, aborted);
        cpu_relax();
    }
}

void cpu_release_vcpu(struct cpu *cpu, struct vcpu *vcpu) {
    cpu->release_request = vcpu;
    unload(cpu);
}

void cpu_unload_everywhere(const struct space *space) {
    for (uint32_t i = 0; i < cpu_count; i++) {
        struct cpu *cpu = cpus[i];
        bool in_guest = space->use == SPACE_GUEST && __atomic_load_n(&cpu->running_guest, __ATOMIC_ACQUIRE) &&
                        cpu->guest_loaded && cpu->guest_loaded->guest == space;
        if (cpu == cpu_self()) {
            if (cpu->loaded == space)
                cpu_load_space(NULL);
        } else if (cpu->loaded == space || in_guest) {
            unload(cpu);
        }
    }
}

void cpu_stop_current(struct cpu *cpu) {
    unload(cpu);
    cpu->current = NULL;
}

void cpu_forget_others(void) {
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i] != cpu_self()) {
            cpus[i]->loaded = NULL;
            cpus[i]->running_guest = 0;
            cpus[i]->current = NULL;
        }
}
