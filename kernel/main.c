// From the boot loader to the first thread.
#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/barrier.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/features.h"
#include "kernel/init.h"
#include "kernel/instructions.h"
#include "kernel/interrupt.h"
#include "kernel/last_log.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/multiboot.h"
#include "kernel/panic.h"
#include "kernel/scheduler.h"
#include "kernel/start.h"
#include "kernel/vendor.h"
#include "lib/string.h"

static struct boot_info info;
static struct acpi_machine machine;
static struct cpu boot_cpu; // until the pool is there

static void read_cpu_name(void) {
    if (cpuid(0x80000000, 0).eax < 0x80000004)
        return;
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid part = cpuid(0x80000002 + i, 0);
        memcpy(info.cpu_name + 16 * i, &part, sizeof(part));
    }
    info.cpu_name[sizeof(info.cpu_name) - 1] = 0;
}

// The legacy 8259s would deliver their spurious interrupts at exception vectors: masks them all.
static void mask_8259(void) {
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

static void start_vendor(void) {
    vendor_detect();
    vendor_start(cpu_self());
    info.vendor = vendor ? vendor->id : 0;
    memcpy(info.vendor_reason, vendor_reason, sizeof(info.vendor_reason));
    log_print("%s%s%s", vendor ? vendor->name : "no hardware virtualization: ", vendor && *vendor_reason ? ": " : "",
              vendor_reason);
}

_Noreturn void kernel_main(uint32_t magic, uint32_t multiboot_info) {
    kernel_start_tsc = rdtsc();
    boot_cpu.self = &boot_cpu;
    wrmsr(MSR_GS_BASE, (uint64_t)(uintptr_t)&boot_cpu);
    core_info.log_pages = core_info.last_log_pages = KEPT_LOG_PAGES;
    core_info.trace_pages = INFO_TRACE_PAGES;
    log_print("Bulkhead");
    if (magic != MULTIBOOT2_MAGIC)
        PANIC("started by something else than a Multiboot 2 loader (EAX %#x)", magic);
    struct acpi_root root = {0};
    multiboot_read(multiboot_info, &info, &root);
    panic_init(info.command_line);
    info.rsdp = acpi_read(root, &machine);
    cpu_start_copy_trampoline();
    features_note();
    cpu_detect_features(info.command_line);
    last_log_init(&info);
    memory_init(&info);
    struct cpu *cpu = cpu_create(0, 0);
    ASSERT(cpu);
    cpus[0] = cpu;
    cpu_count = 1;
    cpu_init_self(cpu);
    cpu->apic_id = lapic_id();
    mask_8259();
    for (uint32_t i = 0; i < machine.ioapics; i++)
        ioapic_add(machine.ioapic[i].hpa, machine.ioapic[i].gsi_base);
    clock_calibrate(&machine);
    read_cpu_name();
    lock_acquire_kernel();
    start_vendor();
    cpu_start_others(&machine);
    info.abi_version = ABI_VERSION;
    info.cpus = cpu_count;
    info.cpu_signature = host.signature;
    info.microcode = host.microcode;
    info.speculation = barrier_report();
    features_list(info.features);
    for (uint32_t i = 0; i < cpu_count; i++)
        info.apic_id[i] = (uint8_t)cpus[i]->apic_id;
    info.tsc_hz = tsc_hz;
    info.kernel_start_tsc = kernel_start_tsc;
    init_create(&info);
    cpu->slice_start_tsc = rdtsc();
    scheduler_dispatch();
}
