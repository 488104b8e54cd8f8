// The I/O APIC: redirection table, edge and level delivery, Remote IRR.
#include "dom0/vmm/ioapic.h"
#include "lib/string.h"

#define IOREGSEL 0x00
#define IOWIN    0x10
#define IOEOI    0x40

#define REGISTER_ID    0x00
#define REGISTER_VER   0x01
#define REGISTER_ARB   0x02
#define REGISTER_TABLE 0x10
#define VERSION        ((IOAPIC_PINS - 1) << 16 | 0x20)

// Redirection entry
#define ENTRY_VECTOR(e)      ((uint8_t)(e))
#define ENTRY_MODE(e)        ((unsigned)((e) >> 8 & 7))
#define ENTRY_LOGICAL        (1ull << 11)
#define ENTRY_REMOTE_IRR     (1ull << 14)
#define ENTRY_LEVEL          (1ull << 15)
#define ENTRY_MASKED         (1ull << 16)
#define ENTRY_DESTINATION(e) ((uint8_t)((e) >> 56))
#define ENTRY_WRITABLE       0xff0000000001afffull
#define MODE_LOWEST          1u
#define MODE_EXTINT          7u

static void deliver(struct ioapic *ioapic, unsigned pin) {
    uint64_t entry = ioapic->s.redirection[pin];
    if (ENTRY_MODE(entry) == MODE_EXTINT)
        return;
    ioapic->deliver(ioapic->machine, ENTRY_VECTOR(entry), ENTRY_DESTINATION(entry), entry & ENTRY_LOGICAL,
                    ENTRY_MODE(entry), entry & ENTRY_LEVEL);
}

// A level-triggered pin delivers while asserted, unmasked and not waiting for an EOI. Only fixed and lowest-priority
// interrupts have an EOI to wait for.
static void level_update(struct ioapic *ioapic, unsigned pin) {
    uint64_t *entry = &ioapic->s.redirection[pin];
    bool asserted = ioapic->s.lines >> pin & 1;
    if (!asserted || !(*entry & ENTRY_LEVEL) || *entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR))
        return;
    if (ENTRY_MODE(*entry) <= MODE_LOWEST)
        *entry |= ENTRY_REMOTE_IRR;
    deliver(ioapic, pin);
}

void ioapic_line_set(struct ioapic *ioapic, unsigned pin, bool level) {
    if (pin >= IOAPIC_PINS)
        return;
    uint32_t bit = 1u << pin;
    bool rises = level && !(ioapic->s.lines & bit);
    ioapic->s.lines = level ? ioapic->s.lines | bit : ioapic->s.lines & ~bit;
    uint64_t entry = ioapic->s.redirection[pin];
    if (!rises)
        return;
    if (entry & ENTRY_LEVEL)
        level_update(ioapic, pin);
    else if (!(entry & ENTRY_MASKED)) // an edge at a masked pin is not held (82093AA 3.2.4)
        deliver(ioapic, pin);
}

void ioapic_eoi(struct ioapic *ioapic, uint8_t vector) {
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *entry = &ioapic->s.redirection[pin];
        if (ENTRY_VECTOR(*entry) != vector || !(*entry & ENTRY_REMOTE_IRR))
            continue;
        *entry &= ~ENTRY_REMOTE_IRR;
        level_update(ioapic, pin);
    }
}

bool ioapic_accepts_extint(const struct ioapic *ioapic, uint8_t *destination, bool *logical) {
    uint64_t entry = ioapic->s.redirection[0];
    *destination = ENTRY_DESTINATION(entry);
    *logical = entry & ENTRY_LOGICAL;
    return !(entry & ENTRY_MASKED) && ENTRY_MODE(entry) == MODE_EXTINT;
}

// --- Registers -------------------------------------------------------------------------------------------------------

static uint32_t register_read(const struct ioapic_state *s) {
    unsigned entry = (s->select - REGISTER_TABLE) / 2u;
    switch (s->select) {
    case REGISTER_ID:
    case REGISTER_ARB:
        return (uint32_t)s->id << 24;
    case REGISTER_VER:
        return VERSION;
    default:
        if (s->select < REGISTER_TABLE || entry >= IOAPIC_PINS)
            return 0;
        return (uint32_t)(s->redirection[entry] >> (s->select & 1 ? 32 : 0));
    }
}

// Leaving level-triggered mode drops Remote IRR: software without an EOI register frees stuck entries so.
static void table_write(struct ioapic *ioapic, unsigned pin, bool high, uint32_t value) {
    uint64_t *entry = &ioapic->s.redirection[pin];
    uint64_t half = high ? 0xffffffff00000000ull : 0xffffffffull;
    uint64_t writable = ENTRY_WRITABLE & half;
    *entry = (*entry & ~writable) | ((high ? (uint64_t)value << 32 : value) & writable);
    if (!(*entry & ENTRY_LEVEL))
        *entry &= ~ENTRY_REMOTE_IRR;
    level_update(ioapic, pin);
}

static void register_write(struct ioapic *ioapic, uint32_t value) {
    uint8_t select = ioapic->s.select;
    unsigned entry = (select - REGISTER_TABLE) / 2u;
    if (select == REGISTER_ID)
        ioapic->s.id = value >> 24 & 15;
    else if (select >= REGISTER_TABLE && entry < IOAPIC_PINS)
        table_write(ioapic, entry, select & 1, value);
}

// 32-bit registers on 16-byte boundaries. Drivers also use byte accesses at IOREGSEL.
uint64_t ioapic_memory_read(void *device, uint64_t offset, unsigned bytes) {
    struct ioapic *ioapic = device;
    if (offset == IOREGSEL)
        return ioapic->s.select;
    return offset == IOWIN && bytes >= 4 ? register_read(&ioapic->s) : 0;
}

void ioapic_memory_write(void *device, uint64_t offset, unsigned bytes, uint64_t value) {
    struct ioapic *ioapic = device;
    if (offset == IOREGSEL)
        ioapic->s.select = (uint8_t)value;
    else if (offset == IOWIN && bytes >= 4)
        register_write(ioapic, (uint32_t)value);
    else if (offset == IOEOI)
        ioapic_eoi(ioapic, (uint8_t)value);
}

void ioapic_reset(struct ioapic *ioapic) {
    uint32_t lines = ioapic->s.lines;
    memset(&ioapic->s, 0, sizeof ioapic->s);
    ioapic->s.lines = lines;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        ioapic->s.redirection[pin] = ENTRY_MASKED;
}

void ioapic_init(struct ioapic *ioapic, void *machine,
                 void (*deliver_message)(void *machine, uint8_t vector, uint8_t destination, bool logical,
                                         unsigned delivery_mode, bool level)) {
    memset(ioapic, 0, sizeof *ioapic);
    ioapic->machine = machine;
    ioapic->deliver = deliver_message;
    ioapic_reset(ioapic);
}
