// What a hostile VMM writes into its domain page, and what of it the domain manager takes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/domain_page.h"

static const struct domain_page_clock at = {.boot_tsc = 1000, .now_tsc = 500000};
static struct domain_page page;

static void a_start_is_between_boot_and_now(void **state) {
    (void)state;
    static const uint64_t nonsense[] = {0, 999, 500001, UINT64_MAX, 1ull << 63};
    page.started_tsc = 1000;
    assert_int_equal(domain_page_started(&page, at), 1000);
    page.started_tsc = 500000;
    assert_int_equal(domain_page_started(&page, at), 500000);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        page.started_tsc = nonsense[i];
        assert_int_equal(domain_page_started(&page, at), at.now_tsc);
    }
}

static void counts_are_no_more_than_there_was_time_for(void **state) {
    (void)state;
    page.vcpu[1] = (struct domain_vcpu){7, 8, VMM_VCPU_HALTED, 63};
    struct domain_vcpu vcpu = domain_page_vcpu(&page, 1, at);
    assert_memory_equal(&vcpu, &page.vcpu[1], sizeof vcpu);
    page.vcpu[3] = (struct domain_vcpu){UINT64_MAX, 1ull << 63, 3, 64};
    vcpu = domain_page_vcpu(&page, 3, at);
    assert_int_equal(vcpu.run_tsc, 499000);
    assert_int_equal(vcpu.exits, 499000);
    assert_int_equal(vcpu.state, VMM_VCPU_OFFLINE);
    assert_int_equal(vcpu.cpu, DOMAIN_PAGE_NO_CPU);
    domain_page_vcpu(&page, UINT32_MAX, at); // within the page
}

static void states_are_those_that_there_are(void **state) {
    (void)state;
    page.version = VMM_PROTOCOL_VERSION;
    page.state = VMM_STARTING;
    assert_false(domain_page_ready(&page));
    page.state = VMM_FAILED;
    assert_int_equal(domain_page_state(&page), VMM_FAILED);
    assert_false(domain_page_ready(&page));
    page.state = VMM_PAUSED;
    assert_true(domain_page_ready(&page));
    for (uint32_t i = 1; i; i <<= 1) {
        page.state = VMM_FAILED + i;
        assert_int_equal(domain_page_state(&page), VMM_RUNNING);
    }
    page.version++;
    assert_false(domain_page_ready(&page));
}

static void a_message_is_one_line_with_an_end(void **state) {
    (void)state;
    char message[DOMAIN_PAGE_MESSAGE];
    memset(page.message, 'x', sizeof page.message);
    domain_page_message(&page, message);
    assert_int_equal(strlen(message), sizeof page.message - 1);
    memcpy(page.message, "a\x1b[2Jb\nc\td\xc2\x9b", 13);
    domain_page_message(&page, message);
    assert_string_equal(message, "a?[2Jb?c?d\xc2?");
}

static void a_log_is_as_long_as_its_ring(void **state) {
    (void)state;
    static char log[DOMAIN_LOG_BYTES];
    memcpy(page.log, "one\ntwo\r\n", 9);
    page.log_written = 9;
    assert_int_equal(domain_page_log(&page, log), 9);
    assert_memory_equal(log, "one\ntwo?\n", 9);
    static const uint64_t more[] = {DOMAIN_LOG_BYTES, DOMAIN_LOG_BYTES + 4, UINT64_MAX, 1ull << 63};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        page.log_written = more[i];
        assert_int_equal(domain_page_log(&page, log), DOMAIN_LOG_BYTES);
    }
    page.log_written = DOMAIN_LOG_BYTES + 4;
    domain_page_log(&page, log);
    assert_memory_equal(log, "two?\n", 5); // from the oldest byte on
}

static void a_screen_is_one_that_a_vga_could_show(void **state) {
    (void)state;
    static struct vga_text_screen screen;
    const struct vga_text_screen sound = {.columns = 80, .rows = 25, .cursor_column = 79, .cursor_row = 24};
    page.screen = sound;
    page.screen_updates = 2;
    assert_int_equal(domain_page_screen(&page, &screen), DOMAIN_PAGE_TEXT);
    page.screen_updates = 3;
    assert_int_equal(domain_page_screen(&page, &screen), DOMAIN_PAGE_CHANGES);
    page.screen_updates = 4;
    const struct vga_text_screen unsound[] = {
        {.columns = 0, .rows = 25},
        {.columns = 133, .rows = 25},
        {.columns = 80, .rows = 61},
        {.columns = 80, .rows = 25, .cursor_column = 80},
        {.columns = 80, .rows = 25, .cursor_row = 25},
    };
    for (size_t i = 0; i < sizeof unsound / sizeof *unsound; i++) {
        page.screen = unsound[i];
        assert_int_equal(domain_page_screen(&page, &screen), DOMAIN_PAGE_GRAPHICS);
    }
}

// UBSan looks at each bool that is read, ASan at each byte.
static void random_pages_can_be_shown(void **state) {
    (void)state;
    static struct vga_text_screen screen, before;
    static char text[TEXT_SCREEN_ANSI_BYTES], log[DOMAIN_LOG_BYTES];
    char message[DOMAIN_PAGE_MESSAGE];
    unsigned shown = 0;
    srand(4);
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof page; i++)
            ((uint8_t *)&page)[i] = (uint8_t)rand();
        page.screen_updates &= ~1u;
        page.screen.columns %= VGA_TEXT_COLUMNS_MAX + 2;
        page.screen.rows %= VGA_TEXT_ROWS_MAX + 2;
        page.screen.cursor_column %= 8;
        page.screen.cursor_row %= 8;
        domain_page_message(&page, message);
        domain_page_log(&page, log);
        if (domain_page_screen(&page, &screen) != DOMAIN_PAGE_TEXT)
            continue;
        text_screen_utf8(&screen, text, sizeof text);
        text_screen_ansi(shown++ ? &before : NULL, &screen, text, sizeof text);
        before = screen;
    }
    assert_true(shown > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_is_between_boot_and_now), cmocka_unit_test(counts_are_no_more_than_there_was_time_for),
        cmocka_unit_test(states_are_those_that_there_are), cmocka_unit_test(a_message_is_one_line_with_an_end),
        cmocka_unit_test(a_log_is_as_long_as_its_ring),    cmocka_unit_test(a_screen_is_one_that_a_vga_could_show),
        cmocka_unit_test(random_pages_can_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
