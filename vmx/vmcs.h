// Virtual-machine control structure: encodings of its fields (SDM 3D appendix B) and access to the current one (SDM 3C
// 33).
#pragma once
#include <stdint.h>

// Control
#define VMCS_VPID                 0x0000u
#define VMCS_INTERRUPT_STATUS     0x0810u // of the guest: RVI, SVI
#define VMCS_MSR_BITMAP           0x2004u
#define VMCS_EXIT_MSR_STORE       0x2006u
#define VMCS_EXIT_MSR_LOAD        0x2008u
#define VMCS_ENTRY_MSR_LOAD       0x200au
#define VMCS_TSC_OFFSET           0x2010u
#define VMCS_VIRTUAL_APIC         0x2012u
#define VMCS_APIC_ACCESS          0x2014u
#define VMCS_EPTP                 0x201au
#define VMCS_EOI_EXIT(n)          (0x201cu + 2 * (n))
#define VMCS_PIN_CONTROLS         0x4000u
#define VMCS_CPU_CONTROLS         0x4002u
#define VMCS_EXCEPTION_BITMAP     0x4004u
#define VMCS_PAGE_FAULT_MASK      0x4006u
#define VMCS_PAGE_FAULT_MATCH     0x4008u
#define VMCS_CR3_TARGETS          0x400au
#define VMCS_EXIT_CONTROLS        0x400cu
#define VMCS_EXIT_MSR_STORE_COUNT 0x400eu
#define VMCS_EXIT_MSR_LOAD_COUNT  0x4010u
#define VMCS_ENTRY_CONTROLS       0x4012u
#define VMCS_ENTRY_MSR_LOAD_COUNT 0x4014u
#define VMCS_ENTRY_EVENT          0x4016u
#define VMCS_ENTRY_ERROR          0x4018u
#define VMCS_ENTRY_LENGTH         0x401au
#define VMCS_TPR_THRESHOLD        0x401cu
#define VMCS_CPU_CONTROLS2        0x401eu
#define VMCS_CR0_MASK             0x6000u
#define VMCS_CR4_MASK             0x6002u
#define VMCS_CR0_SHADOW           0x6004u
#define VMCS_CR4_SHADOW           0x6006u

// What an exit says
#define VMCS_GPA               0x2400u
#define VMCS_INSTRUCTION_ERROR 0x4400u
#define VMCS_EXIT_REASON       0x4402u
#define VMCS_EXIT_EVENT        0x4404u
#define VMCS_EXIT_ERROR        0x4406u
#define VMCS_VECTORING_EVENT   0x4408u
#define VMCS_VECTORING_ERROR   0x440au
#define VMCS_EXIT_LENGTH       0x440cu
#define VMCS_QUALIFICATION     0x6400u
#define VMCS_GVA               0x640au

// Guest
#define VMCS_GUEST_SELECTOR(s)  (0x0800u + 2 * (s)) // s: ES CS SS DS FS GS LDTR TR
#define VMCS_GUEST_LIMIT(s)     (0x4800u + 2 * (s)) // and GDTR, IDTR
#define VMCS_GUEST_RIGHTS(s)    (0x4814u + 2 * (s))
#define VMCS_GUEST_BASE(s)      (0x6806u + 2 * (s)) // and GDTR, IDTR
#define VMCS_GDTR               8u
#define VMCS_IDTR               9u
#define VMCS_LINK               0x2800u
#define VMCS_GUEST_DEBUGCTL     0x2802u
#define VMCS_GUEST_PAT          0x2804u
#define VMCS_GUEST_EFER         0x2806u
#define VMCS_GUEST_PDPTE(n)     (0x280au + 2 * (n))
#define VMCS_INTERRUPTIBILITY   0x4824u
#define VMCS_ACTIVITY           0x4826u
#define VMCS_GUEST_SYSENTER_CS  0x482au
#define VMCS_PREEMPTION_TIMER   0x482eu
#define VMCS_GUEST_CR0          0x6800u
#define VMCS_GUEST_CR3          0x6802u
#define VMCS_GUEST_CR4          0x6804u
#define VMCS_GUEST_DR7          0x681au
#define VMCS_GUEST_RSP          0x681cu
#define VMCS_GUEST_RIP          0x681eu
#define VMCS_GUEST_RFLAGS       0x6820u
#define VMCS_PENDING_DEBUG      0x6822u
#define VMCS_GUEST_SYSENTER_ESP 0x6824u
#define VMCS_GUEST_SYSENTER_EIP 0x6826u

// Host
#define VMCS_HOST_SELECTOR(s)  (0x0c00u + 2 * (s)) // s: ES CS SS DS FS GS TR
#define VMCS_HOST_TR           6u
#define VMCS_HOST_PAT          0x2c00u
#define VMCS_HOST_EFER         0x2c02u
#define VMCS_HOST_SYSENTER_CS  0x4c00u
#define VMCS_HOST_CR0          0x6c00u
#define VMCS_HOST_CR3          0x6c02u
#define VMCS_HOST_CR4          0x6c04u
#define VMCS_HOST_FS_BASE      0x6c06u
#define VMCS_HOST_GS_BASE      0x6c08u
#define VMCS_HOST_TR_BASE      0x6c0au
#define VMCS_HOST_GDTR_BASE    0x6c0cu
#define VMCS_HOST_IDTR_BASE    0x6c0eu
#define VMCS_HOST_SYSENTER_ESP 0x6c10u
#define VMCS_HOST_SYSENTER_EIP 0x6c12u
#define VMCS_HOST_RSP          0x6c14u
#define VMCS_HOST_RIP          0x6c16u

