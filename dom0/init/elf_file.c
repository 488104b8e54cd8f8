// Checks and symbols of ELF files (System V gABI, chapters 4 and 5).
#include "dom0/init/elf_file.h"
#include "kernel/abi.h"
#include "lib/string.h"

#define PROGRAM_LOW  0x400000ull
#define PROGRAM_HIGH 0x80000000ull
#define PT_LOAD      1u
#define PF_X         1u
#define PF_W         2u
#define SHT_SYMTAB   2u
#define STT_FUNC     2u

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct section_header {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t addralign, entsize;
};

struct symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t shndx;
    uint64_t value, size;
};

static bool inside(uint64_t offset, uint64_t bytes, uint64_t size) {
    return offset <= size && bytes <= size - offset;
}

static bool read_header(const void *file, uint64_t size, struct elf_header *header) {
    if (size < sizeof(*header))
        return false;
    memcpy(header, file, sizeof(*header));
    return memcmp(header->ident, "\177ELF\2\1\1", 7) == 0 && header->type == 2 && header->machine == 62;
}

static const char *read_segment(const struct program_header *ph, uint64_t size, struct elf_program *program) {
    uint64_t slack = ph->vaddr % PAGE_SIZE;
    if (!inside(ph->offset, ph->filesz, size) || ph->filesz > ph->memsz || ph->offset < slack)
        return "a segment reaches beyond the file";
    if (ph->offset % PAGE_SIZE != slack)
        return "a segment's address and file offset are not alike within their pages";
    if (ph->vaddr < PROGRAM_LOW || ph->vaddr > PROGRAM_HIGH || ph->memsz > PROGRAM_HIGH - ph->vaddr)
        return "a segment lies outside 0x400000 to 0x80000000";
    if ((ph->flags & PF_X) && (ph->flags & PF_W))
        return "a segment is both writable and executable";
    if (program->segments == ELF_SEGMENTS)
        return "more than 8 segments";
    struct elf_segment segment = {ph->vaddr - slack, ph->memsz + slack, ph->offset - slack, ph->filesz + slack,
                                  DELEGATE_READ};
    segment.rights |= ph->flags & PF_W ? (unsigned)DELEGATE_WRITE : 0;
    segment.rights |= ph->flags & PF_X ? (unsigned)DELEGATE_EXECUTE : 0;
    if (program->segments > 0) {
        const struct elf_segment *last = &program->segment[program->segments - 1];
        if (segment.address < ((last->address + last->memory_bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)))
            return "segments share a page or are out of order";
    }
    program->segment[program->segments++] = segment;
    return NULL;
}

const char *elf_read(const void *file, uint64_t size, struct elf_program *program) {
    struct elf_header header;
    memset(program, 0, sizeof(*program));
    if (!read_header(file, size, &header))
        return "no static ELF program for x86-64";
    if (header.phentsize != sizeof(struct program_header) ||
        !inside(header.phoff, (uint64_t)header.phnum * sizeof(struct program_header), size))
        return "its program headers reach beyond the file";
    for (unsigned i = 0; i < header.phnum; i++) {
        struct program_header ph;
        memcpy(&ph, (const uint8_t *)file + header.phoff + i * sizeof(ph), sizeof(ph));
        const char *wrong = ph.type == PT_LOAD && ph.memsz > 0 ? read_segment(&ph, size, program) : NULL;
        if (wrong)
            return wrong;
        if (ph.type == PT_LOAD && header.phoff >= ph.offset && header.phoff - ph.offset < ph.filesz)
            program->headers_address = ph.vaddr + header.phoff - ph.offset;
    }
    program->headers = header.phnum;
    program->entry = header.entry;
    for (uint32_t i = 0; i < program->segments; i++) {
        const struct elf_segment *segment = &program->segment[i];
        if ((segment->rights & DELEGATE_EXECUTE) && header.entry >= segment->address &&
            header.entry - segment->address < segment->memory_bytes)
            return NULL;
    }
    return "its entry is in no executable segment";
}

static const char *symbol_name(const uint8_t *file, const struct section_header *names, uint32_t at) {
    if (at >= names->size)
        return NULL;
    const char *name = (const char *)file + names->offset + at;
    return strnlen(name, names->size - at) < names->size - at ? name : NULL;
}

static const char *search(const uint8_t *file, const struct section_header *table, const struct section_header *names,
                          uint64_t address, uint64_t *start) {
    for (uint64_t at = 0; at + sizeof(struct symbol) <= table->size; at += sizeof(struct symbol)) {
        struct symbol symbol;
        memcpy(&symbol, file + table->offset + at, sizeof(symbol));
        if ((symbol.info & 15) != STT_FUNC || address < symbol.value || address - symbol.value >= symbol.size)
            continue;
        *start = symbol.value;
        return symbol_name(file, names, symbol.name);
    }
    return NULL;
}

static bool read_section(const uint8_t *file, uint64_t size, const struct elf_header *header, uint32_t index,
                         struct section_header *section) {
    if (index >= header->shnum)
        return false;
    memcpy(section, file + header->shoff + index * sizeof(*section), sizeof(*section));
    return inside(section->offset, section->size, size);
}

const char *elf_symbol(const void *file, uint64_t size, uint64_t address, uint64_t *start) {
    struct elf_header header;
    struct section_header table, names;
    if (!read_header(file, size, &header) || header.shentsize != sizeof(struct section_header) ||
        !inside(header.shoff, (uint64_t)header.shnum * sizeof(struct section_header), size))
        return NULL;
    for (uint32_t i = 0; i < header.shnum; i++)
        if (read_section(file, size, &header, i, &table) && table.type == SHT_SYMTAB &&
            read_section(file, size, &header, table.link, &names))
            return search(file, &table, &names, address, start);
    return NULL;
}
