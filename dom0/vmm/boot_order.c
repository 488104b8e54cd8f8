// Boot order for SeaBIOS: its device paths are Open Firmware's, as QEMU writes them.
#include "dom0/vmm/boot_order.h"
#include "dom0/vmm/ide.h"
#include "lib/format.h"
#include "lib/string.h"

#define PATH_BYTES 64

uint16_t boot_order_nibbles(const char *letters) {
    static const char known[] = "acdn"; // floppy 1, disk 2, CD-ROM 3, network 4
    unsigned nibbles = 0, shift = 0;
    for (; *letters && shift < 12; letters++) {
        const char *at = strchr(known, *letters);
        if (!at)
            continue;
        nibbles |= (unsigned)(at - known + 1) << shift;
        shift += 4;
    }
    return (uint16_t)nibbles;
}

static int device_path(char to[PATH_BYTES], const struct boot_device *device) {
    return format(to, PATH_BYTES, "/pci@i0cf8/ide@%x,%x/drive@%x/disk@%x\n", IDE_DEVFN >> 3, IDE_DEVFN & 7,
                  device->channel, device->drive);
}

size_t boot_order_file(char *to, size_t size, const char *letters, const struct boot_device *devices, size_t count) {
    size_t used = 0;
    for (; *letters; letters++)
        for (size_t i = 0; i < count; i++) {
            char path[PATH_BYTES];
            if (devices[i].kind != *letters)
                continue;
            size_t length = (size_t)device_path(path, &devices[i]);
            if (length >= size - used)
                continue;
            memcpy(to + used, path, length);
            used += length;
        }
    to[used] = '\0';
    return used + 1;
}
