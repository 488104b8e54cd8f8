// Gives the inline functions to Frama-C.
#include "dom0/vmm/task_checks.h"
