// Gives the inline function to Frama-C.
#include "dom0/vmm/cr4.h"
