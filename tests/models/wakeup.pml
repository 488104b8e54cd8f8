// Wake-ups of a thread that blocks, on a CPU that then idles: by a semaphore, by a reply, by its time-out. None may be
// lost, that is, the thread may not sleep on; and a reply may not end another wait than that of its call. Steps are in
// the order of the functions that the comments name. CPU 0 has the thread; the others up the semaphore and serve.
#define WAITS 2 // of the thread, each one of the two kinds
#define EARLY 1 // so often the timer fires before the deadline: it was armed for something earlier

mtype = { NOTHING, SEMAPHORE, QUEUED, REPLY };

bool lock;             // kernel/lock.c
mtype wait = NOTHING;  // thread->wait
bool queued = true;    // in CPU 0's run queue
byte count;            // of the semaphore
bool timeout_set;      // in CPU 0's list
bool late;             // its deadline has passed
bool ipi, tick;        // at CPU 0's local APIC, until they are taken
bool armed, timer;     // cpu->armed_tsc, and the hardware's timer
bool caller;           // server->caller is the thread
bool server_waits;     // server->wait == WAIT_FOR_MESSAGE
bool message;          // the server has a call to work on
byte call, serving;    // the call's number: of the thread, of the server
byte answer;           // what a wake-up brought: the number of the call, or one of these
#define OK      100
#define TIMEOUT 101

inline acquire() {
    atomic { !lock -> lock = true }
}

// thread_wake: leave_wait, call_abandon, scheduler_enqueue
inline wake(result, other_cpu) {
    timeout_set = false;
#ifdef BUG_CALLER_STAYS // a server keeps a caller whose time is over
    if
    :: result != TIMEOUT -> caller = false
    :: else
    fi;
#else
    caller = false;
#endif
    answer = result;
    wait = NOTHING;
    queued = true;
#ifndef BUG_NO_NOTIFY // who puts a thread into another CPU's queue does not tell it
    ipi = ipi || other_cpu
#endif
}

inline timeout_expire() {
    if
    :: timeout_set && late -> wake(TIMEOUT, false)
    :: else
    fi
}

// handle_interrupt, with the lock
inline interrupts() {
    if
    :: tick ->
        tick = false;
#ifndef BUG_ARMED_STAYS // the timer fired, and still counts as armed
        armed = false
#endif
    :: else
    fi;
    ipi = false;
    timeout_expire()
}

// thread_block
inline block(how) {
    wait = how;
    queued = false;
    late = false;
    if
    :: timeout_set = true
    :: timeout_set = false // NO_DEADLINE
    fi
}

inline semaphore_down() {
#ifdef BUG_DOWN_WITHOUT_LOCK // the count is looked at before the lock is taken
    seen = count;
    acquire();
#else
    acquire();
    seen = count;
#endif
    if
    :: seen > 0 -> count--; answer = OK
    :: else -> block(SEMAPHORE)
    fi
}

inline portal_call() {
    acquire();
    call++;
    if
    :: server_waits && !caller ->
        block(REPLY);
        server_waits = false;
        caller = true;
        serving = call;
        message = true
    :: else -> block(QUEUED)
    fi
}

proctype thread_and_cpu() {
    byte waits = 0, seen, wanted;
    do
    :: waits < WAITS ->
        waits++;
        if
        :: semaphore_down(); wanted = OK
        :: portal_call(); wanted = call
        fi;
dispatch: // scheduler_dispatch, with the lock
        if
        :: queued
        :: else ->
            if // scheduler_arm, clock_arm
            :: timeout_set && !armed -> armed = true; timer = true
            :: else
            fi;
            lock = false;
#ifdef BUG_STI_BEFORE_HLT // interrupts are taken between STI and HLT
            if
            :: ipi || tick -> acquire(); interrupts(); lock = false
            :: else
            fi;
#endif
            ipi || tick; // idle_wait: HLT in the shadow of STI
            acquire();
            interrupts();
            lock = false;
            acquire();
            timeout_expire();
            goto dispatch
        fi;
        lock = false;
        assert(wait == NOTHING && (answer == wanted || answer == TIMEOUT))
    :: else -> break
    od
}

proctype upper() { // semaphore_up
    byte ups = 0;
    do
    :: ups < WAITS ->
        ups++;
        acquire();
        if
        :: wait == SEMAPHORE -> wake(OK, true)
        :: else -> count++
        fi;
        lock = false
    :: else -> break
    od
}

proctype server() { // reply_wait
    byte number = 0;
    do
    :: if
        :: timeout_set -> !timeout_set // it is slow
        :: true
        fi;
        acquire();
        if
        :: number && caller -> wake(number, true)
        :: else
        fi;
        if
        :: wait == QUEUED -> // take_next_call
            wait = REPLY;
            caller = true;
            serving = call;
            message = true
        :: else -> server_waits = true
        fi;
        lock = false;
end_served:
        message;
        message = false;
        number = serving
    od
}

active proctype clock() {
end_time:
    do
    :: timeout_set && !late -> late = true
    od
}

active proctype timer_hardware() {
    byte early = 0;
end_timer:
    do
    :: timer && late -> timer = false; tick = true
    :: timer && early < EARLY -> early++; timer = false; tick = true
    od
}

init {
    atomic {
        run thread_and_cpu();
        run upper();
        run server()
    }
}
