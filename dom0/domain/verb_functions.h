// The functions behind the verbs, each in the verb_*.c of its subject.
#pragma once
#include "dom0/domain/verb.h"

#define VERB_FUNCTIONS(X)                                                                                              \
    X(console)                                                                                                         \
    X(counters)                                                                                                        \
    X(crash)                                                                                                           \
    X(create)                                                                                                          \
    X(debug_keys)                                                                                                      \
    X(destroy)                                                                                                         \
    X(dmesg)                                                                                                           \
    X(domid)                                                                                                           \
    X(domname)                                                                                                         \
    X(echo)                                                                                                            \
    X(files)                                                                                                           \
    X(help)                                                                                                            \
    X(info)                                                                                                            \
    X(list)                                                                                                            \
    X(log)                                                                                                             \
    X(pause)                                                                                                           \
    X(poweroff)                                                                                                        \
    X(reboot)                                                                                                          \
    X(regs)                                                                                                            \
    X(rename)                                                                                                          \
    X(reset)                                                                                                           \
    X(restart)                                                                                                         \
    X(screen)                                                                                                          \
    X(shutdown)                                                                                                        \
    X(sleep)                                                                                                           \
    X(top)                                                                                                             \
    X(type)                                                                                                            \
    X(unpause)                                                                                                         \
    X(uptime)                                                                                                          \
    X(vcpu_list)                                                                                                       \
    X(wait)

#define VERB_DECLARE(name) verb_function verb_##name;
VERB_FUNCTIONS(VERB_DECLARE)
#undef VERB_DECLARE
