// Gives the inline functions on exceptions to Frama-C, which knows no _Alignas.
#define _Alignas(bytes) __attribute__((aligned(bytes)))
#include "kernel/exception.h"
