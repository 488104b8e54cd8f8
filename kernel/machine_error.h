// What a machine check means for whom: the decision, from what the banks say and whose the memory is. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// MCG_STATUS and MCi_STATUS (SDM 3B 16.3.1.2, 16.3.2.2; APM 2 9.3.2)
#define MCG_STATUS_RIPV 1ull // what was interrupted can go on
#define MCI_STATUS_VAL  (1ull << 63)
#define MCI_STATUS_OVER (1ull << 62) // errors were lost
#define MCI_STATUS_UC   (1ull << 61) // not corrected
#define MCI_STATUS_ADDR (1ull << 58) // the address register is valid
#define MCI_STATUS_PCC  (1ull << 57) // the processor's state may be corrupt

enum machine_error {
    MACHINE_ERROR_NONE,
    MACHINE_ERROR_CORRECTED,
    MACHINE_ERROR_MEMORY, // of the memory at the bank's address, and nothing else
    MACHINE_ERROR_FATAL
};

// Whose the memory at an error's address is.
enum machine_memory {
    MACHINE_MEMORY_DOMAIN,  // a protection domain's
    MACHINE_MEMORY_FREE,    // nobody maps it
    MACHINE_MEMORY_UNKNOWN, // the core's, shared, or no memory at all
};

enum machine_check_action { MACHINE_CHECK_GO_ON, MACHINE_CHECK_END_OWNER, MACHINE_CHECK_STOP };

/*@ logic boolean machine_error_contained(uint64_t status) =
      (status & MCI_STATUS_OVER) == 0 && (status & MCI_STATUS_PCC) == 0 && (status & MCI_STATUS_ADDR) != 0;
*/

// What a bank's status says. `address_is_physical`: its address is one of memory, for all that the machine says.
/*@ assigns \nothing;
    ensures (status & MCI_STATUS_VAL) == 0 ==> \result == MACHINE_ERROR_NONE;
    ensures (status & MCI_STATUS_VAL) != 0 && (status & MCI_STATUS_UC) == 0 ==> \result == MACHINE_ERROR_CORRECTED;
    ensures \result == MACHINE_ERROR_MEMORY <==> (status & MCI_STATUS_VAL) != 0 && (status & MCI_STATUS_UC) != 0 &&
      machine_error_contained(status) == \true && address_is_physical;
    ensures \result == MACHINE_ERROR_FATAL <==> (status & MCI_STATUS_VAL) != 0 && (status & MCI_STATUS_UC) != 0 &&
      !(machine_error_contained(status) == \true && address_is_physical);
*/
enum machine_error machine_error_of(uint64_t status, bool address_is_physical);

// What is to be done. `restartable`: what was interrupted can go on. `owner_interrupted`: that was the memory's owner.
/*@ assigns \nothing;
    ensures error == MACHINE_ERROR_FATAL ==> \result == MACHINE_CHECK_STOP;
    ensures \result == MACHINE_CHECK_END_OWNER ==> error == MACHINE_ERROR_MEMORY && memory == MACHINE_MEMORY_DOMAIN;
    ensures \result == MACHINE_CHECK_GO_ON ==> restartable;
    ensures !restartable && \result != MACHINE_CHECK_STOP ==> owner_interrupted && memory == MACHINE_MEMORY_DOMAIN;
    ensures restartable && (error == MACHINE_ERROR_NONE || error == MACHINE_ERROR_CORRECTED) ==>
      \result == MACHINE_CHECK_GO_ON;
    ensures error == MACHINE_ERROR_MEMORY && memory == MACHINE_MEMORY_UNKNOWN ==> \result == MACHINE_CHECK_STOP;
*/
enum machine_check_action machine_check_decide(enum machine_error error, bool restartable, enum machine_memory memory,
                                               bool owner_interrupted);
