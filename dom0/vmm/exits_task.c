// Exits for hardware task switches.
#include "dom0/vmm/machine.h"
#include "dom0/vmm/task.h"

// The instruction, where the hardware does not say its length: on AMD-V.
static bool find_length(struct vcpu *vcpu, unsigned *length) {
    enum emulate_result result = *length ? EMULATE_DONE : emulate_decode(&vcpu->emulate);
    if (result != EMULATE_DONE)
        vcpu_emulated(vcpu, result);
    else if (!*length)
        *length = vcpu->emulate.instruction->length;
    return result == EMULATE_DONE;
}

// An exception of the switch, which may be within the delivery of another one.
static void raise(struct vcpu *vcpu, const struct task_request *request) {
    uint64_t fault = vcpu->emulate.exception;
    bool nested = request->source == TASK_GATE && (request->event & EVENT_TYPE) == EVENT_EXCEPTION;
    unsigned vector = EVENT_VECTOR(fault);
    if (nested)
        vector = exception_in_delivery(EVENT_VECTOR(request->event), vector);
    if (vector == EXCEPTION_SHUTDOWN)
        machine_triple_fault(vcpu->machine);
    else
        vcpu_inject(vcpu, vector == EVENT_VECTOR(fault) ? fault : exception_with_error(vector, 0));
}

void exit_task_switch(struct vcpu *vcpu) {
    const struct vcpu_page *page = vcpu->page;
    struct task_request request = {(uint16_t)page->qualification, page->qualification >> 16 & 3,
                                   page->instruction_length, page->event};
    // Bochs' AMD-V has in EXITINTINFO what was delivered before if it is INTn; but its next RIP is behind that.
    if (request.source == TASK_GATE && request.length)
        request.event = EVENT_VALID | EVENT_SOFTWARE;
    bool behind = request.source != TASK_GATE || event_by_instruction(request.event);
    if (!vcpu_need(vcpu, GROUP_SEGMENT | GROUP_TABLE | GROUP_DEBUG) || (behind && !find_length(vcpu, &request.length)))
        return;
    vcpu_inject(vcpu, 0); // the task is there instead
    if (task_switch(&vcpu->emulate, &request) == EMULATE_FAULT)
        raise(vcpu, &request);
}
