// Gives the inline function to Frama-C.
#include "lib/apic_priority.h"
