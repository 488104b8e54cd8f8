// A test server: the VMM that writes into its vCPU's page what no processor takes, one word after the other, each with
// many values, and then one state for each check that the processor makes. After each a good state has to run as it
// did, and what the core loads itself has to be within its bounds.
#include "dom0/syscall_fuzz/entry_checks.h"
#include "dom0/vmm/state_check.h"
#include "lib/server.h"
#include "lib/string.h"

#define STATE_PAGE 0x10000000ull
#define APIC_PAGE  0x10001000ull
#define BAD_TICKS  100000u
// A good state, or one that is refused, takes no time, but a busy emulator may take long to come to it.
#define GOOD_TICKS 100000000u
#define XCR0_GUEST 0xe7ull

// In the guest's page
#define IDT       0x400u
#define GDT       0x300u
#define HANDLER   0x800u
#define RETURN_TO 0x900u
#define ODD_STACK 0xf01u

#define USER_CODE          0x1bu
#define USER_DATA          0x23u
#define SOFTWARE_VECTOR    0x30u
#define SOFTWARE_INTERRUPT (EVENT_VALID | EVENT_SOFTWARE | SOFTWARE_VECTOR)
#define ALIGNMENT_CHECK    17u
#define CR0_PE             0x1u
#define CR0_ET             0x10u
#define CR0_NE             0x20u
#define CR0_AM             0x40000u
#define RFLAGS_FIXED       0x2u
#define RFLAGS_AC          0x40000u

static uint64_t vcpu, runs, refused;
static uint8_t *memory; // of the guest
static struct vcpu_page *const page = (struct vcpu_page *)STATE_PAGE;

static const uint64_t values[] = {
    ~0ull,
    1ull << 63,
    1ull << 47, // not canonical
    1ull << 32,
    0x100000000ffff0ff, // high bits of DR6 beside good ones
    0xaaaaaaaaaaaaaaaa,
    0x5555555555555555,
    0x80000000ull, // PG without PE; an event without a type
    0x80000b21,    // an event: an exception with an error code
    0x18,          // XCR0: parts of MPX
    0x204,         // XCR0: PKRU, AVX without SSE
    0xa7,          // XCR0: AVX-512 in part
    0,
};

static void check(int64_t status, const char *what) {
    if (status == OK)
        return;
    log_line("BAD: %s: status %lld", what, (long long)status);
    server_exit(3);
}

// Memory, too: a bad state with paging on has perhaps taken all of it for page tables.
static void set_good(enum entry_mode mode) {
    entry_memory(memory);
    memset(page->gpr, 0, offsetof(struct vcpu_page, pdpte) + sizeof(page->pdpte) - offsetof(struct vcpu_page, gpr));
    entry_state(page, mode);
}

static void run(uint64_t ticks) {
    page->activity = VCPU_ACTIVE;
    page->deadline_tsc = now_tsc() + ticks;
    page->dirty = GROUP_ALL;
    check(sys_run(vcpu, 0), "run");
    runs++;
}

static void check_bounds(unsigned word, uint64_t value) {
    check(sys_vcpu_control(vcpu, VCPU_FETCH, GROUP_XCR0 | GROUP_DEBUG), "fetch");
    if (!(page->xcr0 & ~XCR0_GUEST) && (page->xcr0 & 1))
        return;
    log_line("BAD: word %u as %llx: XCR0 %llx", word, (unsigned long long)value, (unsigned long long)page->xcr0);
    server_exit(4);
}

// Runs the good state of a mode, or what it is with a check's fault, until the guest has had its turn: an interrupt may
// come first. The reason of the exit.
static uint32_t run_mode(enum entry_mode mode, const struct entry_check *check) {
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        set_good(mode);
        if (check)
            entry_spoil(page, check);
        run(GOOD_TICKS);
        if (page->exit_reason != VCPU_EXIT_DEADLINE)
            break;
    }
    return page->exit_reason;
}

static void check_good(enum entry_mode mode, const char *what, uint64_t which) {
    if (run_mode(mode, NULL) == VCPU_EXIT_CPUID && page->rip == ENTRY_CODE)
        return;
    log_line("BAD: after %s %llx a good state of mode %u exits with %u at %llx, qualification %llx", what,
             (unsigned long long)which, mode, page->exit_reason, (unsigned long long)page->rip,
             (unsigned long long)page->qualification);
    server_exit(5);
}

static void try(unsigned word, uint64_t value) {
    set_good(ENTRY_REAL);
    ((uint64_t *)(void *)page)[word] = value;
    run(BAD_TICKS);
    refused += page->exit_reason == VCPU_EXIT_INVALID;
    check_bounds(word, value);
    check_good(ENTRY_REAL, "word and value", (uint64_t)word << 48 | value >> 16);
}

static uint32_t vendor(void) {
    uint32_t eax = 0, ebx, ecx = 0, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx == 0x756e6547 ? ENTRY_VTX : ENTRY_AMDV; // Genu(ineIntel)
}

static unsigned physical_bits(void) {
    uint32_t eax = 0x80000008, ebx, ecx = 0, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return eax & 0xff;
}

// On VT-x state_check knows what failed, but for events, and nothing has changed.
static void check_refusal(const struct entry_check *check) {
    uint64_t rip = page->rip;
    const char *name = state_check(page, physical_bits());
    set_good((enum entry_mode)check->mode);
    entry_spoil(page, check);
    if (vendor() != ENTRY_VTX)
        return;
    if (rip != page->rip || (!name && check->change[0].offset != offsetof(struct vcpu_page, event)))
        log_line("BAD: %s: named %s, RIP %llx", check->name, name ? name : "nothing", (unsigned long long)rip);
}

