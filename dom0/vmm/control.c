// The event loop of the VMM's main thread.
#include "dom0/vmm/control.h"
#include "dom0/vmm/serial_console.h"
#include "lib/apic_priority.h"
#include "lib/server.h"
#include "lib/string.h"

#define EVENT_CONSOLE (1ull << CHANNEL_EVENT_CONSOLE)

#define STATISTICS_MS   1000u
#define KEYS_PACE_MS    5u
#define PARK_TIMEOUT_MS 2000u

_Static_assert(sizeof(struct key_event) <= sizeof(uint64_t), "a key event fits into a word");

// Keys that the keyboard has had no room for yet.
static struct key_event keys[VMM_KEYS_MAX * 4];
static unsigned keys_at, keys_end;

static void lock(struct machine *machine) {
    machine_lock(&machine->lock);
    machine->current = NULL;
}

// One event at a time, as from fingers: a BIOS keeps 15 keys and drops what comes faster than its guest reads.
static void keys_feed(struct machine *machine) {
    static uint64_t next_tsc;
    if (keys_at == keys_end || now_tsc() < next_tsc)
        return;
    next_tsc = deadline_in_ms(KEYS_PACE_MS);
    if (i8042_key(&machine->i8042, keys[keys_at].set1_code, keys[keys_at].pressed))
        keys_at++;
    if (keys_at == keys_end)
        keys_at = keys_end = 0;
}

// Waits until no vCPU is in the guest. False: one does not come out, which is the core's fault.
static bool wait_parked(struct machine *machine) {
    uint64_t deadline = deadline_in_ms(PARK_TIMEOUT_MS);
    while (!machine_all_parked(machine)) {
        if (now_tsc() > deadline)
            return false;
        machine_unlock(&machine->lock);
        sys_reply_wait(WAIT_NO_CALL, MAIN_EVENT_PARKED, deadline_in_ms(50));
        lock(machine);
    }
    return true;
}

// ---- Operations: the request's words in `data`, where the reply's go too; returns their number after the status.

typedef uint64_t operation_function(struct machine *machine, uint64_t *data, uint64_t words);

#define DONE(data, status, words) ((data)[0] = (status), (uint64_t)(words))

static uint64_t op_pause(struct machine *machine, uint64_t *data, uint64_t words) {
    if (machine->hold & (HOLD_PAUSED | HOLD_ENDED))
        return DONE(data, VMM_WRONG_STATE, 0);
    machine_hold(machine, HOLD_PAUSED);
    bool parked = wait_parked(machine);
    if (!(machine->hold & HOLD_ENDED))
        machine_set_state(machine, VMM_PAUSED, VMM_REASON_NONE, "");
    return DONE(data, parked ? VMM_OK : VMM_WRONG_STATE, 0);
}

static uint64_t op_unpause(struct machine *machine, uint64_t *data, uint64_t words) {
    if ((machine->hold & (HOLD_PAUSED | HOLD_ENDED)) != HOLD_PAUSED)
        return DONE(data, VMM_WRONG_STATE, 0);
    if (!machine->page->started_tsc)
        machine->page->started_tsc = now_tsc();
    machine_set_state(machine, VMM_RUNNING, VMM_REASON_NONE, "");
    machine_release(machine, HOLD_PAUSED);
    return DONE(data, VMM_OK, 0);
}

static uint64_t op_power_button(struct machine *machine, uint64_t *data, uint64_t words) {
    if (!machine->has_pm)
        return DONE(data, VMM_NO_DEVICE, 0);
    if (machine->hold & HOLD_ENDED)
        return DONE(data, VMM_WRONG_STATE, 0);
    return DONE(data, piix4_pm_power_button(&machine->pm) ? VMM_OK : VMM_UNHEARD, 0);
}

