// Gives the inline function to Frama-C.
#include "kernel/features.h"
