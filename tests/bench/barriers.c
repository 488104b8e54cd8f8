// A plugin of QEMU's TCG that counts what the core does against speculative execution, and each way out of it (into a
// guest, to user level, into HLT) that VERW does not come right before.
//
// Argument: out=FILE, JSON at QEMU's end: {"verw": N, "vmrun": N, ..., "vmrun_uncleared": N, ...}.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

int qemu_plugin_version = 1;

#define KERNEL_BASE 0xffffffff80000000u
#define CPUS        8u

enum kind { WAY_VMRUN, WAY_SYSRET, WAY_IRET, WAY_HLT, WAYS, VERW = WAYS, SPEC_CTRL, IBPB, L1D_FLUSH, KINDS };

static const char *const names[] = {"vmrun", "sysret", "iret", "hlt", "verw", "spec_ctrl", "ibpb", "l1d_flush"};

static uint64_t counts[KINDS], uncleared[WAYS];
static bool cleared[CPUS];
static const char *out_path;

static void on_kind(unsigned vcpu, void *data) {
    uintptr_t kind = (uintptr_t)data;
    __atomic_fetch_add(&counts[kind], 1, __ATOMIC_RELAXED);
    if (kind < WAYS && !cleared[vcpu % CPUS])
        __atomic_fetch_add(&uncleared[kind], 1, __ATOMIC_RELAXED);
    cleared[vcpu % CPUS] = kind == VERW;
}

// Right before: nothing is called between VERW and the way out, nor returned from.
static void on_call(unsigned vcpu, void *data) {
    (void)data;
    cleared[vcpu % CPUS] = false;
}

static bool is(const uint8_t *bytes, size_t count, const char *instruction) {
    return count == strlen(instruction) && memcmp(bytes, instruction, count) == 0;
}

// The MSR that the instruction at INDEX of a block writes: the last constant that the block has put into ECX, which is
// how the compiler does it.
static uint32_t msr_of(const struct qemu_plugin_tb *tb, size_t index) {
    uint32_t msr = 0;
    for (size_t i = 0; i < index; i++) {
        const uint8_t *bytes = qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i));
        if (bytes[0] == 0xb9)
            memcpy(&msr, bytes + 1, sizeof msr);
    }
    return msr;
}

static enum kind kind_of(const struct qemu_plugin_tb *tb, size_t index) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, index);
    const uint8_t *bytes = qemu_plugin_insn_data(insn), *host = qemu_plugin_insn_haddr(insn);
    size_t count = qemu_plugin_insn_size(insn);
    if (is(bytes, count, "\x0f\x01\xd8"))
        return WAY_VMRUN;
    if (is(bytes, count, "\x48\x0f\x07"))
        return WAY_SYSRET;
    if (is(bytes, count, "\x48\xcf") && memcmp(host - 3, "\x0f\x01\xf8", 3) == 0)
        return WAY_IRET; // behind SWAPGS, so not within the core
    if (is(bytes, count, "\xf4"))
        return WAY_HLT;
    if (count == 9 && memcmp(bytes, "\x65\x0f\x00\x2c", 4) == 0) // with a word of memory, of the segment GS
        return VERW;
    uint32_t msr = is(bytes, count, "\x0f\x30") ? msr_of(tb, index) : 0;
    return msr == 0x48 ? SPEC_CTRL : msr == 0x49 ? IBPB : msr == 0x10b ? L1D_FLUSH : KINDS;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint8_t first = *(const uint8_t *)qemu_plugin_insn_data(insn);
        if (qemu_plugin_insn_vaddr(insn) < KERNEL_BASE)
            continue;
        enum kind kind = kind_of(tb, i);
        if (kind != KINDS)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_kind, NO_REGISTERS, (void *)(uintptr_t)kind);
        else if (first == 0xe8 || first == 0xc3)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_call, NO_REGISTERS, NULL);
    }
}

static void on_end(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    FILE *file = fopen(out_path, "w");
    if (!file) {
        fprintf(stderr, "barriers: %s cannot be written\n", out_path);
        return;
    }
    fputc('{', file);
    for (unsigned i = 0; i < KINDS; i++)
        fprintf(file, "%s\"%s\": %" PRIu64, i ? ", " : "", names[i], counts[i]);
    for (unsigned i = 0; i < WAYS; i++)
        fprintf(file, ", \"%s_uncleared\": %" PRIu64, names[i], uncleared[i]);
    fputs("}\n", file);
    fclose(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_plugin_info *info, int argc, char **argv) {
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0)
        return fprintf(stderr, "barriers: the argument is out=FILE\n");
    out_path = strdup(argv[0] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
