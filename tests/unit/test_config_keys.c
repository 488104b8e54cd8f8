// The table of keys in docs/configuration.md against the parser of configurations: every key with values of its row
// that have to pass, and with wrong values and values of a wrong type, which have to be refused with what the row says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/config_keys.h"
#include "dom0/domain/domain_config.h"

#define ROWS_MAX  256
#define STATEMENT 2400

/* A line of the table: "| `key` | type | class | accepted | reason |". */
struct row {
    char text[1024]; /* cut into what the others point to */
    const char *key, *type, *class, *accepted, *reason;
};

static struct row rows[ROWS_MAX];
static size_t row_count;
static struct domain_config config, unset; /* the last one read; and one where the key was not set */
static struct config_report report;

static const struct row *row; /* under test */
static char without[128];     /* what a domain needs beside the key under test */

static FILE *open_source(const char *name) {
    const char *root = getenv("SOURCE_ROOT");
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", root != NULL ? root : ".", name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("no %s: set SOURCE_ROOT to the root of the tree", path);
    return file;
}

static bool is_row(const char *line) {
    return strncmp(line, "| `", 3) == 0 && strstr(line, "` | ") != NULL;
}

/* The text up to `end`, which is cut off; *rest moves behind it. */
static const char *cut(char **rest, const char *end) {
    char *begin = *rest, *found = strstr(begin, end);
    if (found == NULL)
        fail_msg("\"%s\" is no line of the table of keys", rows[row_count].text);
    *found = '\0';
    *rest = found + strlen(end);
    return begin;
}

static int read_table(void **state) {
    (void)state;
    FILE *file = open_source("docs/configuration.md");
    char line[sizeof rows[0].text];
    while (fgets(line, sizeof line, file) != NULL) {
        if (!is_row(line))
            continue;
        struct row *next = &rows[row_count];
        memcpy(next->text, line, sizeof line);
        char *rest = next->text + 3;
        next->key = cut(&rest, "` | ");
        next->type = cut(&rest, " | ");
        next->class = cut(&rest, " | ");
        next->accepted = cut(&rest, " | ");
        next->reason = cut(&rest, " |\n");
        row_count++;
        assert_true(row_count < ROWS_MAX);
    }
    fclose(file);
    return 0;
}

/* docs/configuration.md has the table of config_keys.c, line by line. */
static void manual_has_the_table(void **state) {
    (void)state;
    char line[1024], wanted[1024];
    FILE *file = open_source("docs/configuration.md");
    size_t found = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (!is_row(line))
            continue;
        line[strcspn(line, "\n")] = '\0';
        assert_true(found < config_key_count);
        config_key_row(&config_keys[found++], wanted, sizeof wanted);
        assert_string_equal(line, wanted);
    }
    fclose(file);
    assert_int_equal(found, config_key_count);
}

static void keys_are_sorted_and_bounded(void **state) {
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (i > 0)
            assert_true(strcmp(config_keys[i - 1].name, key->name) < 0);
        assert_ptr_equal(config_key_find(key->name), key);
        assert_null(strpbrk(key->accepted, "|\n"));
        assert_null(strpbrk(key->reason, "|\n"));
        assert_true(strlen(key->accepted) < sizeof report.messages[0].accepted);
        assert_true(strlen(key->reason) + 24 < sizeof report.messages[0].reason);
        assert_true(strlen(key->name) < sizeof report.messages[0].key);
        assert_int_equal(key->class == CONFIG_IGNORED, strcmp(key->accepted, "any") == 0);
    }
}

