// Gives the account's inline functions to Frama-C.
#include "kernel/quota.h"
