// Interrupt wiring of the board, and its timers: lines go to the 8259s and the I/O APIC, messages to the local APICs.
#include "dom0/vmm/machine.h"
#include "dom0/vmm/serial_console.h"
#include "lib/server.h"

// ---- Lines

// An external interrupt is wanted of the first vCPU while the 8259's output is high and LINT0 or I/O APIC pin 0 pass it
// on.
void machine_extint_update(struct machine *machine) {
    bool level = pic_output(&machine->pic);
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        struct vcpu *vcpu = &machine->vcpus[i];
        if (!vcpu->page)
            return; // being built
        uint8_t destination;
        bool logical, wanted = i == 0 && level && lapic_accepts_extint(&vcpu->lapic);
        if (!wanted && level && ioapic_accepts_extint(&machine->ioapic, &destination, &logical))
            wanted = lapic_destination_match(lapic_address(&vcpu->lapic), destination, logical);
        bool now = (__atomic_load_n(&vcpu->page->requests, __ATOMIC_RELAXED) & VCPU_REQUEST_EXTINT) != 0;
        if (wanted != now)
            vcpu_request(vcpu, VCPU_REQUEST_EXTINT, wanted);
    }
}

static void pic_output_changed(void *context, bool level) {
    struct machine *machine = context;
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        lapic_lint_set(&machine->vcpus[i].lapic, 0, level);
    machine_extint_update(machine);
}

void machine_irq_set(void *context, unsigned line, bool level) {
    struct machine *machine = context;
    if (line < 16)
        pic_line_set(&machine->pic, line, level);
    if (line < IOAPIC_PINS)
        ioapic_line_set(&machine->ioapic, line == 0 ? 2 : line, level);
}

// ---- Messages

// A start-up IPI whose CPU has not come to run yet is undone.
static void send_init(struct vcpu *vcpu) {
    vcpu->startup_pending = false;
    vcpu_attend(vcpu, &vcpu->init_pending);
}

// Only a CPU that waits for it takes a start-up IPI: not a second one.
static void send_startup(struct vcpu *vcpu, uint8_t vector) {
    if ((vcpu->mode != VCPU_MODE_WAIT_SIPI && !vcpu->init_pending) || vcpu->startup_pending)
        return;
    vcpu->startup_vector = vector;
    vcpu_attend(vcpu, &vcpu->startup_pending);
}

// One message to each vCPU of a mask.
static void deliver(struct machine *machine, uint64_t targets, unsigned mode, uint8_t vector, bool level) {
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        struct vcpu *vcpu = &machine->vcpus[i];
        if (!(targets >> i & 1))
            continue;
        if (mode == LAPIC_INIT)
            send_init(vcpu);
        else if (mode == LAPIC_STARTUP)
            send_startup(vcpu, vector);
        else
            (void)lapic_deliver(&vcpu->lapic, mode, vector, level);
    }
}

static void ioapic_deliver(void *context, uint8_t vector, uint8_t destination, bool logical, unsigned mode,
                           bool level) {
    struct machine *machine = context;
    uint64_t targets = lapic_message_targets(machine->lapics, machine->vcpu_count, destination, logical, mode);
    deliver(machine, targets, mode, vector, level);
}

