// The DSDT in AML: dsdt.hex is what iasl -tc makes of dsdt.asl.
#include "dsdt.hex"
#include "dom0/vmm/acpi_tables.h"

const uint8_t *const acpi_dsdt = dsdt_aml_code;
const size_t acpi_dsdt_bytes = sizeof dsdt_aml_code;
