// Checks of programs before they are loaded, and their symbols.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "dom0/init/elf_file.h"
#include "kernel/abi.h"

#define TEXT 0x400000u
#define DATA 0x402000u

static struct {
    Elf64_Ehdr header;
    Elf64_Phdr program[10];
    Elf64_Shdr section[3];
    Elf64_Sym symbol[3];
    char names[32];
    uint8_t fill[12288];
} file;
static struct elf_program program;

static void segment(unsigned i, uint32_t flags, uint64_t address, uint64_t offset, uint64_t in_file,
                    uint64_t in_memory) {
    file.program[i] = (Elf64_Phdr){PT_LOAD, flags, offset, address, address, in_file, in_memory, 4096};
}

static int begin(void **state) {
    (void)state;
    memset(&file, 0, sizeof(file));
    memcpy(file.header.e_ident, "\177ELF\2\1\1", 7);
    file.header.e_type = ET_EXEC;
    file.header.e_machine = EM_X86_64;
    file.header.e_entry = TEXT + 0x100;
    file.header.e_phoff = offsetof(__typeof__(file), program);
    file.header.e_phentsize = sizeof(Elf64_Phdr);
    file.header.e_phnum = 2;
    file.header.e_shoff = offsetof(__typeof__(file), section);
    file.header.e_shentsize = sizeof(Elf64_Shdr);
    file.header.e_shnum = 3;
    segment(0, PF_R | PF_X, TEXT, 0, 0x1800, 0x1800);
    segment(1, PF_R | PF_W, DATA + 0x10, 0x2010, 0x20, 0x3000);
    file.section[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                   .sh_offset = offsetof(__typeof__(file), symbol),
                                   .sh_size = sizeof(file.symbol),
                                   .sh_link = 2,
                                   .sh_entsize = sizeof(Elf64_Sym)};
    file.section[2] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB, .sh_offset = offsetof(__typeof__(file), names), .sh_size = sizeof(file.names)};
    memcpy(file.names, "\0start\0work", 11);
    file.symbol[1] = (Elf64_Sym){.st_name = 1, .st_info = STT_FUNC, .st_value = TEXT + 0x100, .st_size = 0x20};
    file.symbol[2] = (Elf64_Sym){.st_name = 7, .st_info = STT_FUNC, .st_value = TEXT + 0x120, .st_size = 8};
    return 0;
}

static void reads_segments(void **state) {
    (void)state;
    assert_null(elf_read(&file, sizeof(file), &program));
    assert_int_equal(program.segments, 2);
    assert_int_equal(program.entry, TEXT + 0x100);
    assert_int_equal(program.headers_address, TEXT + file.header.e_phoff);
    assert_int_equal(program.segment[0].rights, DELEGATE_READ | DELEGATE_EXECUTE);
    assert_int_equal(program.segment[1].rights, DELEGATE_READ | DELEGATE_WRITE);
    assert_int_equal(program.segment[1].address, DATA);
    assert_int_equal(program.segment[1].memory_bytes, 0x3010);
    assert_int_equal(program.segment[1].offset, 0x2000);
    assert_int_equal(program.segment[1].file_bytes, 0x30);
}

static void refused(const char *reason) {
    const char *wrong = elf_read(&file, sizeof(file), &program);
    assert_non_null(wrong);
    if (!strstr(wrong, reason))
        fail_msg("'%s' instead of '%s'", wrong, reason);
    begin(NULL);
}

static void refuses_what_is_no_program(void **state) {
    (void)state;
    assert_non_null(elf_read(&file, sizeof(Elf64_Ehdr) - 1, &program));
    file.header.e_ident[0] = 0;
    refused("no static ELF program");
    file.header.e_type = ET_DYN;
    refused("no static ELF program");
    file.header.e_machine = EM_AARCH64;
    refused("no static ELF program");
    file.header.e_phoff = UINT64_MAX;
    refused("program headers reach beyond");
    file.header.e_phoff = sizeof(file) - 100;
    refused("program headers reach beyond");
    file.header.e_phentsize = 1;
    refused("program headers");
    file.header.e_entry = DATA;
    refused("entry");
}

static void refuses_bad_segments(void **state) {
    (void)state;
    segment(1, PF_R | PF_W | PF_X, DATA, 0x2000, 0, 0x1000);
    refused("both writable and executable");
    segment(1, PF_R, DATA, sizeof(file) & ~4095ul, 0x2000, 0x2000);
    refused("beyond the file");
    segment(1, PF_R, DATA, UINT64_MAX - 4095, 0x2000, 0x2000);
    refused("beyond the file");
    segment(1, PF_R, DATA, 0x2000, 0x20, 0x10);
    refused("beyond the file");
    segment(1, PF_R, DATA + 8, 0x2000, 0x20, 0x20);
    refused("not alike");
    segment(1, PF_R, 0x1000, 0x1000, 0x20, 0x20);
    refused("outside");
    segment(1, PF_R, 0x7ffff000, 0x1000, 0x20, 0x2000);
    refused("outside");
    segment(1, PF_R, DATA, 0x2000, 0x20, UINT64_MAX);
    refused("outside");
    segment(1, PF_R, TEXT + 0x1000, 0x1000, 0x20, 0x20);
    refused("share a page");
    file.header.e_phnum = 9;
    for (unsigned i = 0; i < 9; i++)
        segment(i, PF_R | PF_X, TEXT + i * 4096, 0, 0x20, 0x20);
    refused("more than 8 segments");
}

static void finds_symbols(void **state) {
    (void)state;
    uint64_t start = 0;
    assert_string_equal(elf_symbol(&file, sizeof(file), TEXT + 0x11f, &start), "start");
    assert_int_equal(start, TEXT + 0x100);
    assert_string_equal(elf_symbol(&file, sizeof(file), TEXT + 0x127, &start), "work");
    assert_null(elf_symbol(&file, sizeof(file), TEXT + 0x128, &start));
    assert_null(elf_symbol(&file, sizeof(file), TEXT, &start));
}

static void bad_symbols_are_none(void **state) {
    (void)state;
    uint64_t start;
    file.symbol[1].st_name = UINT32_MAX;
    assert_null(elf_symbol(&file, sizeof(file), TEXT + 0x100, &start));
    begin(NULL);
    memset(file.names, 'x', sizeof(file.names)); // no terminator
    assert_null(elf_symbol(&file, sizeof(file), TEXT + 0x100, &start));
    begin(NULL);
    file.section[1].sh_offset = UINT64_MAX - 8;
    assert_null(elf_symbol(&file, sizeof(file), TEXT + 0x100, &start));
    begin(NULL);
    file.section[1].sh_link = 77;
    assert_null(elf_symbol(&file, sizeof(file), TEXT + 0x100, &start));
    begin(NULL);
    file.header.e_shoff = sizeof(file) - 1;
    assert_null(elf_symbol(&file, sizeof(file), TEXT + 0x100, &start));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_segments, begin),       cmocka_unit_test_setup(refuses_what_is_no_program, begin),
        cmocka_unit_test_setup(refuses_bad_segments, begin), cmocka_unit_test_setup(finds_symbols, begin),
        cmocka_unit_test_setup(bad_symbols_are_none, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
