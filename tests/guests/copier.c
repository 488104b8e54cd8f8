// The guest that must not notice what others do: it fills memory, copies it, writes it to its disk, reads it back, and
// compares. It prints "copier round N" now and then, answers a byte typed on its serial line with "copier echo BYTE",
// and stops with "copier BAD ..." at the first difference.
#include "tests/guests/guest.h"

#define SOURCE         ((uint64_t *)0x200000)
#define COPY           ((uint64_t *)0x280000)
#define FROM_DISK      ((uint64_t *)0x300000)
#define BYTES          0x80000u
#define DISK_SECTORS   64u // a round
#define DISK_PLACES    64u
#define SECTOR_WORDS   256u
#define ROUNDS_A_LINE  32u
#define ATA_DATA       0x1f0
#define ATA_COUNT      0x1f2
#define ATA_LBA        0x1f3
#define ATA_DEVICE     0x1f6
#define ATA_COMMAND    0x1f7
#define ATA_READ       0x20
#define ATA_WRITE      0x30
#define ATA_BUSY       0x80
#define ATA_READY_DATA 0x08
#define ATA_ERROR      0x01

static uint64_t next(uint64_t x) {
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ x << 17;
}

static void fill(uint64_t round) {
    uint64_t x = round * 0x9e3779b97f4a7c15 + 1;
    for (unsigned i = 0; i < BYTES / 8; i++)
        SOURCE[i] = x = next(x);
}

static void copy(void) {
    void *to = COPY;
    const void *from = SOURCE;
    uint64_t words = BYTES / 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

static void compare(const char *what, const uint64_t *with, unsigned bytes, uint64_t round) {
    uint64_t x = round * 0x9e3779b97f4a7c15 + 1;
    for (unsigned i = 0; i < bytes / 8; i++) {
        x = next(x);
        if (with[i] == x)
            continue;
        for (;;) {
            print("copier BAD %s, round %llu, word %u: %llx instead of %llx\n", what, (unsigned long long)round, i,
                  (unsigned long long)with[i], (unsigned long long)x);
            __asm__ volatile("cli; hlt");
        }
    }
}

static bool disk_wait(void) {
    uint8_t status;
    while ((status = inb(ATA_COMMAND)) & ATA_BUSY)
        ;
    return (status & (ATA_READY_DATA | ATA_ERROR)) == ATA_READY_DATA;
}

static bool disk_start(uint8_t command, uint32_t lba) {
    outb(ATA_DEVICE, 0xe0);
    outb(ATA_COUNT, DISK_SECTORS);
    for (unsigned i = 0; i < 3; i++)
        outb((uint16_t)(ATA_LBA + i), (uint8_t)(lba >> 8 * i));
    outb(ATA_COMMAND, command);
    return disk_wait();
}

static bool disk_write(const void *from, uint32_t lba) {
    bool good = disk_start(ATA_WRITE, lba);
    for (unsigned sector = 0; good && sector < DISK_SECTORS; sector++) {
        uint64_t words = SECTOR_WORDS;
        __asm__ volatile("rep outsw" : "+S"(from), "+c"(words) : "d"(ATA_DATA) : "memory");
        good = disk_wait() || sector == DISK_SECTORS - 1;
    }
    return good;
}

static bool disk_read(void *to, uint32_t lba) {
    bool good = disk_start(ATA_READ, lba);
    for (unsigned sector = 0; good && sector < DISK_SECTORS; sector++) {
        uint64_t words = SECTOR_WORDS;
        __asm__ volatile("rep insw" : "+D"(to), "+c"(words) : "d"(ATA_DATA) : "memory");
        good = sector == DISK_SECTORS - 1 || disk_wait();
    }
    return good;
}

static void round_through_disk(uint64_t round) {
    uint32_t lba = (uint32_t)(round % DISK_PLACES) * DISK_SECTORS;
    if (!disk_write(COPY, lba) || !disk_read(FROM_DISK, lba)) {
        print("copier BAD disk: status %x\n", inb(ATA_COMMAND));
        for (;;)
            __asm__ volatile("cli; hlt");
    }
    compare("disk", FROM_DISK, DISK_SECTORS * SECTOR_WORDS * 2, round);
}

void guest_main(void) {
    serial_init();
    interrupts_init();
    for (uint64_t round = 0;; round++) {
        char typed;
        fill(round);
        copy();
        compare("memory", COPY, BYTES, round);
        round_through_disk(round);
        if (round % ROUNDS_A_LINE == 0)
            print("copier round %llu\n", (unsigned long long)round);
        while (serial_read(&typed))
            print("copier echo %c round %llu\n", typed, (unsigned long long)round);
    }
}
