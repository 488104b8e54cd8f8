// The table of verbs against itself, and against its reference in docs/shell.md. With --print: the reference as it
// should stand there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/verb_document.h"
#include "dom0/domain/verb_functions.h"
#include "tests/unit/text_page.h"

#define VERB_STUB(name)                                                                                                \
    int verb_##name(const struct invocation *invocation) {                                                             \
        (void)invocation;                                                                                              \
        return 0;                                                                                                      \
    }
VERB_FUNCTIONS(VERB_STUB)

static const char *reference(void) {
    static struct page page;
    page.used = 0;
    verb_markdown(&(struct text_sink){page_put, &page});
    return page.text;
}

static const char *documentation(void) {
    static char text[131072];
    const char *root = getenv("SOURCE_ROOT");
    char path[1024];
    snprintf(path, sizeof path, "%s/docs/shell.md", root ? root : ".");
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("no %s: set SOURCE_ROOT to the root of the tree", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void docs_have_the_reference(void **state) {
    (void)state;
    const char *place = strstr(documentation(), "| verb | what it does |");
    assert_non_null(place);
    if (strcmp(place, reference()))
        fail_msg("docs/shell.md is not what the table of verbs says; from \"| verb |\" on it should be what "
                 "test_verbs_docs --print prints");
}

static void verbs_are_sorted(void **state) {
    (void)state;
    assert_true(verb_count > 25);
    for (size_t i = 1; i < verb_count; i++)
        assert_true(strcmp(verbs[i - 1].name, verbs[i].name) < 0);
}

static void lines_fit_a_terminal(const char *text) {
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > 120)
            fail_msg("%zu columns: %.*s", length, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void verbs_are_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *verb = &verbs[i];
        assert_non_null(verb->run);
        assert_true(strlen(verb->name) <= 10 && strlen(verb->brief) > 0 && strlen(verb->brief) <= 68);
        assert_true(verb->least <= verb->most && verb->most <= COMMAND_WORDS);
        assert_int_equal(verb->operands[0] == '\0', verb->most == 0);
        assert_int_equal(verb->operands[0] == '[' || verb->most == 0, verb->least == 0);
        lines_fit_a_terminal(verb->help);
        for (int a = 0; a < VERB_OPTIONS; a++)
            for (int b = a + 1; b < VERB_OPTIONS && verb->options[b].letter; b++)
                assert_int_not_equal(verb->options[a].letter, verb->options[b].letter);
    }
}

static void help_names_options(void **state) {
    (void)state;
    struct page page = {.used = 0};
    verb_help_one(&(struct text_sink){page_put, &page}, verb_find("top"));
    assert_non_null(strstr(page.text, "top [-b] [-n N] [-d SECONDS] [--json]\n"));
    assert_non_null(strstr(page.text, "-n, --iterations N "));
    page.used = 0;
    verb_help_all(&(struct text_sink){page_put, &page});
    assert_non_null(strstr(page.text, "  vcpu-list   list virtual CPUs\n"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(docs_have_the_reference),
        cmocka_unit_test(verbs_are_sorted),
        cmocka_unit_test(verbs_are_whole),
        cmocka_unit_test(help_names_options),
    };
    if (argc == 2 && !strcmp(argv[1], "--print")) {
        fputs(reference(), stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
