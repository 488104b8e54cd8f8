// The manifest: what it says, and what is said about a wrong one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/init/manifest.h"

static struct manifest manifest;
static char message[200];

static bool parse(const char *text) {
    size_t size = strlen(text);
    char *copy = malloc(size ? size : 1); // without a terminator, as a file is
    memcpy(copy, text, size);
    bool good = manifest_parse(copy, size, &manifest, message, sizeof(message));
    free(copy);
    return good;
}

static void reads_servers_and_grants(void **state) {
    (void)state;
    assert_true(parse("# comment\n"
                      "server console # more\n"
                      "\tfile servers/console\r\n"
                      "  priority 190\n"
                      "  heap 8\n"
                      "  ports 3f8 8\n"
                      "  irq 4 1\n"
                      "  uart\n"
                      "template vmm\n"
                      "  file servers/vmm\n"
                      "server domain\n"
                      "  file d\n"
                      "  cpu 3\n"
                      "  channel shell\n"
                      "  portal console\n"
                      "  portal init"));
    assert_int_equal(manifest.servers, 3);
    const struct manifest_server *console = &manifest.server[0], *domain = &manifest.server[2];
    assert_string_equal(console->name, "console");
    assert_string_equal(console->file, "servers/console");
    assert_int_equal(console->priority, 190);
    assert_int_equal(console->heap_bytes, 8 << 20);
    assert_int_equal(console->grants, 3);
    assert_int_equal(console->grant[0].kind, GRANT_PORTS);
    assert_int_equal(console->grant[0].a, 0x3f8);
    assert_int_equal(console->grant[0].b, 8);
    assert_int_equal(console->grant[1].kind, GRANT_IRQ);
    assert_int_equal(console->grant[1].b, 1);
    assert_int_equal(console->grant[2].kind, GRANT_UART);
    assert_true(manifest.server[1].is_template);
    assert_int_equal(domain->cpu, 3);
    assert_string_equal(domain->grant[0].name, "shell");
    assert_string_equal(domain->grant[1].name, "console");
}

static void names_line_and_reason(void **state) {
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"file x\n", "etc/manifest:1: before any server"},
        {"server\n", "etc/manifest:1: a server needs a name"},
        {"server a\nfile f\nserver a\nfile f\n", "etc/manifest:3: a second server 'a'"},
        {"server a234567890123456789012345678901234\n", "etc/manifest:1: too long a name"},
        {"server a\npriority 256\n", "etc/manifest:2: no priority: '256'"},
        {"server a\npriority high\n", "etc/manifest:2: no priority: 'high'"},
        {"server a\ncpu 64\n", "etc/manifest:2: no CPU: '64'"},
        {"server a\nheap 9999\n", "etc/manifest:2: no heap size: '9999'"},
        {"server a\nfile\n", "etc/manifest:2: no file name"},
        {"server a\nports 3f8\n", "etc/manifest:2: wrong number of words after 'ports'"},
        {"template a\nfile f\nports 3f8 8\n", "etc/manifest:3: not for a template: 'ports'"},
        {"server a\nports 3f8 7\n", "etc/manifest:2: ports misaligned"},
        {"server a\nports 3f9 8\n", "etc/manifest:2: ports misaligned"},
        {"server a\nports 10000 8\n", "etc/manifest:2: ports misaligned"},
        {"server a\nports 3g8 8\n", "etc/manifest:2: no number: '3g8'"},
        {"server a\nirq 4 64\n", "etc/manifest:2: out of range"},
        {"server a\nchannel serial\n", "etc/manifest:2: no such channel: 'serial'"},
        {"server a\nwarp 9\n", "etc/manifest:2: unknown property 'warp'; known: file"},
        {"server a\n", "server 'a' has no line 'file NAME'"},
        {"server a\nfile f\nportal b\n", "server 'a': 'portal b' names no server"},
        {"template a\nfile f\nserver b\nfile f\nportal a\n", "server 'b': 'portal a' names no server"},
        {"server a b c d e\n", "etc/manifest:1: too many or too long words"},
        {"server a\nports 99999999999999999999999999 8\n", "etc/manifest:2: "},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(parse(cases[i].text));
        if (!strstr(message, cases[i].wanted))
            fail_msg("'%s' instead of '%s'", message, cases[i].wanted);
    }
}

static void bounds_what_it_keeps(void **state) {
    (void)state;
    char text[4096] = "";
    for (unsigned i = 0; i <= MANIFEST_SERVERS; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "server s%u\nfile f\n", i);
    assert_false(parse(text));
    assert_non_null(strstr(message, "too many servers"));
    strcpy(text, "server a\nfile f\n");
    for (unsigned i = 0; i <= MANIFEST_GRANTS; i++)
        strcat(text, "uart\n");
    assert_false(parse(text));
    assert_non_null(strstr(message, "too many grants"));
    assert_true(parse(""));
    assert_int_equal(manifest.servers, 0);
}

static void reads_our_own(void **state) {
    (void)state;
    const char *root = getenv("SOURCE_ROOT");
    char path[512], text[16384];
    if (!root)
        skip();
    snprintf(path, sizeof(path), "%s/dom0/init/manifest", root);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text), file);
    fclose(file);
    if (!manifest_parse(text, size, &manifest, message, sizeof(message)))
        fail_msg("%s", message);
    assert_true(manifest.servers >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_servers_and_grants),
        cmocka_unit_test(names_line_and_reason),
        cmocka_unit_test(bounds_what_it_keeps),
        cmocka_unit_test(reads_our_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