static uint64_t op_reset(struct machine *machine, uint64_t *data, uint64_t words) {
    if (machine->hold & HOLD_ENDED)
        return DONE(data, VMM_WRONG_STATE, 0);
    machine->page->resets++;
    machine->short_lives = 0;
    machine_hold(machine, HOLD_RESET);
    if (machine_all_parked(machine)) // a paused machine is reset, and stays paused
        machine_parked(machine);
    return DONE(data, VMM_OK, 0);
}

static uint64_t op_destroy(struct machine *machine, uint64_t *data, uint64_t words) {
    machine_end(machine, VMM_POWERED_OFF, VMM_REASON_DESTROY, "destroyed");
    return DONE(data, wait_parked(machine) ? VMM_OK : VMM_WRONG_STATE, 0);
}

static uint64_t op_send_keys(struct machine *machine, uint64_t *data, uint64_t words) {
    uint64_t count = words > 1 ? data[1] : 0;
    if (words < 2 || count > VMM_KEYS_MAX || count > words - 2)
        return DONE(data, VMM_BAD_REQUEST, 0);
    if (keys_end + count > sizeof keys / sizeof *keys)
        return DONE(data, VMM_WRONG_STATE, 0);
    for (uint64_t i = 0; i < count; i++)
        memcpy(&keys[keys_end++], &data[2 + i], sizeof(struct key_event));
    keys_feed(machine);
    return DONE(data, VMM_OK, 0);
}

static uint64_t op_send_nmi(struct machine *machine, uint64_t *data, uint64_t words) {
    if (words < 2 || data[1] >= machine->vcpu_count)
        return DONE(data, VMM_BAD_REQUEST, 0);
    vcpu_request(&machine->vcpus[data[1]], VCPU_REQUEST_NMI, true);
    return DONE(data, VMM_OK, 0);
}

static void fill_registers(struct vcpu *vcpu, struct vmm_registers *out) {
    const struct vcpu_page *page = vcpu->page;
    memset(out, 0, sizeof *out);
    memcpy(out->gpr, page->gpr, sizeof out->gpr);
    out->rip = page->rip;
    out->rflags = page->rflags;
    out->cr0 = page->cr0;
    out->cr2 = page->cr2;
    out->cr3 = page->cr3;
    out->cr4 = page->cr4;
    out->cr8 = apic_cr8((uint8_t)vcpu->apic_page[LAPIC_TPR / 4]);
    out->efer = page->efer & ~EFER_SVME;
    out->apic_base = vcpu->lapic.s.base_msr;
    out->tsc = guest_clock_tsc(&vcpu->machine->clock, now_tsc()) + vcpu->msr.s.tsc_adjust;
    _Static_assert(sizeof out->segment == sizeof page->segment, "the same layout");
    memcpy(out->segment, page->segment, sizeof out->segment);
    memcpy(&out->gdtr, &page->gdtr, sizeof out->gdtr);
    memcpy(&out->idtr, &page->idtr, sizeof out->idtr);
    memcpy(&out->star, &page->star, 9 * sizeof(uint64_t));
    out->dr6 = page->dr6;
    out->dr7 = page->dr7;
    memcpy(out->dr, page->dr, sizeof out->dr);
    out->xcr0 = page->xcr0;
    out->halted = page->activity == VCPU_HALTED;
    out->online = vcpu->mode == VCPU_MODE_RUN;
    for (unsigned i = 0; i < 8; i++) {
        out->irr[i / 2] |= (uint64_t)vcpu->apic_page[(LAPIC_IRR + 16 * i) / 4] << (i % 2 * 32);
        out->isr[i / 2] |= (uint64_t)vcpu->apic_page[(LAPIC_ISR + 16 * i) / 4] << (i % 2 * 32);
    }
    uint8_t code[16];
    unsigned count;
    if (emulate_fetch(&vcpu->emulate, code, &count) == EMULATE_DONE)
        memcpy(out->code, code, count);
}

