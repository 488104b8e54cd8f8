// Fuzz target: a domain configuration and words of the command line, from bytes that anyone may have written.
// The input is the file; what follows the first line that is "--" are overrides, one a line.
#include <stdlib.h>
#include <string.h>

#include "dom0/domain/domain_config.h"

#define OVERRIDES_MAX 16

static void check(bool holds) {
    if (!holds)
        abort();
}

/* What every configuration that is accepted must be. */
static void check_config(const struct domain_config *config) {
    check(config->version == DOMAIN_CONFIG_VERSION);
    check(config->name[0] != '\0' && memchr(config->name, '\0', sizeof config->name) != NULL);
    check(config->memory_mib >= DOMAIN_MEMORY_MIB_MIN && config->memory_mib <= DOMAIN_MEMORY_MIB_MAX);
    check(config->vcpus >= 1 && config->vcpus <= DOMAIN_VCPUS_MAX);
    check(config->cpu_weight >= 1 && config->cap_percent <= config->vcpus * 100);
    check(config->on_poweroff <= DOMAIN_PRESERVE && config->on_reboot <= DOMAIN_PRESERVE);
    check(config->on_crash <= DOMAIN_PRESERVE && config->boot[0] != '\0' && config->boot[2] == '\0');
    check((config->builder == DOMAIN_BUILDER_KERNEL) == (config->kernel[0] != '\0'));
    check(config->ramdisk[0] == '\0' || config->kernel[0] != '\0');
    check(memchr(config->command_line, '\0', sizeof config->command_line) != NULL);
    check(config->disk_count <= DOMAIN_DISKS_MAX);
    unsigned slots = 0;
    for (unsigned i = 0; i < config->disk_count; i++) {
        const struct domain_disk *disk = &config->disks[i];
        check(disk->slot < 4 && (slots & 1U << disk->slot) == 0);
        slots |= 1U << disk->slot;
        check(disk->kind != DOMAIN_DISK_NONE && (disk->kind == DOMAIN_DISK_RAM || disk->read_only == 1));
        check(disk->kind != DOMAIN_DISK_RAM || disk->size_bytes >= DOMAIN_DISK_RAM_MIN);
        check((disk->kind == DOMAIN_DISK_IMAGE) == (disk->name[0] != '\0'));
        check(memchr(disk->name, '\0', sizeof disk->name) != NULL);
    }
    for (unsigned i = 0; i < DOMAIN_VCPUS_MAX; i++)
        check(config->cpus[i] != 0);
}

static void check_report(const struct config_report *report) {
    check(report->count <= CONFIG_REPORT_MESSAGES);
    for (uint32_t i = 0; i < report->count; i++) {
        char line[CONFIG_REPORT_LINE_MAX];
        size_t length = config_message_format(&report->messages[i], line, sizeof line);
        check(length == strlen(line) && length < sizeof line - 1);
        for (size_t j = 0; j < length; j++) /* nothing in a message can steer the terminal that shows it */
            check(line[j] >= ' ' && line[j] <= '~');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    size_t file_size = size;
    const char *overrides[OVERRIDES_MAX];
    size_t count = 0;
    char *line = strstr(text, "\n--\n"); /* bytes behind a NUL stay in the file */
    if (line != NULL) {
        file_size = (size_t)(line - text) + 1;
        line += 4;
        while (count < OVERRIDES_MAX && *line != '\0') {
            overrides[count++] = line;
            line += strcspn(line, "\n");
            if (*line != '\0')
                *line++ = '\0';
        }
    }
    struct domain_config config, untouched;
    struct config_report report;
    memset(&config, 0xa5, sizeof config);
    untouched = config;
    char *file = malloc(file_size); /* of exactly its size, so that reading behind it is found */
    check(file != NULL || file_size == 0);
    memcpy(file, text, file_size);
    int result = domain_config_parse("fuzz.cfg", file, file_size, overrides, count, &config, &report);
    check((result == 0) == (report.errors == 0));
    if (result == 0)
        check_config(&config);
    else
        check(memcmp(&config, &untouched, sizeof config) == 0);
    check_report(&report);
    free(file);
    free(text);
    return 0;
}
