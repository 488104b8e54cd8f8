// The shell's splitting of lines into commands and words, and a verb's options.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/command_line.h"
#include "dom0/domain/verb.h"

static int nothing(const struct invocation *invocation) {
    (void)invocation;
    return 0;
}

const struct verb verbs[] = {
    {.name = "create",
     .operands = "[FILE]",
     .least = 0,
     .most = 3,
     .options = {{'p', "paused", NULL, ""}, {'c', NULL, NULL, ""}, {'d', "delay", "S", ""}, {0, "json", NULL, ""}},
     .brief = "",
     .help = "",
     .run = nothing},
    {.name = "destroy", .operands = "DOM", .least = 1, .most = 1, .brief = "", .help = "", .run = nothing},
    {.name = "list", .operands = "", .brief = "", .help = "", .run = nothing},
};
const size_t verb_count = sizeof verbs / sizeof *verbs;

static void expect_words(const char *text, int count, const char *const *wanted) {
    struct command_line line;
    const char *rest = text;
    assert_true(command_line_read(&line, &rest));
    assert_null(line.error);
    assert_int_equal(line.words, count);
    for (int i = 0; i < count; i++)
        assert_string_equal(line.word[i], wanted[i]);
    assert_null(line.word[count]);
}

static void splits_words(void **state) {
    (void)state;
    expect_words("  list\t-l  ", 2, (const char *[]){"list", "-l"});
    expect_words("type a 'ls (cd)/<enter>' # not this", 3, (const char *[]){"type", "a", "ls (cd)/<enter>"});
    expect_words("create \"disk=['file:a b.iso,hdc:cdrom,r']\" name=x", 3,
                 (const char *[]){"create", "disk=['file:a b.iso,hdc:cdrom,r']", "name=x"});
    expect_words("a 'b;c'd\\ e \"q\\\"\\\\\\n\"", 3, (const char *[]){"a", "b;cd e", "q\"\\\\n"});
    expect_words("echo '' x#y", 3, (const char *[]){"echo", "", "x#y"});
    expect_words("   ", 0, NULL);
}

static void reads_commands(void **state) {
    (void)state;
    struct command_line line;
    char source[64];
    const char *rest = "list; # all; of them\n type a 'x; y' ;;uptime";
    command_line_source(rest, source, sizeof source);
    assert_string_equal(source, "list");
    assert_true(command_line_read(&line, &rest));
    assert_string_equal(line.word[0], "list");
    assert_true(command_line_read(&line, &rest));
    assert_int_equal(line.words, 0);
    command_line_source(rest, source, sizeof source);
    assert_string_equal(source, "type a 'x; y'");
    assert_true(command_line_read(&line, &rest));
    assert_string_equal(line.word[2], "x; y");
    assert_true(command_line_read(&line, &rest));
    assert_int_equal(line.words, 0);
    assert_true(command_line_read(&line, &rest));
    assert_string_equal(line.word[0], "uptime");
    assert_false(command_line_read(&line, &rest));
}

static void expect_error(const char *text, const char *part) {
    struct command_line line;
    const char *rest = text;
    assert_true(command_line_read(&line, &rest));
    assert_non_null(line.error);
    assert_non_null(strstr(line.error, part));
    assert_int_equal(line.words, 0);
    assert_true(*rest == '\0');
}

static void refuses_lines(void **state) {
    (void)state;
    char many[4096] = "";
    expect_error("type a 'open; list", "' is not closed");
    expect_error("type a \"open", "\" is not closed");
    for (int i = 0; i < 65; i++)
        strcat(many, "x ");
    expect_error(many, "64 words");
    memset(many, 'y', 1500);
    many[1500] = '\0';
    expect_error(many, "longer than 1023");
}

static void finds_cursor(void **state) {
    (void)state;
    size_t command, word;
    int index;
    command_line_cursor("", &command, &word, &index);
    assert_int_equal(index, 0);
    command_line_cursor("des", &command, &word, &index);
    assert_true(command == 0 && word == 0 && index == 0);
    command_line_cursor("list; destroy gr", &command, &word, &index);
    assert_true(command == 5 && word == 14 && index == 1);
    command_line_cursor("type 'a ; b' ", &command, &word, &index);
    assert_true(command == 0 && word == 13 && index == 2);
}

static bool parse(const char *text, struct invocation *invocation, char *error) {
    static struct command_line line;
    const char *rest = text;
    assert_true(command_line_read(&line, &rest));
    return invocation_parse(invocation, verb_find(line.word[0]), &line, 1, error, 128);
}

static void parses_options(void **state) {
    (void)state;
    struct invocation invocation;
    char error[128] = "";
    assert_true(parse("create -pc a.cfg --delay=5 memory=64 --json", &invocation, error));
    assert_non_null(option_letter(&invocation, 'p'));
    assert_non_null(option_letter(&invocation, 'c'));
    assert_string_equal(option_letter(&invocation, 'd'), "5");
    assert_non_null(option_name(&invocation, "json"));
    assert_null(option_letter(&invocation, 'x'));
    assert_int_equal(invocation.operands, 2);
    assert_string_equal(invocation.operand[1], "memory=64");
    assert_true(parse("create -d3 -- -p", &invocation, error));
    assert_string_equal(option_letter(&invocation, 'd'), "3");
    assert_null(option_letter(&invocation, 'p'));
    assert_string_equal(invocation.operand[0], "-p");
    assert_true(parse("create -d 7", &invocation, error));
    assert_string_equal(option_name(&invocation, "delay"), "7");
}

static void refuses_options(void **state) {
    (void)state;
    struct invocation invocation;
    char error[128] = "";
    assert_false(parse("create -x", &invocation, error));
    assert_string_equal(error, "unknown option -x");
    assert_false(parse("create --pause", &invocation, error));
    assert_string_equal(error, "unknown option --pause");
    assert_false(parse("create -d", &invocation, error));
    assert_string_equal(error, "option -d needs a value: S");
    assert_false(parse("create --json=1", &invocation, error));
    assert_string_equal(error, "option --json takes no value");
    assert_false(parse("destroy", &invocation, error));
    assert_string_equal(error, "too few operands");
    assert_false(parse("destroy a b", &invocation, error));
    assert_string_equal(error, "too many operands: b");
}

static void names_and_synopses(void **state) {
    (void)state;
    char text[128];
    assert_string_equal(verb_synopsis(verb_find("create"), text, sizeof text),
                        "create [-p] [-c] [-d S] [--json] [FILE]");
    assert_null(verb_find("crea"));
    assert_string_equal(verb_nearest("crate")->name, "create");
    assert_string_equal(verb_nearest("crea")->name, "create");
    assert_string_equal(verb_nearest("lsit")->name, "list");
    assert_null(verb_nearest("frobnicate"));
    assert_null(verb_nearest("x"));
}

static void shows_words(void **state) {
    (void)state;
    char word[2000] = "";
    memset(word, 'x', sizeof word - 1);
    struct word_shown shown = word_shown(word);
    assert_int_equal(strlen(shown.text), WORD_SHOWN_MAX + 3);
    assert_string_equal(shown.text + WORD_SHOWN_MAX, "...");
    word[WORD_SHOWN_MAX] = 0;
    assert_string_equal(word_shown(word).text, word);
    assert_string_equal(word_shown("").text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_words),       cmocka_unit_test(reads_commands), cmocka_unit_test(refuses_lines),
        cmocka_unit_test(finds_cursor),       cmocka_unit_test(parses_options), cmocka_unit_test(refuses_options),
        cmocka_unit_test(names_and_synopses), cmocka_unit_test(shows_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