static uint64_t op_registers(struct machine *machine, uint64_t *data, uint64_t words) {
    if (words < 2 || data[1] >= machine->vcpu_count)
        return DONE(data, VMM_BAD_REQUEST, 0);
    struct vcpu *vcpu = &machine->vcpus[data[1]];
    bool was_running = machine->hold == 0;
    if (was_running)
        machine_hold(machine, HOLD_PAUSED);
    bool good = wait_parked(machine) &&
                vcpu_need(vcpu, GROUP_ALL & ~GROUP_INTERCEPT & ~(machine->cpuid.xcr0_allowed ? 0 : GROUP_XCR0));
    if (good)
        fill_registers(vcpu, (struct vmm_registers *)&data[1]);
    if (was_running)
        machine_release(machine, HOLD_PAUSED);
    return DONE(data, good ? VMM_OK : VMM_WRONG_STATE, good ? sizeof(struct vmm_registers) / 8 : 0);
}

static uint64_t op_screen(struct machine *machine, uint64_t *data, uint64_t words) {
    machine_update_screen(machine);
    return DONE(data, VMM_OK, 0);
}

static operation_function *const operations[] = {
    [VMM_PAUSE] = op_pause,       [VMM_UNPAUSE] = op_unpause,     [VMM_POWER_BUTTON] = op_power_button,
    [VMM_RESET] = op_reset,       [VMM_DESTROY] = op_destroy,     [VMM_SEND_KEYS] = op_send_keys,
    [VMM_SEND_NMI] = op_send_nmi, [VMM_REGISTERS] = op_registers, [VMM_SCREEN] = op_screen,
};

static uint64_t serve(struct machine *machine, uint64_t *data, uint64_t words) {
    uint64_t number = words > 0 ? data[0] : 0;
    if (number >= sizeof operations / sizeof *operations || !operations[number])
        return DONE(data, VMM_BAD_REQUEST, 0) + 1;
    return operations[number](machine, data, words) + 1;
}

// ---- Loop

void machine_update_statistics(struct machine *machine) {
    // The core answers into the buffer of the thread that asks.
    const struct message_buffer *message = machine->current ? machine->current->message : message_buffer();
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        struct vcpu *vcpu = &machine->vcpus[i];
        struct domain_vcpu *out = &machine->page->vcpu[i];
        if (sys_thread_control(vcpu->thread, THREAD_GET, 0, 0, 0) == OK) {
            const struct thread_statistics *statistics = (const void *)message->result;
            out->run_tsc = statistics->run_tsc;
            out->exits = statistics->exits;
            out->cpu = (uint32_t)statistics->cpu;
        }
        bool halted = __atomic_load_n(&vcpu->page->activity, __ATOMIC_RELAXED) == VCPU_HALTED;
        out->state = vcpu->mode != VCPU_MODE_RUN ? VMM_VCPU_OFFLINE : halted ? VMM_VCPU_HALTED : VMM_VCPU_RUNNING;
    }
}

_Noreturn void control_serve(struct machine *machine) {
    struct message_buffer *message = message_buffer();
    uint64_t reply = WAIT_NO_REPLY;
    for (;;) {
        bool running = machine->hold == 0;
        uint64_t deadline = keys_at < keys_end ? deadline_in_ms(KEYS_PACE_MS)
                            : running          ? deadline_in_ms(STATISTICS_MS)
                                               : NO_DEADLINE;
        struct syscall_result got = sys_reply_wait(reply, EVENT_CONSOLE | MAIN_EVENT_PARKED, deadline);
        reply = WAIT_NO_REPLY;
        lock(machine);
        if (got.status == OK && got.value == WAIT_MESSAGE)
            reply = serve(machine, message->data, message->words);
        else if (got.status == OK && (message->events & EVENT_CONSOLE))
            serial_console_event(machine);
        keys_feed(machine);
        machine_update_statistics(machine);
        machine_unlock(&machine->lock);
    }
}
