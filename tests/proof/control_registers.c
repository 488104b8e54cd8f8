// Gives the inline functions to Frama-C.
#include "lib/control_registers.h"