/* Values for keys whose accepted values the table describes in words; what they need beside them. */
static const struct sample {
    const char *key, *needs, *good[6], *wrong[8];
} samples[] = {
    {"boot", "", {"'c'", "'d'", "'cd'", "'dc'"}, {"''", "'n'", "'a'", "'x'", "'cc'", "'cdc'", "1"}},
    {"cap", "vcpus=4;", {"0", "'1'", "400"}, {"401", "'-1'", "99999999999999999999"}},
    {"cmdline", "kernel='k';", {"''", "'quiet'", "5"}, {"'a\\nb'", "'\\x7f'", "'\\xe4'"}},
    {"cpus",
     "",
     {"'all'", "'0-3,5,^1'", "63", "['0', '1-2']"},
     {"''", "'64'", "'3-1'", "'^0'", "[ 'x' ]", "[ [ '0' ] ]"}},
    {"disk",
     "",
     {"[]", "[ 'file:a.iso,hdc:cdrom,r', 'ram:64M,hda,w' ]", "[ 'vdev=hdc,devtype=cdrom' ]"},
     {"[ '' ]", "[ 'a.iso' ]", "[ 'a.iso,,hdz' ]", "[ 'ram:0,hda,w' ]", "[ 'ram:1X,hda' ]", "[ 'a.img,,hda,w' ]",
      "[ [] ]", "[ 5 ]"}},
    {"extra", "kernel='k';", {"''", "'quiet'", "5"}, {"'a\\nb'", "'\\x7f'", "'\\xe4'"}},
    {"kernel", "", {"'vmlinuz'"}, {"''", "'a\\nb'"}},
    {"maxmem", "", {"64"}, {"65", "63", "7", "1048577"}},
    {"maxvcpus", "vcpus=2;", {"2", "'2'"}, {"1", "3", "0", "5"}},
    {"name", "", {"'a'", "'a.b_c+d:e@f-9'"}, {"''", "'17'", "17", "'-a'", "'a b'", "'a/b'", "'Domain-0'", "'\\xe4'"}},
    {"ramdisk", "kernel='k';", {"'initrd.img'"}, {"''", "'a\\nb'"}},
    {"root", "kernel='k';", {"''", "'/dev/sda'"}, {"'a\\nb'", "'\\x7f'", "'\\xe4'"}},
    {"serial", "", {"'pty'", "'none'", "[]", "[ 'pty' ]"}, {"''", "'/dev/ttyS0'", "[ 'pty', 'pty' ]", "[ [] ]"}},
    {"uuid",
     "",
     {"'01234567-89ab-cdef-0123-456789ABCDEF'"},
     {"''", "'0123456789abcdef0123456789abcdef'", "'g1234567-89ab-cdef-0123-456789abcdef'"}},
};

static const struct sample *find_sample(const char *key) {
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        if (strcmp(samples[i].key, key) == 0)
            return &samples[i];
    return NULL;
}

/* The honoured keys of which there is one value only. */
static bool has_one_value(const char *key) {
    static const char *const keys[] = {"bios", "builder", "firmware", "hap",  "hdtype", "maxmem",  "maxvcpus",
                                       "nx",   "pae",     "stdvga",   "type", "vga",    "videoram"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static const char *first_message(void) {
    static char line[CONFIG_REPORT_LINE_MAX];
    if (report.count == 0)
        return "(no message)";
    config_message_format(&report.messages[0], line, sizeof line);
    return line;
}

/* Sets the key under test to `value` in line 1 of a file, or in word 1 of a command line. */
static int set(const char *value, bool override) {
    char statement[STATEMENT], text[STATEMENT + 256];
    const struct sample *sample = find_sample(row->key);
    const char *needs = sample != NULL ? sample->needs : "";
    snprintf(statement, sizeof statement, "%s=%s", row->key, value);
    const char *words[] = {statement};
    snprintf(text, sizeof text, "%s%s\n%s\n", needs, override ? "" : statement, without);
    return domain_config_parse("guest.cfg", text, strlen(text), words, override ? 1 : 0, &config, &report);
}

static void begin(const struct row *next) {
    static const struct {
        const char *key, *statement;
    } base[] = {{"name", "name='d'\n"}, {"type", "type='hvm'\n"}, {"memory", "memory=64\n"}};
    row = next;
    without[0] = '\0';
    for (size_t i = 0; i < sizeof base / sizeof base[0]; i++)
        if (strcmp(base[i].key, row->key) != 0)
            strcat(without, base[i].statement);
    memset(&unset, 0, sizeof unset);
    const struct sample *sample = find_sample(row->key);
    char text[256];
    snprintf(text, sizeof text, "%s\n%sname='d'\n", sample != NULL ? sample->needs : "", without);
    assert_int_equal(domain_config_parse("guest.cfg", text, strlen(text), NULL, 0, &unset, &report), 0);
}

static void passes(const char *value) {
    for (int override = 0; override < 2; override++) {
        int result = set(value, override);
        if (result != 0 || report.count != 0)
            fail_msg("%s = %s does not pass: %s", row->key, value, first_message());
    }
}

static void is_message(const char *value, const char *place, const char *severity, const char *part) {
    char beginning[96];
    snprintf(beginning, sizeof beginning, "%s:1: %s%s: ", place, severity, row->key);
    const char *line = first_message();
    if (strncmp(line, beginning, strlen(beginning)) != 0 || strstr(line, part) == NULL)
        fail_msg("%s = %s: \"%s\" does not begin with \"%s\" or has no \"%s\"", row->key, value, line, beginning, part);
}

/* Refused with one message that has the place, the key, `part`, and the accepted values as the table has them. */
static void refused(const char *value, const char *part) {
    static const struct domain_config untouched;
    for (int override = 0; override < 2; override++) {
        memset(&config, 0, sizeof config);
        int result = set(value, override);
        if (result == 0 || report.errors != 1 || report.count != 1)
            fail_msg("%s = %s gives %u errors: %s", row->key, value, report.errors, first_message());
        is_message(value, override ? CONFIG_COMMAND_LINE : "guest.cfg", "", part);
        char accepted[256];
        snprintf(accepted, sizeof accepted, "; accepted: %s", row->accepted);
        bool own =
            strcmp(row->key, "disk") == 0; /* messages about a disk name what is accepted in the part that is wrong */
        if (strcmp(row->accepted, "none") != 0)
            is_message(value, override ? CONFIG_COMMAND_LINE : "guest.cfg", "", own ? "" : accepted);
        assert_memory_equal(&config, &untouched, sizeof config);
    }
}

static void warned(const char *value) {
    for (int override = 0; override < 2; override++) {
        int result = set(value, override);
        if (result != 0 || report.warnings != 1 || report.count != 1)
            fail_msg("%s = %s gives %u warnings: %s", row->key, value, report.warnings, first_message());
        is_message(value, override ? CONFIG_COMMAND_LINE : "guest.cfg", "warning: ", row->reason);
        is_message(value, override ? CONFIG_COMMAND_LINE : "guest.cfg", "warning: ", "has no effect: ");
        assert_memory_equal(&config, &unset, sizeof config);
    }
}

/* Values of another type than the row's, ended by NULL. */
static const char *const *wrong_types(void) {
    static const struct {
        const char *type, *wrong[5];
    } types[] = {
        {"STRING", {"[]", "[ 'a' ]"}},
        {"NUMBER", {"[]", "[ 1 ]", "'one'", "''", "99999999999999999999"}},
        {"BOOLEAN", {"[]", "[ 1 ]", "'yes'", "''"}},
        {"LIST", {"'a'", "''", "1"}},
        {"STRING or LIST", {NULL}}, /* a number is a string too */
        {"NUMBER or STRING", {"[]", "[ 1 ]"}},
        {"BOOLEAN or LIST", {"'yes'", "''"}},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].type, row->type) == 0)
            return types[i].wrong;
    fail_msg("%s: %s is no type", row->key, row->type);
    return NULL;
}

