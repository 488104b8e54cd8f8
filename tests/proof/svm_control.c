// Gives the control words' inline functions to Frama-C, which knows no _Alignas.
#define _Alignas(bytes) __attribute__((aligned(bytes)))
#include "svm/svm_control.h"
