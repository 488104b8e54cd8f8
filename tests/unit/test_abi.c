// docs/abi.md and kernel/abi.h say the same: every row of a table of the one is a constant or field of the other.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/abi.h"

#define C(name)                                                                                                        \
    { #name, (int64_t)(name), 0 }
#define F(structure, field)                                                                                            \
    { #structure, #field, offsetof(struct structure, field), sizeof(((struct structure *)0)->field), 0 }
#define S(structure)                                                                                                   \
    { #structure, sizeof(struct structure), 0 }

// clang-format off
static struct {
    const char *name;
    int64_t value;
    unsigned seen;
} constants[] = {
    C(OK), C(ERROR_SYSCALL), C(ERROR_CAPABILITY), C(ERROR_RIGHTS), C(ERROR_ARGUMENT), C(ERROR_BUSY),
    C(ERROR_MEMORY), C(ERROR_TIMEOUT), C(ERROR_GONE), C(ERROR_SPLIT), C(ERROR_ABSENT), C(ERROR_FEATURE),
    C(RIGHT_CONTROL), C(RIGHT_USE), C(RIGHT_GRANT), C(RIGHT_ALL), C(SYS_CALL), C(SYS_REPLY_WAIT), C(SYS_RUN),
    C(SYS_CREATE_PD), C(SYS_CREATE_SPACE), C(SYS_CREATE_THREAD), C(SYS_CREATE_PORTAL), C(SYS_CREATE_SEMAPHORE),
    C(SYS_CREATE_PAGE), C(SYS_CREATE_VCPU), C(SYS_DESTROY), C(SYS_DELEGATE), C(SYS_THREAD_CONTROL),
    C(SYS_SEMAPHORE_CONTROL), C(SYS_PD_CONTROL), C(SYS_VCPU_CONTROL), C(SYS_HARDWARE_CONTROL),
    C(SYS_ASSIGN_INTERRUPT), C(WAIT_NO_REPLY), C(WAIT_NO_CALL), C(WAIT_MESSAGE), C(WAIT_EVENTS),
    C(SELECTOR_FIRST_FREE), C(DELEGATE_READ), C(DELEGATE_WRITE), C(DELEGATE_EXECUTE), C(DELEGATE_MEMORY),
    C(DELEGATE_PORT), C(DELEGATE_CAPABILITY), C(DELEGATE_WRITE_BACK), C(DELEGATE_UNCACHED), C(DELEGATE_OWN),
    C(THREAD_START), C(THREAD_SET_PRIORITY), C(THREAD_SET_CPU), C(THREAD_SET_FS_BASE), C(THREAD_SIGNAL),
    C(THREAD_PAUSE), C(THREAD_RESUME), C(THREAD_GET), C(SEMAPHORE_UP), C(SEMAPHORE_DOWN), C(SEMAPHORE_TAKE),
    C(SEMAPHORE_ACK), C(PD_GET), C(PD_GET_FAULT), C(PD_EXIT), C(PD_SET_SCHEDULE), C(PD_LOOKUP), C(VCPU_POKE),
    C(VCPU_KICK), C(VCPU_FETCH), C(HARDWARE_MAP_INFO), C(HARDWARE_RELEASE_UART), C(HARDWARE_STOP), C(HARDWARE_PANIC),
    C(INTERRUPT_LEVEL), C(INTERRUPT_ACTIVE_LOW), C(INTERRUPT_MSI), C(THREAD_STATE_RUNNABLE),
    C(THREAD_STATE_BLOCKED), C(THREAD_STATE_PAUSED), C(THREAD_STATE_DEAD), C(PD_FAULT_EXIT), C(GROUP_GPR),
    C(GROUP_RIP), C(GROUP_CONTROL), C(GROUP_CS_SS), C(GROUP_SEGMENT), C(GROUP_TABLE), C(GROUP_MSR), C(GROUP_DEBUG),
    C(GROUP_TSC), C(GROUP_EVENT), C(GROUP_INTERCEPT), C(GROUP_XCR0), C(GROUP_APIC), C(VCPU_EXIT_POKE), C(VCPU_EXIT_EVENTS),
    C(VCPU_EXIT_DEADLINE), C(VCPU_EXIT_EXTINT), C(VCPU_EXIT_CPUID), C(VCPU_EXIT_HLT), C(VCPU_EXIT_IO),
    C(VCPU_EXIT_RDMSR), C(VCPU_EXIT_WRMSR), C(VCPU_EXIT_MEMORY), C(VCPU_EXIT_CR), C(VCPU_EXIT_EXCEPTION),
    C(VCPU_EXIT_SHUTDOWN), C(VCPU_EXIT_VMCALL), C(VCPU_EXIT_XSETBV), C(VCPU_EXIT_WBINVD), C(VCPU_EXIT_PAUSE),
    C(VCPU_EXIT_MWAIT), C(VCPU_EXIT_VIRTUALIZATION), C(VCPU_EXIT_TASK_SWITCH), C(VCPU_EXIT_RDPMC),
    C(VCPU_EXIT_INVALID), C(VCPU_EXIT_EOI), C(VCPU_EXIT_APIC_WRITE), C(VCPU_ACTIVE), C(VCPU_HALTED), C(VCPU_SHADOW), C(VCPU_NMI_BLOCKED),
    C(VCPU_REQUEST_EXTINT), C(VCPU_FEATURE_APIC_ACCESS), C(VCPU_APIC_DISABLED), C(VCPU_APIC_XAPIC), C(VCPU_APIC_X2APIC), C(VCPU_REQUEST_NMI), C(SELECTOR_NULL), C(SELECTOR_SELF), C(SELECTOR_THREAD),
    C(SELECTOR_MEMORY), C(SELECTOR_PORTS), C(SELECTOR_HARDWARE), C(INIT_IMAGE), C(INIT_BOOT_INFO), C(INIT_MESSAGE),
    C(INIT_STACK_TOP), C(ABI_VERSION), C(BOOT_MEMORY_FREE), C(BOOT_MEMORY_RESERVED), C(BOOT_MEMORY_ACPI),
    C(BOOT_MEMORY_NVS), C(BOOT_MEMORY_KERNEL), C(BOOT_MEMORY_ARCHIVE), C(HOST_VENDOR_SVM), C(HOST_VENDOR_VMX), C(SPECULATION_IBPB), C(SPECULATION_IBRS), C(SPECULATION_AUTO_IBRS), C(SPECULATION_STIBP), C(SPECULATION_VERW), C(SPECULATION_L1D_FLUSH), C(SPECULATION_SPEC_REDUCE), C(SPECULATION_ZENBLEED), C(SPECULATION_MCU_OPT), C(SPECULATION_LFENCE), C(SPECULATION_FOR_MDS), C(SPECULATION_FOR_TAA), C(SPECULATION_FOR_MMIO), C(SPECULATION_FOR_RFDS), C(SPECULATION_FOR_TSA), C(SPECULATION_ASKED), C(SPECULATION_OPEN_BRANCHES), C(SPECULATION_OPEN_SIBLINGS), C(SPECULATION_OPEN_RETURNS), C(SPECULATION_OPEN_L1D), C(SPECULATION_OPEN_SHARED), C(SPECULATION_OPEN_MELTDOWN), C(SPECULATION_OPEN_MULTIHIT), C(SPECULATION_OPEN_MDS), C(SPECULATION_OPEN_TAA), C(SPECULATION_OPEN_MMIO), C(SPECULATION_OPEN_RFDS), C(SPECULATION_OPEN_TSA),
    C(COUNTER_EXIT_TOTAL), C(COUNTER_EXIT_INTERRUPT), C(COUNTER_INJECT_INTERRUPT), C(COUNTER_INJECT_EVENT),
    C(COUNTER_WINDOW), C(COUNTER_HALT), C(COUNTER_SWITCH), C(COUNTER_CALL), C(COUNTER_SYSCALL), C(COUNTER_IPI),
    C(COUNTER_SHOOTDOWN), C(COUNTER_FAULT), C(COUNTER_GUEST_TSC), C(COUNTER_GUEST_TLB), C(COUNTER_BARRIER), C(MESSAGE_WORDS), C(USER_TOP), C(BOOT_CPUS),
    C(BOOT_MEMORY_RANGES), C(BOOT_FEATURES), C(BOOT_EAX), C(BOOT_EBX), C(BOOT_ECX), C(BOOT_EDX),
};

static struct {
    const char *structure, *name;
    size_t offset, bytes;
    unsigned seen;
} fields[] = {
    F(message_buffer, badge), F(message_buffer, words), F(message_buffer, events), F(message_buffer, data),
    F(message_buffer, result),
    F(thread_statistics, run_tsc), F(thread_statistics, cpu), F(thread_statistics, state), F(thread_statistics, exits),
    F(pd_statistics, quota_bytes), F(pd_statistics, used_bytes), F(pd_statistics, threads), F(pd_statistics, run_tsc),
    F(pd_statistics, capabilities),
    F(pd_fault, vector), F(pd_fault, error_code), F(pd_fault, address), F(pd_fault, exit_status), F(pd_fault, rip),
    F(pd_fault, rsp), F(pd_fault, rflags), F(pd_fault, gpr),
    F(vcpu_page, exit_reason), F(vcpu_page, instruction_length), F(vcpu_page, qualification), F(vcpu_page, gpa),
    F(vcpu_page, exit_gva), F(vcpu_page, next_rip), F(vcpu_page, valid), F(vcpu_page, exits), F(vcpu_page, dirty),
    F(vcpu_page, activity), F(vcpu_page, deadline_tsc), F(vcpu_page, exception_intercepts), F(vcpu_page, apic_mode), F(vcpu_page, features), F(vcpu_page, apic_access),
    F(vcpu_page, wanted_memory), F(vcpu_page, wanted_other), F(vcpu_page, pir), F(vcpu_page, posted),
    F(vcpu_page, requests), F(vcpu_page, gpr), F(vcpu_page, rip), F(vcpu_page, rflags), F(vcpu_page, interruptibility),
    F(vcpu_page, cpl), F(vcpu_page, cr0), F(vcpu_page, cr2), F(vcpu_page, cr3), F(vcpu_page, cr4), F(vcpu_page, efer),
    F(vcpu_page, event), F(vcpu_page, segment), F(vcpu_page, gdtr), F(vcpu_page, idtr), F(vcpu_page, star),
    F(vcpu_page, lstar), F(vcpu_page, cstar), F(vcpu_page, sfmask), F(vcpu_page, kernel_gs_base),
    F(vcpu_page, sysenter_cs), F(vcpu_page, sysenter_esp), F(vcpu_page, sysenter_eip), F(vcpu_page, pat),
    F(vcpu_page, dr6), F(vcpu_page, dr7), F(vcpu_page, dr), F(vcpu_page, tsc_offset), F(vcpu_page, xcr0),
    F(vcpu_page, pdpte),
    F(vcpu_segment, selector), F(vcpu_segment, attributes), F(vcpu_segment, limit), F(vcpu_segment, base),
    F(boot_info, abi_version), F(boot_info, cpus), F(boot_info, tsc_hz), F(boot_info, archive_base),
    F(boot_info, archive_size), F(boot_info, rsdp), F(boot_info, kernel_pool_bytes), F(boot_info, kernel_start_tsc),
    F(boot_info, quota_bytes), F(boot_info, vendor), F(boot_info, has_iommu), F(boot_info, speculation), F(boot_info, vendor_reason),
    F(boot_info, cpu_name), F(boot_info, command_line), F(boot_info, apic_id), F(boot_info, memory_ranges),
    F(boot_info, memory), F(boot_info, kept_log_base), F(boot_info, cpu_signature), F(boot_info, microcode), F(boot_info, features),
    F(boot_feature, leaf), F(boot_feature, subleaf), F(boot_feature, reg), F(boot_feature, bits),
    F(core_info, log_pages), F(core_info, trace_pages), F(core_info, log_written), F(core_info, trace_written),
    F(core_info, pool_pages), F(core_info, pool_used), F(core_info, exits), F(core_info, counters), F(core_info, last_log_pages), F(core_info, last_log_end), F(core_info, last_log_bytes),
    F(trace_entry, tsc), F(trace_entry, event), F(trace_entry, cpu), F(trace_entry, a), F(trace_entry, b),
    F(trace_entry, c),
};

static struct {
    const char *name;
    size_t bytes;
    unsigned seen;
} structures[] = {
    S(message_buffer), S(thread_statistics), S(pd_statistics), S(pd_fault), S(vcpu_page), S(vcpu_segment),
    S(boot_info), S(boot_feature), S(core_info), S(trace_entry),
};
// clang-format on

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check_constant(unsigned line, const char *name, int64_t value) {
    for (unsigned i = 0; i < COUNT(constants); i++)
        if (strcmp(constants[i].name, name) == 0) {
            constants[i].seen++;
            if (constants[i].value != value)
                fail_msg("docs/abi.md:%u: %s is %lld", line, name, (long long)constants[i].value);
            return;
        }
    fail_msg("docs/abi.md:%u: %s is no constant that this test knows", line, name);
}

static void check_field(unsigned line, const char *structure, const char *name, size_t offset, size_t bytes) {
    for (unsigned i = 0; i < COUNT(fields); i++)
        if (strcmp(fields[i].structure, structure) == 0 && strcmp(fields[i].name, name) == 0) {
            fields[i].seen++;
            if (fields[i].offset != offset || fields[i].bytes != bytes)
                fail_msg("docs/abi.md:%u: %s.%s has offset %zu, %zu bytes", line, structure, name, fields[i].offset,
                         fields[i].bytes);
            return;
        }
    fail_msg("docs/abi.md:%u: struct %s has no field %s that this test knows", line, structure, name);
}

static void check_structure(unsigned line, const char *name, size_t bytes) {
    for (unsigned i = 0; i < COUNT(structures); i++)
        if (strcmp(structures[i].name, name) == 0) {
            structures[i].seen++;
            if (structures[i].bytes != bytes)
                fail_msg("docs/abi.md:%u: struct %s has %zu bytes", line, name, structures[i].bytes);
            return;
        }
    fail_msg("docs/abi.md:%u: struct %s is none that this test knows", line, name);
}

static void check_line(unsigned number, const char *line, char *structure) {
    char name[64];
    size_t bytes;
    unsigned long long offset;
    if (sscanf(line, "### struct %63[a-z_], %zu bytes", structure, &bytes) == 2)
        check_structure(number, structure, bytes);
    else if (sscanf(line, "| %llu | %zu | `%63[a-z_0-9]` |", &offset, &bytes, name) == 3)
        check_field(number, structure, name, offset, bytes);
    else if (sscanf(line, "| %*[-0-9a-fx] | `%63[A-Z_0-9]` |", name) == 1)
        // Values beyond 2^63 stand as hexadecimal numbers, negative ones with their sign.
        check_constant(number, name,
                       line[2] == '-' ? strtoll(line + 2, NULL, 0) : (int64_t)strtoull(line + 2, NULL, 0));
}

static void document_and_header_agree(void **state) {
    (void)state;
    const char *root = getenv("SOURCE_ROOT");
    char path[1024], line[2048], structure[64] = "";
    snprintf(path, sizeof(path), "%s/docs/abi.md", root ? root : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (unsigned number = 1; fgets(line, sizeof(line), file); number++)
        check_line(number, line, structure);
    fclose(file);
    for (unsigned i = 0; i < COUNT(constants); i++)
        if (constants[i].seen != 1)
            fail_msg("docs/abi.md says %u times what %s is", constants[i].seen, constants[i].name);
    for (unsigned i = 0; i < COUNT(fields); i++)
        if (fields[i].seen != 1)
            fail_msg("docs/abi.md says %u times where %s.%s is", fields[i].seen, fields[i].structure, fields[i].name);
    for (unsigned i = 0; i < COUNT(structures); i++)
        if (structures[i].seen != 1)
            fail_msg("docs/abi.md says %u times how large struct %s is", structures[i].seen, structures[i].name);
}

// Enumerations without a gap: one more constant in the header shows here.
static void enumerations_are_complete(void **state) {
    (void)state;
    unsigned calls = 0, exits = 0;
    for (unsigned i = 0; i < COUNT(constants); i++) {
        calls += strncmp(constants[i].name, "SYS_", 4) == 0;
        exits += strncmp(constants[i].name, "VCPU_EXIT_", 10) == 0;
    }
    assert_int_equal(calls, SYS_COUNT);
    assert_int_equal(exits, VCPU_EXIT_COUNT);
}

// What no table says.
static void pages_and_lines(void **state) {
    (void)state;
    assert_int_equal(sizeof(((struct boot_info *)0)->memory[0]), 24);
    assert_int_equal(offsetof(struct vcpu_page, pir) % 64, 0);
    assert_int_equal(offsetof(struct vcpu_page, gpr) % 64, 0);
    assert_true(INTERRUPT_GSI(0xffff) == 0xffff && INTERRUPT_LEVEL > 0xffff);
    assert_true(DELEGATE_ORDER(18) == 18 << 8);
    assert_true(SCHEDULE(255, 65535, 6400) == (6400ull << 32 | 65535ull << 16 | 255));
    assert_int_equal(VCPU_IO_BYTES(0x10), 1);
    assert_int_equal(VCPU_IO_PORT(0x3f80000), 0x3f8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_and_header_agree),
        cmocka_unit_test(enumerations_are_complete),
        cmocka_unit_test(pages_and_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
