// Gives the entries' inline functions to Frama-C, which knows no _Alignas.
#define _Alignas(bytes) __attribute__((aligned(bytes)))
#include "kernel/ept.h"
