// Which of Xen's disks this hypervisor offers now: images aboard, empty CD-ROM drives, disks in memory, on IDE.
#pragma once

#include "dom0/domain/disk_spec.h"
#include "dom0/domain/domain_config.h"

/* Checks that a disk can be given to a domain and describes it. False: `error` says why not. */
__attribute__((warn_unused_result)) bool disk_choose(const struct disk_spec *spec, struct domain_disk *disk,
                                                     struct disk_error *error);