/* The next of the values that stand in `accepted`: "text", a number or []; false at the end, or if it is prose. */
static bool next_literal(const char **rest, char *value, size_t size) {
    *rest += strspn(*rest, ", ");
    size_t length = strcspn(*rest, ",");
    bool literal = **rest == '"' || strncmp(*rest, "[]", length) == 0 || strspn(*rest, "0123456789") == length;
    if (length == 0 || !literal)
        return false;
    snprintf(value, size, "%.*s", (int)length, *rest);
    *rest += length;
    return true;
}

static bool is_literal(const char *value) {
    char literal[128];
    for (const char *rest = row->accepted; next_literal(&rest, literal, sizeof literal);)
        if (strcmp(literal, value) == 0)
            return true;
    return false;
}

/* What no row lists, of every type. */
static const char *const unlisted[] = {"'no such value'", "77", "[ 'no such value' ]"};

static bool type_fits(const char *value) {
    bool number = value[0] >= '0' && value[0] <= '9', list = value[0] == '[';
    if (list || strcmp(row->type, "LIST") == 0)
        return list && strstr(row->type, "LIST") != NULL;
    return number || strstr(row->type, "STRING") != NULL;
}

/* The values that the row lists pass; others of its type do not, being refused with `part` in the message. */
static void check_literals(const char *part) {
    char value[128];
    for (const char *rest = row->accepted; next_literal(&rest, value, sizeof value);)
        passes(value);
    bool boolean = strcmp(row->type, "BOOLEAN") == 0;
    for (size_t i = 0; i < sizeof unlisted / sizeof unlisted[0]; i++) {
        bool truth = boolean && is_literal("1") && unlisted[i][0] == '7'; /* any number but 0 is true */
        if (type_fits(unlisted[i]) && !truth)
            refused(unlisted[i], part);
    }
    if (boolean && is_literal("1") != is_literal("0"))
        refused(is_literal("1") ? "0" : "1", part);
}

static void check_range(long long least, long long most) {
    char value[4][32];
    snprintf(value[0], sizeof value[0], "'%lld'", least);
    snprintf(value[1], sizeof value[1], "'%lld'", most);
    snprintf(value[2], sizeof value[2], "'%lld'", least - 1);
    snprintf(value[3], sizeof value[3], "'%lld'", most + 1);
    passes(value[0]);
    passes(value[1]);
    refused(value[2], "is out of range");
    refused(value[3], "is out of range");
}

/* Some value that passes makes a difference, unless there is one value only. */
static void check_effect(const char *const *good, size_t count) {
    bool effect = false;
    for (size_t i = 0; i < count && good[i] != NULL; i++) {
        assert_int_equal(set(good[i], false), 0);
        effect = effect || memcmp(&config, &unset, sizeof config) != 0;
    }
    if (effect == has_one_value(row->key))
        fail_msg("%s has %s effect", row->key, effect ? "an" : "no");
}

