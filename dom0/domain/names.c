// Names for completion and messages: of domains and of files aboard.
#include <string.h>

#include "dom0/domain/aboard.h"
#include "dom0/domain/completion.h"
#include "dom0/domain/domains.h"
#include "lib/format.h"

void completion_domains(completion_name *offer, void *context) {
    for (struct domain *domain = NULL; (domain = domain_next(domain));)
        offer(context, domain->config.name);
}

static bool has_ends(const char *name, const char *prefix, const char *suffix) {
    size_t length = strlen(name), end = strlen(suffix);
    return !strncmp(name, prefix, strlen(prefix)) && length >= end && !strcmp(name + length - end, suffix);
}

// Configurations, as create takes them: with and without their folder.
void completion_files(completion_name *offer, void *context) {
    struct aboard_file file;
    for (uint64_t cursor = 0; aboard_next(&cursor, &file);) {
        if (has_ends(file.name, "etc/", ".cfg"))
            offer(context, file.name + 4);
        if (has_ends(file.name, "", ".cfg"))
            offer(context, file.name);
    }
}

const char *aboard_names(const char *prefix, const char *suffix, char *to, size_t size) {
    struct aboard_file file;
    size_t used = 0;
    to[0] = '\0';
    for (uint64_t cursor = 0; aboard_next(&cursor, &file) && used < size;)
        if (has_ends(file.name, prefix, suffix))
            used += (size_t)format(to + used, size - used, "%s%s", used ? ", " : "", file.name);
    return to;
}
