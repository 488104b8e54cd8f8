// A poke, or an interrupt that is posted, against a vCPU that is about to enter its guest: neither may be missed, that
// is, the guest may not run on, nor a halted one sleep on, while one waits. Steps are in the order of the functions
// that the comments name. CPU 0 runs the vCPU; the others poke and post.
#define EXITS 2 // that the guest causes itself

mtype = { NOTHING, HALTED };

bool lock;             // kernel/lock.c
bool ipi;              // at CPU 0's local APIC, until it is taken
bool runner;           // vcpu->runner
mtype wait = NOTHING;  // runner->wait
bool poked;            // vcpu->poked
bool posted, pir[2];   // the state page, written without the lock
bool halted;           // page->activity
bool in_guest;

inline acquire() {
    atomic { !lock -> lock = true }
}

// vcpu_kick
inline kick() {
    if
    :: runner && wait == HALTED -> wait = NOTHING // thread_wake
    :: runner && wait == NOTHING -> ipi = true    // cpu_notify
    :: else
    fi
}

// take_posted; what it finds is delivered
inline take_posted() {
#ifdef BUG_CLEAR_AFTER_LOOK // `posted` is cleared behind the look at PIR
    pir[0] = false;
    pir[1] = false;
    posted = false
#else
    posted = false;
    pir[0] = false;
    pir[1] = false
#endif
}

proctype vcpu() {
    byte exits = 0;
vmm:
    if
    :: ipi = false // taken at user level
    :: skip
    fi;
    acquire();
    runner = true; // vcpu_run
continue: // vcpu_continue, with the lock
    if // interrupted_run
    :: poked ->
        poked = false;
        runner = false; // leave_between
        lock = false;
        goto vmm
    :: else
    fi;
    if // nothing_waits, else inject_collect
    :: posted ->
        take_posted();
        halted = false
    :: else ->
        if
        :: halted -> // halt
            wait = HALTED;
            lock = false;
            goto sleep
        :: else
        fi
    fi;
    lock = false; // enter
#ifdef BUG_INTERRUPTS_ON // interrupts are on between the look and the entry
    ipi = false;
#endif
    in_guest = true; // VMRUN with GIF clear, or VM entry with IF clear: what is pending makes it exit at once
end_guest:
    if
    :: ipi -> ipi = false // take_interrupt
    :: exits < EXITS -> exits++; halted = true // HLT
    :: exits < EXITS -> exits++ // one that the core handles
    fi;
    in_guest = false;
    acquire();
    goto continue;
sleep: // another thread runs, or the CPU is idle
end_sleep:
    if
    :: wait == NOTHING
    :: ipi -> ipi = false; goto sleep
    fi;
    acquire();
    halted = false; // what woke it is delivered, or an exit
    goto continue
}

proctype poker() {
#ifdef BUG_NO_LOCK // vcpu_poke without the lock
    poked = true;
    kick()
#else
    acquire();
    poked = true; // vcpu_poke
    kick();
    lock = false
#endif
}

// A thread of the VMM: lapic_post and lapic_kick, then VCPU_KICK if nobody else is about to.
proctype poster(byte vector) {
    bool before;
    pir[vector] = true;
    atomic { before = posted; posted = true }
    if
    :: !before ->
        acquire();
        kick();
        lock = false
    :: else
    fi
}

init {
    atomic {
        run vcpu();
        run poker();
        run poker();
        run poster(0);
        run poster(1)
    }
    // Nobody can do anything any more.
    timeout -> assert(!poked && !pir[0] && !pir[1] && (in_guest || wait == HALTED))
}
