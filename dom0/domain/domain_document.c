// A domain's configuration as JSON.
#include "dom0/domain/domain_document.h"

#include "lib/format.h"

static void put_string(const struct text_sink *sink, const char *key, const char *text) {
    sink_print(sink, ",\n    \"%s\": ", key);
    sink_json_string(sink, text);
}

static void put_number(const struct text_sink *sink, const char *key, unsigned value) {
    sink_print(sink, ",\n    \"%s\": %u", key, value);
}

// RFC 4122 section 3.
static void put_uuid(const struct text_sink *sink, const uint8_t uuid[16]) {
    char text[40] = "";
    size_t used = 0;
    for (size_t i = 0; i < 16; i++)
        used += (size_t)format(text + used, sizeof text - used, "%s%02x",
                               i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
    put_string(sink, "uuid", text);
}

static void put_disk(const struct text_sink *sink, const struct domain_disk *disk) {
    static const char *const formats[] = {[DOMAIN_DISK_NONE] = "none",
                                          [DOMAIN_DISK_IMAGE] = "raw",
                                          [DOMAIN_DISK_RAM] = "ram",
                                          [DOMAIN_DISK_EMPTY] = "empty"};
    sink_print(sink, "{\"vdev\": \"hd%c\", \"format\": \"%s\", \"target\": ", 'a' + disk->slot,
               disk->kind < sizeof formats / sizeof *formats ? formats[disk->kind] : "none");
    sink_json_string(sink, disk->name);
    sink_print(sink, ", \"size\": %llu, \"removable\": %s, \"readwrite\": %s}", (unsigned long long)disk->size_bytes,
               disk->cdrom ? "true" : "false", disk->read_only ? "false" : "true");
}

static void put_disks(const struct text_sink *sink, const struct domain_config *config) {
    sink_print(sink, ",\n    \"disk\": [");
    for (unsigned i = 0; i < config->disk_count && i < DOMAIN_DISKS_MAX; i++) {
        sink_print(sink, "%s\n      ", i ? "," : "");
        put_disk(sink, &config->disks[i]);
    }
    sink_print(sink, "]");
}

// A mask for each vCPU, as the key's strings: "0-2,5"; "all" is any CPU that there is or could be.
static void put_cpus(const struct text_sink *sink, const struct domain_config *config) {
    sink_print(sink, ",\n    \"cpus\": [");
    for (unsigned vcpu = 0; vcpu < config->vcpus && vcpu < DOMAIN_VCPUS_MAX; vcpu++) {
        uint64_t set = config->cpus[vcpu];
        sink_print(sink, "%s\"%s", vcpu ? ", " : "", set == UINT64_MAX ? "all" : "");
        for (unsigned cpu = 0, shown = 0; set != UINT64_MAX && cpu < 64; cpu++) {
            unsigned last = cpu;
            if (!(set >> cpu & 1))
                continue;
            while (last < 63 && set >> (last + 1) & 1)
                last++;
            sink_print(sink, "%s%u", shown++ ? "," : "", cpu);
            if (last > cpu)
                sink_print(sink, "-%u", last);
            cpu = last;
        }
        sink_print(sink, "\"");
    }
    sink_print(sink, "]");
}

void domain_document(const struct text_sink *sink, const struct domain_config *config) {
    sink_print(sink, "{\n    \"name\": ");
    sink_json_string(sink, config->name);
    put_uuid(sink, config->uuid);
    put_string(sink, "builder", config->builder == DOMAIN_BUILDER_KERNEL ? "linux" : "hvm");
    put_number(sink, "memory", config->memory_mib);
    put_number(sink, "maxmem", config->memory_mib);
    put_number(sink, "vcpus", config->vcpus);
    put_number(sink, "maxvcpus", config->vcpus);
    put_cpus(sink, config);
    if (config->builder == DOMAIN_BUILDER_KERNEL) {
        put_string(sink, "kernel", config->kernel);
        put_string(sink, "ramdisk", config->ramdisk);
        put_string(sink, "cmdline", config->command_line);
    } else {
        put_string(sink, "boot", config->boot);
    }
    put_disks(sink, config);
    put_string(sink, "serial", config->serial_pty ? "pty" : "none");
    put_number(sink, "acpi", config->acpi);
    put_number(sink, "apic", config->apic);
    put_number(sink, "localtime", config->localtime);
    sink_print(sink, ",\n    \"rtc_timeoffset\": %d", config->rtc_timeoffset_seconds);
    put_number(sink, "cpu_weight", config->cpu_weight);
    put_number(sink, "cap", config->cap_percent);
    put_string(sink, "on_poweroff", domain_action_name(config->on_poweroff));
    put_string(sink, "on_reboot", domain_action_name(config->on_reboot));
    put_string(sink, "on_crash", domain_action_name(config->on_crash));
    sink_print(sink, "\n  }");
}
