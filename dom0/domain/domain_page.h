// The wall between the domain manager and VMMs: a domain page is its VMM's, which may be hostile, change it at any time
// and write anything. Each word is read once here, and what cannot be true does not come in. Pure but for that.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/protocol_vmm.h"

#define DOMAIN_PAGE_NO_CPU UINT32_MAX // vcpu.cpu: none that a host can have

// What no VMM can lie beyond: nothing was before the host's start, and nothing counts faster than the TSC.
struct domain_page_clock {
    uint64_t boot_tsc, now_tsc;
};

// What is no state counts as VMM_RUNNING: it goes on until it says that it has ended, or dies.
enum vmm_state domain_page_state(const volatile struct domain_page *page);

// Has the VMM set up its machine, for this version of the protocol?
bool domain_page_ready(const volatile struct domain_page *page);

// When its vCPUs were first let run; now if it says none, or what cannot be.
uint64_t domain_page_started(const volatile struct domain_page *page, struct domain_page_clock clock);

// Counts are at most the ticks since the host's start; what is no state is VMM_VCPU_OFFLINE.
struct domain_vcpu domain_page_vcpu(const volatile struct domain_page *page, unsigned vcpu,
                                    struct domain_page_clock clock);

#define DOMAIN_PAGE_MESSAGE sizeof(((struct domain_page *)0)->message)
// One line of plain text, terminated.
void domain_page_message(const volatile struct domain_page *page, char to[DOMAIN_PAGE_MESSAGE]);

// The log as far as the page holds it, as plain text (lib/plain_text.h); its length.
size_t domain_page_log(const volatile struct domain_page *page, char to[DOMAIN_LOG_BYTES]);

enum domain_page_screen { DOMAIN_PAGE_TEXT, DOMAIN_PAGE_GRAPHICS, DOMAIN_PAGE_CHANGES };
// Copies the screen. DOMAIN_PAGE_GRAPHICS: it is no text, or none that a VGA could show. DOMAIN_PAGE_CHANGES: it is
// being written all the time.
enum domain_page_screen domain_page_screen(const volatile struct domain_page *page, struct vga_text_screen *screen);
