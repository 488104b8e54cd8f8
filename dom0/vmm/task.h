// Hardware task switches (SDM 3A 7.3; APM 2 12.4): a guest's make it exit, and are done here. The state of the old task
// goes to its TSS, that of the new one comes from its own. Pure: state is a vCPU page, memory is reached through the
// emulator's host. The checks are task_checks.h's.
#pragma once
#include "dom0/vmm/emulate.h"

enum task_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE }; // as VCPU_EXIT_TASK_SWITCH has them

struct task_request {
    uint16_t selector; // of the new task's TSS
    enum task_source source;
    unsigned length; // of the instruction that the old task goes on behind; 0: it goes on at RIP
    uint64_t event;  // TASK_GATE: what came through the gate of the IDT, EVENT_* format
};

// Do INTn, INT3, INTO or INT1 make such an event?
static inline bool event_by_instruction(uint64_t event) {
    bool trap = (event & EVENT_TYPE) == EVENT_EXCEPTION && (EVENT_VECTOR(event) == 3 || EVENT_VECTOR(event) == 4);
    return (event & EVENT_TYPE) >= EVENT_SOFTWARE || trap;
}

// Switches tasks. The processor has checked already that the guest may (SDM 3C 26.4.2; APM 2 15.14.1). All groups but
// XCR0, MSR and TSC are valid. EMULATE_FAULT: `exception` is raised in the old task, where nothing but CR2 has changed,
// or in the new one before its first instruction: a segment that cannot be loaded is unusable then, and TSS.T is #DB.
enum emulate_result task_switch(struct emulate *e, const struct task_request *request);