static void check_honoured(void) {
    long long least = 0, most = 0;
    int end = 0;
    char literals[8][128];
    const char *values[8] = {NULL};
    size_t count = 0;
    const struct sample *sample = find_sample(row->key);
    if (sample != NULL) {
        for (size_t i = 0; i < 6 && sample->good[i] != NULL; i++)
            passes(sample->good[i]);
        for (size_t i = 0; i < 8 && sample->wrong[i] != NULL; i++)
            refused(sample->wrong[i], "");
        check_effect(sample->good, 6);
    } else if (sscanf(row->accepted, "%lld to %lld%n", &least, &most, &end) == 2 && row->accepted[end] == '\0') {
        check_range(least, most);
        snprintf(literals[0], sizeof literals[0], "%lld", most);
        values[0] = literals[0];
        check_effect(values, 1);
    } else {
        check_literals("");
        for (const char *rest = row->accepted; count < 8 && next_literal(&rest, literals[count], 128); count++)
            values[count] = literals[count];
        if (count == 0)
            fail_msg("%s: no value of \"%s\" is known; add it to samples", row->key, row->accepted);
        check_effect(values, 8);
    }
}

static void every_row_is_true(void **state) {
    (void)state;
    assert_true(row_count > 150);
    for (size_t i = 0; i < row_count; i++) {
        begin(&rows[i]);
        bool honoured = strcmp(row->class, "honoured") == 0,
             ignored = strcmp(row->class, "ignored with a warning") == 0;
        char part[1024];
        snprintf(part, sizeof part, "not supported yet: %s", row->reason);
        if (honoured)
            check_honoured();
        else if (!ignored)
            check_literals(part);
        for (size_t j = 0; ignored && j < sizeof unlisted / sizeof unlisted[0]; j++)
            warned(unlisted[j]);
        const char *const *wrong = wrong_types();
        for (size_t j = 0; j < 5 && wrong[j] != NULL; j++) {
            if (ignored)
                warned(wrong[j]);
            else
                refused(wrong[j], honoured ? "" : part);
        }
        if (!honoured && !ignored)
            assert_string_equal(row->class, "refused");
    }
}

/* Characters that fit a command line of 2047, with root= before it or not. */
static void command_lines_are_as_long_as_said(void **state) {
    (void)state;
    static const char *const keys[] = {"cmdline", "extra", "root"};
    for (size_t i = 0; i < row_count; i++) {
        for (size_t j = 0; j < 3; j++) {
            if (strcmp(rows[i].key, keys[j]) != 0)
                continue;
            int most = 0;
            char value[STATEMENT];
            begin(&rows[i]);
            assert_int_equal(sscanf(row->accepted, "up to %d printable characters", &most), 1);
            assert_true(most > 1000 && most < STATEMENT - 16);
            memset(value, 'x', sizeof value);
            value[0] = value[most + 1] = '\'';
            value[most + 2] = '\0';
            assert_int_equal(set(value, false), 0);
            value[most + 1] = 'x';
            value[most + 2] = '\'';
            value[most + 3] = '\0';
            assert_int_equal(set(value, false), -1);
            is_message("a long text", "guest.cfg", "", "too long");
        }
    }
}

/* The fuzzer starts from a configuration with every key in it, and no others. */
static void corpus_has_every_key(void **state) {
    (void)state;
    char line[1024];
    bool seen[ROWS_MAX] = {false};
    FILE *file = open_source("tests/fuzz/corpus/config/every_key.cfg");
    while (fgets(line, sizeof line, file) != NULL) {
        size_t i = 0, length = strcspn(line, " =");
        while (i < row_count && (strlen(rows[i].key) != length || strncmp(rows[i].key, line, length) != 0))
            i++;
        if (i == row_count || seen[i])
            fail_msg("every_key.cfg: no key, or a key twice: %s", line);
        seen[i] = true;
    }
    fclose(file);
    for (size_t i = 0; i < row_count; i++)
        if (!seen[i])
            fail_msg("every_key.cfg: %s is missing", rows[i].key);
}

static void print_table(void) {
    for (size_t i = 0; i < config_key_count; i++) {
        char text[1024];
        config_key_row(&config_keys[i], text, sizeof text);
        puts(text);
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--table") == 0) { /* for docs/configuration.md */
        print_table();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manual_has_the_table), cmocka_unit_test(keys_are_sorted_and_bounded),
        cmocka_unit_test(every_row_is_true),    cmocka_unit_test(command_lines_are_as_long_as_said),
        cmocka_unit_test(corpus_has_every_key),
    };
    return cmocka_run_group_tests(tests, read_table, NULL);
}
