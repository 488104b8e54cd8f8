// The verb create: from a configuration aboard and words of the command line to a running domain.
#include <string.h>

#include "dom0/domain/aboard.h"
#include "dom0/domain/domain_check.h"
#include "dom0/domain/domain_document.h"
#include "dom0/domain/manager.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/uuid.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/format.h"

static bool find_configuration(const char *name, struct aboard_file *file) {
    char path[DOMAIN_FILE_NAME_MAX + 1];
    format(path, sizeof path, "%s.cfg", name);
    return aboard_find_in(ABOARD_DOMAINS, name, file) || aboard_find_in(ABOARD_DOMAINS, path, file);
}

static int refuse_configuration(const struct invocation *invocation, const char *name) {
    char names[384];
    return verb_fails(invocation, "no such configuration aboard: %s; aboard are: %s", word_shown(name).text,
                      aboard_names(ABOARD_DOMAINS, names, sizeof names));
}

static void print_report(const struct config_report *report) {
    char line[CONFIG_REPORT_LINE_MAX];
    for (uint32_t i = 0; i < report->count; i++) {
        config_message_format(&report->messages[i], line, sizeof line);
        terminal_write(line, strlen(line));
        terminal_print("\n");
    }
    if (report->errors + report->warnings > report->count)
        terminal_print("and %u more\n", report->errors + report->warnings - report->count);
}

// The file's name: an operand without =, or the value of -f. *FIRST is the first operand behind it.
static const char *file_operand(const struct invocation *invocation, int *first) {
    const char *name = option_name(invocation, "defconfig");
    *first = 0;
    if (!name && invocation->operands && !strchr(invocation->operand[0], '=')) {
        name = invocation->operand[0];
        *first = 1;
    }
    return name;
}

static int read_configuration(const struct invocation *invocation, struct domain_config *config) {
    static struct config_report report;
    struct aboard_file file = {CONFIG_COMMAND_LINE, "", 0};
    int first;
    const char *name = file_operand(invocation, &first);
    if (!name && invocation->operands == first)
        return verb_fails(invocation, "no configuration: give a FILE aboard, or KEY=VALUE words");
    if (name && !find_configuration(name, &file))
        return refuse_configuration(invocation, name);
    config_report_clear(&report);
    int result = domain_config_parse(file.name, file.data, file.size, invocation->operand + first,
                                     (size_t)(invocation->operands - first), config, &report);
    print_report(&report);
    if (result)
        return verb_fails(invocation, "%s: nothing was created", file.name);
    if (!config->uuid_set)
        uuid_make(config->uuid);
    config->uuid_set = true;
    return 0;
}

static int check_configuration(const struct invocation *invocation, struct domain_config *config) {
    char error[512];
    const struct domain *other = domain_find(config->name);
    if (other && !strcmp(other->config.name, config->name))
        return verb_fails(invocation, "domain %s already exists, with id %u", config->name, other->id);
    return domain_resolve(config, error, sizeof error) ? verb_fails(invocation, "%s", error) : 0;
}

int verb_create(const struct invocation *invocation) {
    static struct domain_config config;
    char error[DOMAIN_ERROR_SIZE];
    int status = read_configuration(invocation, &config);
    if (!status)
        status = check_configuration(invocation, &config);
    if (status)
        return status;
    if (option_letter(invocation, 'n')) {
        domain_document(&terminal_sink, &config);
        terminal_print("\n");
        return 0;
    }
    uint64_t begun = manager_now_ms();
    struct domain *domain = domain_create(&config, option_letter(invocation, 'p') != NULL, error);
    if (!domain)
        return verb_fails(invocation, "%s: %s", config.name, error);
    if (!option_letter(invocation, 'q'))
        terminal_print("domain %s created with id %u in %llu ms\n", config.name, domain->id,
                       (unsigned long long)(manager_now_ms() - begun));
    if (option_name(invocation, "console")) {
        struct invocation attach = {.verb = verb_find("console"), .operands = 1, .operand = {config.name}};
        return verb_console(&attach);
    }
    return 0;
}