// Pin-based controls
#define PIN_EXTERNAL_INTERRUPT (1u << 0)
#define PIN_NMI                (1u << 3)
#define PIN_VIRTUAL_NMI        (1u << 5)
#define PIN_PREEMPTION_TIMER   (1u << 6)

// Processor-based controls
#define CPU_INTERRUPT_WINDOW (1u << 2)
#define CPU_TSC_OFFSET       (1u << 3)
#define CPU_HLT              (1u << 7)
#define CPU_INVLPG           (1u << 9)
#define CPU_MWAIT            (1u << 10)
#define CPU_RDPMC            (1u << 11)
#define CPU_CR3_LOAD         (1u << 15)
#define CPU_CR3_STORE        (1u << 16)
#define CPU_TPR_SHADOW       (1u << 21)
#define CPU_NMI_WINDOW       (1u << 22)
#define CPU_IO               (1u << 24)
#define CPU_MSR_BITMAP       (1u << 28)
#define CPU_MONITOR          (1u << 29)
#define CPU_SECONDARY        (1u << 31)

// Secondary processor-based controls
#define CPU2_APIC_ACCESSES    (1u << 0)
#define CPU2_EPT              (1u << 1)
#define CPU2_X2APIC           (1u << 4)
#define CPU2_VPID             (1u << 5)
#define CPU2_WBINVD           (1u << 6)
#define CPU2_UNRESTRICTED     (1u << 7)
#define CPU2_APIC_REGISTERS   (1u << 8)
#define CPU2_VIRTUAL_DELIVERY (1u << 9)
#define CPU2_INVPCID          (1u << 12)

// Exit and entry controls
#define EXIT_SAVE_DEBUG  (1u << 2)
#define EXIT_HOST_64     (1u << 9)
#define EXIT_SAVE_PAT    (1u << 18)
#define EXIT_LOAD_PAT    (1u << 19)
#define EXIT_SAVE_EFER   (1u << 20)
#define EXIT_LOAD_EFER   (1u << 21)
#define ENTRY_LOAD_DEBUG (1u << 2)
#define ENTRY_IA32E      (1u << 9)
#define ENTRY_LOAD_PAT   (1u << 14)
#define ENTRY_LOAD_EFER  (1u << 15)

// Interruptibility state
#define BLOCKED_BY_STI    1u
#define BLOCKED_BY_MOV_SS 2u
#define BLOCKED_BY_NMI    8u

#define PENDING_DEBUG_BS (1ull << 14) // a single step is due
#define RIGHTS_LONG      (1u << 13)
#define RIGHTS_UNUSABLE  (1u << 16)

// Basic exit reasons (SDM 3D appendix C)
#define REASON_EXCEPTION           0u
#define REASON_INTERRUPT           1u
#define REASON_TRIPLE_FAULT        2u
#define REASON_INIT                3u
#define REASON_INTERRUPT_WINDOW    7u
#define REASON_NMI_WINDOW          8u
#define REASON_TASK_SWITCH         9u
#define REASON_CPUID               10u
#define REASON_HLT                 12u
#define REASON_INVD                13u
#define REASON_RDPMC               15u
#define REASON_VMCALL              18u
#define REASON_VMCLEAR             19u
#define REASON_VMXON               27u
#define REASON_CR                  28u
#define REASON_IO                  30u
#define REASON_RDMSR               31u
#define REASON_WRMSR               32u
#define REASON_GUEST_STATE         33u
#define REASON_MSR_LOAD            34u
#define REASON_MWAIT               36u
#define REASON_MONITOR             39u
#define REASON_MACHINE_CHECK_ENTRY 41u
#define REASON_TPR                 43u
#define REASON_APIC_ACCESS         44u
#define REASON_EOI                 45u
#define REASON_EPT_VIOLATION       48u
#define REASON_EPT_MISCONFIGURED   49u
#define REASON_INVEPT              50u
#define REASON_PREEMPTION_TIMER    52u
#define REASON_INVVPID             53u
#define REASON_WBINVD              54u
#define REASON_XSETBV              55u
#define REASON_APIC_WRITE          56u
#define REASON_ENTRY_FAILED        (1u << 31)

static inline uint64_t vmread(uint64_t field) {
    uint64_t value;
    __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
    return value;
}

static inline void vmwrite(uint64_t field, uint64_t value) {
    __asm__ volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc", "memory");
}

static inline void vmptrld(uint64_t hpa) {
    __asm__ volatile("vmptrld %0" : : "m"(hpa) : "cc", "memory");
}

static inline void vmclear(uint64_t hpa) {
    __asm__ volatile("vmclear %0" : : "m"(hpa) : "cc", "memory");
}

#define INVEPT_CONTEXT 1ull
#define INVEPT_ALL     2ull
#define INVVPID_ALL    2ull

static inline void invept(uint64_t type, uint64_t eptp) {
    struct {
        uint64_t eptp, zero;
    } descriptor = {eptp, 0};
    __asm__ volatile("invept %0, %1" : : "m"(descriptor), "r"(type) : "cc", "memory");
}

static inline void invvpid(uint64_t type) {
    struct {
        uint64_t vpid, address;
    } descriptor = {0, 0};
    __asm__ volatile("invvpid %0, %1" : : "m"(descriptor), "r"(type) : "cc", "memory");
}
