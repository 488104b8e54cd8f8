// The verb regs: the registers of a domain's virtual CPUs.
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/format.h"

#define HEX(value) (unsigned long long)(value)

// What is printed two on a line.
struct named {
    const char *name;
    uint64_t value;
};

static void print_pairs(const struct named *named, size_t count) {
    for (size_t i = 0; i < count; i++)
        terminal_print("%8s %016llx%s", named[i].name, HEX(named[i].value), i % 3 == 2 || i + 1 == count ? "\n" : "  ");
}

static void print_general(const struct vmm_registers *r) {
    static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    struct named named[18] = {{"rip", r->rip}, {"rflags", r->rflags}};
    for (size_t i = 0; i < 16; i++)
        named[i + 2] = (struct named){names[i], r->gpr[i]};
    print_pairs(named, 18);
}

static void print_control(const struct vmm_registers *r) {
    const struct named named[] = {
        {"cr0", r->cr0},
        {"cr2", r->cr2},
        {"cr3", r->cr3},
        {"cr4", r->cr4},
        {"cr8", r->cr8},
        {"efer", r->efer},
        {"xcr0", r->xcr0},
        {"apicbase", r->apic_base},
        {"tsc", r->tsc},
        {"star", r->star},
        {"lstar", r->lstar},
        {"cstar", r->cstar},
        {"sfmask", r->sfmask},
        {"kgsbase", r->kernel_gs_base},
        {"pat", r->pat},
        {"sys_cs", r->sysenter_cs},
        {"sys_esp", r->sysenter_esp},
        {"sys_eip", r->sysenter_eip},
        {"dr0", r->dr[0]},
        {"dr1", r->dr[1]},
        {"dr2", r->dr[2]},
        {"dr3", r->dr[3]},
        {"dr6", r->dr6},
        {"dr7", r->dr7},
    };
    print_pairs(named, sizeof named / sizeof *named);
}

static void print_segments(const struct vmm_registers *r) {
    static const char *const names[8] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
    for (size_t i = 0; i < 8; i++)
        terminal_print("%8s %04x  base %016llx  limit %08x  attributes %04x\n", names[i], r->segment[i].selector,
                       HEX(r->segment[i].base), r->segment[i].limit, r->segment[i].attributes);
    terminal_print("%8s       base %016llx  limit %08x\n", "gdtr", HEX(r->gdtr.base), r->gdtr.limit);
    terminal_print("%8s       base %016llx  limit %08x\n", "idtr", HEX(r->idtr.base), r->idtr.limit);
}

static void print_vectors(const char *name, const uint64_t bits[4]) {
    bool any = false;
    terminal_print("%8s", name);
    for (unsigned vector = 0; vector < 256; vector++)
        if (bits[vector / 64] >> vector % 64 & 1) {
            terminal_print(" %02x", vector);
            any = true;
        }
    terminal_print(any ? "\n" : " -\n");
}

static void print_registers(unsigned vcpu, const struct vmm_registers *r) {
    terminal_print("vCPU %u: %s\n", vcpu, !r->online ? "offline" : r->halted ? "halted" : "running");
    print_general(r);
    print_control(r);
    print_segments(r);
    print_vectors("irr", r->irr);
    print_vectors("isr", r->isr);
    terminal_print("%8s", "code");
    for (size_t i = 0; i < sizeof r->code; i++)
        terminal_print(" %02x", r->code[i]);
    terminal_print("\n");
}

static bool parse_vcpu(const struct invocation *invocation, const struct domain *domain, unsigned *vcpu) {
    const char *text = invocation->operand[1];
    if (text[0] >= '0' && text[0] <= '9' && !text[1] && (unsigned)(text[0] - '0') < domain->config.vcpus) {
        *vcpu = (unsigned)(text[0] - '0');
        return true;
    }
    verb_fails(invocation, "%s is no virtual CPU of %s; accepted: 0 to %d", text, domain->config.name,
               domain->config.vcpus - 1);
    return false;
}

int verb_regs(const struct invocation *invocation) {
    char error[DOMAIN_ERROR_SIZE];
    struct vmm_registers registers;
    unsigned vcpu = 0, last;
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    last = domain->config.vcpus - 1u;
    if (invocation->operands > 1) {
        if (!parse_vcpu(invocation, domain, &vcpu))
            return STATUS_FAILED;
        last = vcpu;
    }
    for (; vcpu <= last; vcpu++) {
        if (!domain_registers(domain, vcpu, &registers, error))
            return verb_fails(invocation, "%s: %s", domain->config.name, error);
        print_registers(vcpu, &registers);
    }
    return 0;
}