// Each is refused; the log has those that are not, for emulators check less.
static void try_checks(void) {
    unsigned made = 0, tried = 0;
    for (unsigned i = 0; i < entry_check_count; i++) {
        const struct entry_check *check = &entry_checks[i];
        if (!(check->refused & vendor()))
            continue;
        tried++;
        if (run_mode((enum entry_mode)check->mode, check) == VCPU_EXIT_INVALID) {
            made++;
            check_refusal(check);
        } else {
            log_line("entered, reason %u: %s;", page->exit_reason, check->name);
        }
        check_good((enum entry_mode)check->mode, "check", i);
    }
    log_line("entry checks: %u of %u made", made, tried);
}

// MOV CR4, EAX with MCE, which exits, in 32-bit code: RAX has more bits than EAX. A write of CR4 is the VMM's on AMD-V.
static void check_narrow_register(void) {
    static const uint8_t code[] = {0x0f, 0x22, 0xe0, 0x0f, 0xa2, 0xeb, 0xfc}; // CPUID behind it, again
    const uint32_t expected = vendor() == ENTRY_VTX ? VCPU_EXIT_CPUID : VCPU_EXIT_CR;
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        set_good(ENTRY_PROTECTED);
        memcpy(memory + ENTRY_CODE, code, sizeof(code));
        page->gpr[RAX] = 0xffffffff00000040;
        run(GOOD_TICKS);
        if (page->exit_reason == expected)
            return;
        if (page->exit_reason != VCPU_EXIT_DEADLINE)
            break;
    }
    log_line("BAD: MOV CR4, EAX exits with %u, CR4 %llx", page->exit_reason, (unsigned long long)page->cr4);
    server_exit(6);
}

// A state at level 3 without paging whose software interrupt pushes at an odd address, with alignment checks on. A
// processor that has them refuses the push: the VMM is told, of what was to be delivered too. Else the handler runs.
static void set_misaligned(void) {
    static const uint8_t handler[] = {0x0f, 0xa2}, gate[] = {0x00, HANDLER >> 8, USER_CODE, 0, 0, 0xee, 0, 0};
    static const uint64_t user_code = 0x00cffb000000ffff;
    set_good(ENTRY_REAL);
    memcpy(memory + HANDLER, handler, sizeof(handler));
    memcpy(memory + IDT + SOFTWARE_VECTOR * sizeof(gate), gate, sizeof(gate));
    memcpy(memory + GDT + (USER_CODE & ~7u), &user_code, sizeof(user_code));
    for (unsigned i = 0; i < SEGMENT_LDTR; i++)
        page->segment[i] = (struct vcpu_segment){.selector = USER_DATA, .attributes = 0xcf3, .limit = ~0u};
    page->segment[SEGMENT_CS] = (struct vcpu_segment){.selector = USER_CODE, .attributes = 0xcfb, .limit = ~0u};
    page->gdtr.base = GDT;
    page->idtr.base = IDT;
    page->gdtr.limit = page->idtr.limit = 0x3ff;
    page->cpl = 3;
    page->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_AM;
    page->rflags = RFLAGS_FIXED | RFLAGS_AC;
    page->rip = RETURN_TO;
    page->gpr[RSP] = ODD_STACK;
    page->event = SOFTWARE_INTERRUPT;
}

static void try_misaligned(void) {
    do {
        set_misaligned();
        run(GOOD_TICKS);
    } while (page->exit_reason == VCPU_EXIT_DEADLINE);
    bool checked = page->exit_reason == VCPU_EXIT_EXCEPTION && (uint32_t)page->qualification == ALIGNMENT_CHECK &&
                   page->event == SOFTWARE_INTERRUPT && page->rip == RETURN_TO;
    bool delivered = page->exit_reason == VCPU_EXIT_CPUID && !page->event && page->rip == HANDLER;
    log_line("software interrupt: %s, exit %u, qualification %llx, event %llx, RIP %llx",
             checked     ? "#AC is the VMM's"
             : delivered ? "delivered"
                         : "BAD",
             page->exit_reason, (unsigned long long)page->qualification, (unsigned long long)page->event,
             (unsigned long long)page->rip);
}

int server_main(void) {
    uint64_t space = selector_new(), state = selector_new(), apic = selector_new();
    vcpu = selector_new();
    memory = pages_new(1);
    SERVER_ASSERT(memory);
    check(sys_create_space(space, SELECTOR_SELF, SPACE_GUEST_PHYSICAL), "space");
    check(sys_delegate(SELECTOR_SELF, (uint64_t)(uintptr_t)memory, space, 0,
                       DELEGATE_READ | DELEGATE_WRITE | DELEGATE_EXECUTE | DELEGATE_MEMORY),
          "memory");
    check(sys_create_page(state, SELECTOR_SELF, STATE_PAGE), "page");
    check(sys_create_page(apic, SELECTOR_SELF, APIC_PAGE), "page");
    check(sys_create_vcpu(vcpu, space, state, apic, 0), "vCPU");
    const unsigned end = (offsetof(struct vcpu_page, pdpte) + sizeof(page->pdpte)) / 8;
    for (unsigned word = offsetof(struct vcpu_page, gpr) / 8; word < end; word++)
        for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
            try(word, values[i]);
    try_misaligned();
    for (unsigned mode = 0; mode < ENTRY_MODES; mode++)
        check_good((enum entry_mode)mode, "nothing", 0);
    try_checks();
    check_narrow_register();
    log_line("bad states: %llu runs, %llu refused, a good one ran after each", (unsigned long long)runs,
             (unsigned long long)refused);
    for (;;)
        (void)sys_reply_wait(WAIT_NO_CALL, 0, deadline_in_ms(100));
}
