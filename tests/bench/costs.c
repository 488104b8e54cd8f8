// A plugin of QEMU's TCG that counts what the host executes for its guests: instructions that cost more than others on
// a real machine, which -icount prices alike. It tells host from guest by VMRUN and what follows it.
//
// What is counted lies between two VMRUNs. A guest may say what it measures: the instruction NOP [RAX+BEGIN] begins the
// next section, NOP [RAX+END] ends it; they mean nothing to any machine. Section 0 is all that is in no other.
//
// Arguments: out=FILE, JSON at QEMU's end: {"sections": [{"vmrun": 1, ...}]}; profile=FILE, lines
// "SECTION ADDRESS COUNT", for each instruction of the host in sections but 0.
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

int qemu_plugin_version = 1;

// ---- What is counted

#define CLASSES(X)                                                                                                     \
    X(vmrun)                                                                                                           \
    X(wrmsr)                                                                                                           \
    X(cr3_load)                                                                                                        \
    X(invlpg)                                                                                                          \
    X(ipi)                                                                                                             \
    X(apic_write)                                                                                                      \
    X(locked)                                                                                                          \
    X(vmload)                                                                                                          \
    X(vmsave)                                                                                                          \
    X(xsave)                                                                                                           \
    X(xrstor)                                                                                                          \
    X(syscall)                                                                                                         \
    X(move_dr)

enum class {
#define X(name) CLASS_##name,
    CLASSES(X)
#undef X
        CLASS_COUNT,
    CLASS_NONE = CLASS_COUNT
};

static const char *const class_names[] = {
#define X(name) #name,
    CLASSES(X)
#undef X
};

#define SECTIONS     64u
#define APIC_BASE    0xfee00000u
#define APIC_ICR     0x300u
#define KERNEL_BASE  0xffffffff80000000u
#define VMRUNS       8u
#define VMRUN_BYTES  3u
#define MARK_BEGIN   0x42450001u
#define MARK_END     0x42450002u
#define RECORDS_STEP 4096u

static uint64_t totals[SECTIONS][CLASS_COUNT], pending[CLASS_COUNT];
static unsigned section, sections = 1;
static bool in_guest, guest_seen;
static const char *vmruns[VMRUNS]; // in this program's memory: a guest cannot have code at the same place
static const char *out_path, *profile_path;

struct record {
    uint64_t address;
    uint64_t count[SECTIONS];
};
static struct record **records;
static size_t record_count;

static void on_class(unsigned vcpu, void *data) {
    (void)vcpu;
    if (!in_guest)
        pending[(uintptr_t)data]++;
}

// What the host did since the last VMRUN was for the guest's section.
static void on_vmrun(unsigned vcpu, void *data) {
    (void)vcpu;
    (void)data;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        totals[section][i] += guest_seen ? pending[i] : 0;
        pending[i] = 0;
    }
    totals[section][CLASS_vmrun]++;
    in_guest = guest_seen = true;
}

static void on_return(unsigned vcpu, void *data) {
    (void)vcpu;
    (void)data;
    in_guest = false;
}

static void on_mark(unsigned vcpu, void *data) {
    (void)vcpu;
    section = 0;
    if ((uintptr_t)data == MARK_BEGIN && sections < SECTIONS)
        section = sections++;
}

static void on_write(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
    (void)vcpu;
    (void)data;
    if (in_guest)
        return;
    const struct qemu_plugin_hwaddr *at = qemu_plugin_get_hwaddr(info, address);
    if (!at || !qemu_plugin_hwaddr_is_io(at))
        return;
    uint64_t physical = qemu_plugin_hwaddr_phys_addr(at);
    // QEMU gives the offset in the device, or the address: the page is the local APIC's if the kernel maps it so.
    if ((physical & ~0xfffull) != APIC_BASE && physical > 0xfff)
        return;
    pending[CLASS_apic_write]++;
    if ((physical & 0xfff) == APIC_ICR)
        pending[CLASS_ipi]++;
}

static void on_profile(unsigned vcpu, void *data) {
    (void)vcpu;
    if (!in_guest && section)
        ((struct record *)data)->count[section]++;
}

// ---- Instructions

struct decoded {
    bool lock, two_bytes;
    uint8_t opcode, modrm;
};

static bool is_prefix(uint8_t byte) {
    return byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || byte == 0x2e || byte == 0x36 ||
           byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65 || byte == 0xf0;
}

static struct decoded decode(const uint8_t *bytes, size_t count) {
    struct decoded d = {0};
    size_t at = 0;
    for (; at < count && is_prefix(bytes[at]); at++)
        d.lock |= bytes[at] == 0xf0;
    if (at < count && (bytes[at] & 0xf0) == 0x40)
        at++; // REX: the host's code is of 64 bits
    if (at < count && bytes[at] == 0x0f) {
        d.two_bytes = true;
        at++;
    }
    d.opcode = at < count ? bytes[at] : 0;
    d.modrm = at + 1 < count ? bytes[at + 1] : 0;
    return d;
}

static enum class classify_memory(unsigned opcode, unsigned reg) {
    if (opcode == 0x01 && reg == 7) return CLASS_invlpg;
    if (opcode == 0xae) return reg == 0 || reg == 4 || reg == 6 ? CLASS_xsave
    : reg == 1 || reg == 5                                      ? CLASS_xrstor
                                                                : CLASS_NONE;
    if (opcode == 0xc7) return reg == 4 || reg == 5 ? CLASS_xsave
    : reg == 3                                      ? CLASS_xrstor
                                                    : CLASS_NONE;
    return CLASS_NONE;
}

