// Gives the decisions' inline functions to Frama-C.
#include "kernel/turn.h"
