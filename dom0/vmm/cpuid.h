// What CPUID tells a guest: the host's leaves through an allowlist, its own topology, and a KVM-compatible hypervisor
// leaf (Linux, Documentation/virt/kvm/x86/cpuid.rst). Pure.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi.h"

#define CPUID_LEAVES_MAX 48u

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

typedef struct cpuid_result cpuid_function(uint32_t leaf, uint32_t subleaf);

struct cpuid_settings {
    cpuid_function *host;
    const struct boot_feature *features; // what all CPUs of the host have: guests may move among them
    uint64_t host_xcr0;                  // 0: the host does not use XSAVE
    unsigned vcpus;
    uint32_t tsc_khz;
    bool x2apic; // offered with the local APIC, as is its TSC deadline
    bool xsavec; // the host's is good
};

struct cpuid_leaf {
    uint32_t leaf, subleaf;
    struct cpuid_result result;
};

struct cpuid {
    unsigned count, vcpus;
    uint32_t basic_max, extended_max;
    bool intel;
    uint64_t xcr0_allowed, cr4_allowed; // bits that what is offered lets a guest set
    uint8_t physical_bits;              // MAXPHYADDR
    struct cpuid_leaf leaves[CPUID_LEAVES_MAX];
};

// What depends on the vCPU and on its registers.
struct cpuid_vcpu {
    unsigned index; // also its APIC id
    uint64_t cr4, xcr0;
    bool apic_enabled;
};

void cpuid_init(struct cpuid *cpuid, const struct cpuid_settings *settings);

// The answer to CPUID with these registers.
struct cpuid_result cpuid_read(const struct cpuid *cpuid, const struct cpuid_vcpu *vcpu, uint32_t leaf,
                               uint32_t subleaf);

#define CPUID_HYPERVISOR       0x40000000u
#define CPUID_KVM_FEATURES     0x40000001u
#define CPUID_HYPERVISOR_CLOCK 0x40000010u

#define KVM_FEATURE_CLOCKSOURCE        (1u << 0)
#define KVM_FEATURE_NOP_IO_DELAY       (1u << 1)
#define KVM_FEATURE_CLOCKSOURCE2       (1u << 3)
#define KVM_FEATURE_CLOCKSOURCE_STABLE (1u << 24)