static enum class classify(const uint8_t *bytes, size_t count) {
    struct decoded d = decode(bytes, count); unsigned reg = d.modrm >> 3 & 7; bool memory = d.modrm < 0xc0;
    if (d.lock || (!d.two_bytes && (d.opcode == 0x86 || d.opcode == 0x87) &&
                   memory)) return CLASS_locked; // XCHG with memory locks by itself
    if (!d.two_bytes) return CLASS_NONE;
    if (d.opcode == 0x30) return CLASS_wrmsr;
    if (d.opcode == 0x05) return CLASS_syscall;
    if (d.opcode == 0x22 && reg == 3) return CLASS_cr3_load;
    if (d.opcode == 0x21 || d.opcode == 0x23) return CLASS_move_dr;
    if (d.opcode == 0x01 && d.modrm == 0xda) return CLASS_vmload;
    if (d.opcode == 0x01 && d.modrm == 0xdb) return CLASS_vmsave;
    if (d.opcode == 0x01 && d.modrm == 0xdf) return CLASS_invlpg; // INVLPGA
    return memory ? classify_memory(d.opcode, reg) : CLASS_NONE;
}

static bool is_vmrun(const uint8_t *bytes, size_t count) {
    return count == VMRUN_BYTES && bytes[0] == 0x0f && bytes[1] == 0x01 && bytes[2] == 0xd8;
}

static void note_vmrun(const char *at) {
    for (unsigned i = 0; i < VMRUNS; i++)
        if (!vmruns[i] || vmruns[i] == at) {
            vmruns[i] = at;
            return;
        }
}

static bool follows_vmrun(const char *at) {
    for (unsigned i = 0; i < VMRUNS && vmruns[i]; i++)
        if (at == vmruns[i] + VMRUN_BYTES)
            return true;
    return false;
}

static uint32_t mark_of(const uint8_t *bytes, size_t count) {
    static const uint8_t nop[] = {0x0f, 0x1f, 0x80};
    uint32_t value = 0;
    if (count != sizeof nop + sizeof value || memcmp(bytes, nop, sizeof nop) != 0)
        return 0;
    memcpy(&value, bytes + sizeof nop, sizeof value);
    return value == MARK_BEGIN || value == MARK_END ? value : 0;
}

static struct record *record_new(uint64_t address) {
    if (record_count % RECORDS_STEP == 0)
        records = realloc(records, (record_count + RECORDS_STEP) * sizeof *records);
    struct record *record = calloc(1, sizeof *record);
    if (!records || !record)
        abort();
    record->address = address;
    records[record_count++] = record;
    return record;
}

static void on_instruction(struct qemu_plugin_insn *insn) {
    const uint8_t *bytes = qemu_plugin_insn_data(insn);
    size_t count = qemu_plugin_insn_size(insn);
    const char *at = qemu_plugin_insn_haddr(insn);
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    if (follows_vmrun(at))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_return, NO_REGISTERS, NULL);
    if (profile_path)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_profile, NO_REGISTERS, record_new(address));
    uint32_t mark = mark_of(bytes, count);
    if (mark)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, NO_REGISTERS, (void *)(uintptr_t)mark);
    enum class class = classify(bytes, count);
    if (class != CLASS_NONE)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_class, NO_REGISTERS, (void *)(uintptr_t) class);
    if (address >= KERNEL_BASE)
        qemu_plugin_register_vcpu_mem_cb(insn, on_write, NO_REGISTERS, MEMORY_WRITES, NULL);
    if (is_vmrun(bytes, count)) {
        note_vmrun(at);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun, NO_REGISTERS, NULL);
    }
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
        on_instruction(qemu_plugin_tb_get_insn(tb, i));
}

// ---- Output

static FILE *create(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file)
        fprintf(stderr, "costs: %s cannot be written\n", path);
    return file;
}

static void write_counts(void) {
    FILE *file = create(out_path);
    if (!file)
        return;
    fprintf(file, "{\"sections\": [");
    for (unsigned s = 0; s < sections; s++) {
        fprintf(file, "%s\n{", s ? "," : "");
        for (unsigned i = 0; i < CLASS_COUNT; i++)
            fprintf(file, "%s\"%s\": %" PRIu64, i ? ", " : "", class_names[i], totals[s][i]);
        fprintf(file, "}");
    }
    fprintf(file, "]}\n");
    fclose(file);
}

static void write_profile(void) {
    FILE *file = create(profile_path);
    if (!file)
        return;
    for (size_t i = 0; i < record_count; i++)
        for (unsigned s = 1; s < sections; s++)
            if (records[i]->count[s])
                fprintf(file, "%u %" PRIx64 " %" PRIu64 "\n", s, records[i]->address, records[i]->count[s]);
    fclose(file);
}

static void on_end(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    if (out_path)
        write_counts();
    if (profile_path)
        write_profile();
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_plugin_info *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0)
            out_path = strdup(argv[i] + 4);
        else if (strncmp(argv[i], "profile=", 8) == 0)
            profile_path = strdup(argv[i] + 8);
        else
            return fprintf(stderr, "costs: %s is neither out=FILE nor profile=FILE\n", argv[i]);
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
