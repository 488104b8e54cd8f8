// Names of domains and of files aboard, for completion and messages.
#include <string.h>

#include "dom0/domain/aboard.h"
#include "dom0/domain/completion.h"
#include "dom0/domain/domains.h"
#include "dom0/domain/name_list.h"
#include "lib/format.h"

void completion_domains(completion_name *offer, void *context) {
    for (struct domain *domain = NULL; (domain = domain_next(domain));)
        offer(context, domain->config.name);
}

void completion_files(completion_name *offer, void *context) {
    struct aboard_file file;
    for (uint64_t cursor = 0; aboard_next(&cursor, &file);)
        if (!strncmp(file.name, ABOARD_DOMAINS, strlen(ABOARD_DOMAINS)))
            offer(context, file.name + strlen(ABOARD_DOMAINS));
}

bool aboard_find_in(const char *folder, const char *name, struct aboard_file *file) {
    char path[256];
    if (aboard_find(name, file))
        return true;
    int length = format(path, sizeof path, "%s%s", folder, name);
    return (size_t)length < sizeof path && aboard_find(path, file);
}

const char *aboard_names(const char *folder, char *to, size_t size) {
    struct aboard_file file;
    struct name_list list = name_list_begin(to, size, "none");
    for (uint64_t cursor = 0; aboard_next(&cursor, &file);)
        if (!strncmp(file.name, folder, strlen(folder)))
            name_list_add(&list, file.name + strlen(folder));
    return to;
}