static void lapic_ipi(void *context, unsigned from, uint64_t icr) {
    struct machine *machine = context;
    if (ICR_MODE(icr) == LAPIC_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
        return; // INIT level de-assert: no effect since the Pentium 4 (SDM 3A 10.6.1)
    uint64_t targets = lapic_ipi_targets(machine->lapics, machine->vcpu_count, from, icr);
    deliver(machine, targets, ICR_MODE(icr), ICR_VECTOR(icr), false);
}

static void lapic_kick(void *context, unsigned index) {
    struct machine *machine = context;
    struct vcpu *vcpu = &machine->vcpus[index];
    if (__atomic_exchange_n(&vcpu->page->posted, 1, __ATOMIC_SEQ_CST) == 0 && machine->current != vcpu)
        sys_vcpu_control(vcpu->selector, VCPU_KICK, 0);
}

static void lapic_eoi(void *context, uint8_t vector) {
    ioapic_eoi(&((struct machine *)context)->ioapic, vector);
}

static void lapic_nmi(void *context, unsigned index) {
    vcpu_request(&((struct machine *)context)->vcpus[index], VCPU_REQUEST_NMI, true);
}

static void lapic_extint_changed(void *context, unsigned index) {
    machine_extint_update(context);
}

static void lapic_state_changed(void *context, unsigned index) {
    struct machine *machine = context;
    struct vcpu *vcpu = &machine->vcpus[index];
    const struct lapic *lapic = &vcpu->lapic;
    vcpu->page->apic_mode = !lapic_enabled(lapic) ? VCPU_APIC_DISABLED
                            : lapic_x2apic(lapic) ? VCPU_APIC_X2APIC
                                                  : VCPU_APIC_XAPIC;
    vcpu->page->dirty |= GROUP_APIC;
    if (vcpu->page->apic_mode != VCPU_APIC_XAPIC || lapic_base(lapic) != LAPIC_BASE)
        machine_apic_access(machine, false);
}

// ---- Timers

static uint64_t lapic_tsc_ns(void *context, unsigned index, uint64_t tsc) {
    struct machine *machine = context;
    uint64_t domain_tsc = tsc - machine->vcpus[index].msr.s.tsc_adjust;
    if (domain_tsc >> 62)
        return DEVICE_NO_DEADLINE;
    return guest_clock_tsc_to_ns(&machine->clock, domain_tsc) + 1;
}

static void timers_changed(struct machine *machine, struct vcpu *vcpu) {
    vcpu->timers_changed = true;
    if (machine->current != vcpu)
        vcpu_attend(vcpu, &vcpu->timers_changed);
}

static void lapic_timer_changed(void *context, unsigned index) {
    struct machine *machine = context;
    timers_changed(machine, &machine->vcpus[index]);
}

// The board's timers are served by the first vCPU's thread.
void machine_timer_changed(void *context) {
    struct machine *machine = context;
    machine->board_changed = true;
    timers_changed(machine, &machine->vcpus[0]);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// Without the local APICs' timers, which change much more often.
static uint64_t board_deadline_ns(const struct machine *machine) {
    uint64_t deadline = earlier(pit_deadline_ns(&machine->pit), rtc_deadline_ns(&machine->rtc));
    deadline = earlier(deadline, serial_console_deadline_ns(machine));
    return earlier(deadline, piix4_pm_deadline_ns(&machine->pm));
}

static uint64_t deadline_ns(const struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    uint64_t deadline = lapic_deadline_ns(&vcpu->lapic);
    if (vcpu->index != 0)
        return deadline;
    if (machine->board_changed) {
        machine->board_changed = false;
        machine->board_deadline_ns = board_deadline_ns(machine);
    }
    return earlier(deadline, machine->board_deadline_ns);
}

void machine_set_deadline(struct vcpu *vcpu) {
    vcpu->timers_changed = false;
    vcpu->page->deadline_tsc = guest_clock_deadline(&vcpu->machine->clock, now_tsc(), deadline_ns(vcpu));
}

static void board_expire(struct machine *machine, uint64_t now) {
    if (pit_deadline_ns(&machine->pit) <= now)
        pit_expire(&machine->pit, now);
    if (rtc_deadline_ns(&machine->rtc) <= now)
        rtc_expire(&machine->rtc, now);
    if (serial_console_deadline_ns(machine) <= now)
        serial_console_flush(machine);
    if (piix4_pm_deadline_ns(&machine->pm) <= now)
        piix4_pm_expire(&machine->pm, now);
    machine->board_changed = true;
}

void machine_expire(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    uint64_t now = machine_now_ns(machine);
    if (lapic_deadline_ns(&vcpu->lapic) <= now)
        lapic_expire(&vcpu->lapic, now);
    if (vcpu->index == 0 && (machine->board_changed || machine->board_deadline_ns <= now))
        board_expire(machine, now);
    vcpu->timers_changed = true;
}

void machine_interrupts_init(struct machine *machine) {
    machine->lapic_host =
        (struct lapic_host){machine,   machine_now_ns, lapic_tsc_ns, lapic_timer_changed,  lapic_kick,
                            lapic_eoi, lapic_ipi,      lapic_nmi,    lapic_extint_changed, lapic_state_changed};
    pic_init(&machine->pic, machine, pic_output_changed);
    ioapic_init(&machine->ioapic, machine, ioapic_deliver);
}
