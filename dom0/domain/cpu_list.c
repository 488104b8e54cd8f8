// CPULIST of xl.cfg(5): items separated by commas, each adding host CPUs to a set or taking them away.
#include "dom0/domain/cpu_list.h"

#include <string.h>

static const char not_a_list[] = "is not a list of CPUs";
static const char too_large[] = "names a CPU above 63";

/* The decimal number at `*text`, which is moved behind it; above 63 it is CPU_LIST_CPUS, without a digit -1. */
static int cpu_number(const char **text) {
    int number = 0;
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0)
        return -1;
    for (size_t i = 0; i < digits && number < CPU_LIST_CPUS; i++)
        number = number * 10 + ((*text)[i] - '0');
    *text += digits;
    return number < CPU_LIST_CPUS ? number : CPU_LIST_CPUS;
}

static uint64_t cpu_range(int first, int last) {
    uint64_t upto_last = last == CPU_LIST_CPUS - 1 ? UINT64_MAX : (UINT64_C(1) << (last + 1)) - 1;
    return upto_last & ~((UINT64_C(1) << first) - 1);
}

/* One item without its comma: "all", "N", "N-M", "^N", "^N-M". */
static const char *cpu_item_parse(const char *text, size_t length, uint64_t *cpus) {
    const char *end = text + length;
    if (length == 3 && memcmp(text, "all", 3) == 0) {
        *cpus = UINT64_MAX;
        return NULL;
    }
    bool remove = *text == '^';
    text += remove;
    if (remove && end - text == 3 && memcmp(text, "all", 3) == 0)
        return "combines \"^\" and \"all\"";
    if (strncmp(text, "node:", 5) == 0 || strncmp(text, "nodes:", 6) == 0)
        return "names NUMA nodes, which is not supported yet";
    int first = cpu_number(&text);
    int last = first;
    if (first >= 0 && *text == '-') {
        text++;
        last = cpu_number(&text);
    }
    if (first < 0 || last < 0 || text != end)
        return not_a_list;
    if (first == CPU_LIST_CPUS || last == CPU_LIST_CPUS)
        return too_large;
    if (last < first)
        return "has a range that ends before it begins";
    if (remove)
        *cpus &= ~cpu_range(first, last);
    else
        *cpus |= cpu_range(first, last);
    return NULL;
}

const char *cpu_list_parse(const char *text, uint64_t *cpus) {
    uint64_t set = 0;
    for (;;) {
        text += strspn(text, " \t");
        size_t length = strcspn(text, ",");
        size_t item = length;
        while (item > 0 && (text[item - 1] == ' ' || text[item - 1] == '\t'))
            item--;
        if (item == 0)
            return not_a_list;
        const char *wrong = cpu_item_parse(text, item, &set);
        if (wrong != NULL)
            return wrong;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    if (set == 0)
        return "leaves no CPU to run on";
    *cpus = set;
    return NULL;
}
