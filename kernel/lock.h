// The one lock of the core. System calls are short and the fast path holds it for some hundred instructions; a
// microkernel under one lock scales to the few CPUs that contend (Peters et al., APSys 2015), and every operation is
// atomic towards user level. Who waits answers TLB requests, so that the holder may wait for acknowledgements.
#pragma once

void lock_acquire_kernel(void);
void lock_release_kernel(void);
