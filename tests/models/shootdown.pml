// Taking a mapping away: its frame is used for something else only when no CPU can reach it any more, neither by a
// translation of the host space that it has loaded nor by one of a guest that it runs. Nobody waits for ever. Steps
// are in the order of the functions that the comments name. CPU 0 maps and takes away; the others use the space.
#define CPUS   3
#define ROUNDS 2
#define NONE   0

bool lock;                  // kernel/lock.c
byte entry;                 // the frame that the page table shows, NONE: absent
byte generation;            // space->generation
bool freed[ROUNDS + 1];     // the frame may be anything
bool loaded[CPUS];          // cpu->loaded, and CR3
bool running_guest[CPUS], request[CPUS];
bool ipi[CPUS];             // at the local APIC
byte host_tlb[CPUS];        // frame
byte guest_tlb[CPUS];       // frame, under the vCPU's ASID
byte seen[CPUS];            // vcpu->space_generation_seen

// cpu_answer_requests
inline answer(c) {
    if
    :: request[c] ->
        d_step {
            loaded[c] = false; // cpu_load_space(NULL) writes CR3
            host_tlb[c] = NONE
        }
        request[c] = false
    :: else
    fi
}

// lock_acquire_kernel: who waits answers. A CPU with the space loaded may fetch translations even here.
inline acquire(c) {
    do
    :: atomic { !lock -> lock = true; break }
#ifndef BUG_DEAF // who waits for the lock does not answer
    :: lock && request[c] -> answer(c)
#endif
    :: loaded[c] && host_tlb[c] == NONE && entry != NONE -> host_tlb[c] = entry
    od
}

inline reach(tlb) {
    if
    :: tlb == NONE && entry != NONE -> tlb = entry // the walk
    :: else
    fi;
    assert(tlb == NONE || !freed[tlb])
}

// User level in the host space: scheduler_dispatch, then an interrupt or a system call.
inline run_user(c) {
    acquire(c);
    if
    :: !loaded[c] -> loaded[c] = true
    :: else
    fi;
    lock = false;
    do
    :: d_step { reach(host_tlb[c]) }
    :: ipi[c] -> ipi[c] = false; break
    :: break
    od;
    acquire(c);
    lock = false
}

// A guest: vcpu.c, enter; svm_enter, assign_asid.
inline run_guest(c) {
    acquire(c);
#ifndef BUG_LATE_MARK // a CPU says that it runs a guest when others may have looked already
    running_guest[c] = true;
#endif
    lock = false;
    if
    :: seen[c] != generation ->
        d_step {
            seen[c] = generation;
            guest_tlb[c] = NONE // a new ASID
        }
    :: else
    fi;
#ifdef BUG_LATE_MARK
    running_guest[c] = true;
#endif
    do // VMRUN exits at once if an interrupt is pending
    :: !ipi[c] -> d_step { reach(guest_tlb[c]) }
    :: ipi[c] -> break
    :: break
    od;
    running_guest[c] = false;
    if
    :: ipi[c] -> // take_interrupt
        ipi[c] = false;
        answer(c)
    :: else
    fi;
    acquire(c);
    lock = false
}

proctype cpu(byte c) {
    byte round = 0;
    do
    :: round < ROUNDS -> round++; run_user(c)
    :: round < ROUNDS -> round++; run_guest(c)
    :: round == ROUNDS -> break
    od;
end_idle: // idle_wait
    do
    :: ipi[c] -> ipi[c] = false; answer(c)
    od
}

// cpu_unload_everywhere, unload
inline unload(c) {
    if
    :: loaded[c] || running_guest[c] ->
        request[c] = true;
        ipi[c] = true;
#ifndef BUG_NO_WAIT // the frame is used again before the answer
        !request[c]
#endif
    :: else
    fi
}

proctype mapper() {
    byte frame = 0;
    do
    :: frame == ROUNDS -> break
    :: else ->
        frame++;
        acquire(0);
        entry = frame; // space_map
        lock = false;
        acquire(0);
        entry = NONE; // entries_remove
#ifndef BUG_SAME_ASID // a vCPU that does not run now keeps its translations
        generation++; // space_shoot_down
#endif
        unload(1);
        unload(2);
        freed[frame] = true; // frame_unmap
        lock = false
    od
}

init {
    atomic {
        run mapper();
        run cpu(1);
        run cpu(2)
    }
}
