// Text as key presses on a keyboard with US layout: what a terminal sends, and what a script writes with named keys.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Keys are named by their make codes of scan code set 1; KEY_EXTENDED: the code has the prefix E0h.
#define KEY_EXTENDED     0xe000u
#define KEY_PAUSE        0xe11du // sends its make and break codes when pressed
#define KEY_PRINT_SCREEN 0xe037u

struct key_event {
    uint16_t set1_code; // as i8042_key() takes it
    bool pressed;
};

// One character, sequence or name is at most this many events: three modifiers and the key, pressed and released.
#define KEYBOARD_TEXT_EVENTS 8u

// Flags
#define KEYBOARD_TEXT_NAMES 1u // <enter>, <ctrl-c>, <alt-f2> ... are keys; <lt> is the character <
#define KEYBOARD_TEXT_FINAL 2u // nothing follows: an ESC at the end is the key Esc

enum keyboard_text_end {
    KEYBOARD_TEXT_DONE,
    KEYBOARD_TEXT_MORE,    // an unfinished sequence is left: call again with more bytes, or after a while with FINAL
    KEYBOARD_TEXT_FULL,    // no room for the events of the next character
    KEYBOARD_TEXT_UNKNOWN, // at text[consumed] is a name that no key has
};

struct keyboard_text_result {
    size_t events, consumed;
    enum keyboard_text_end end;
};

// Turns text into key events. Understands ASCII with control characters, the sequences of xterm, VT and Linux terminals
// (arrows, F1..F12, Ins, Del, Home, End, PgUp, PgDn, with modifiers), and ESC x as Alt-x. Characters that the layout
// lacks are left out. Writes whole characters only: never a press without its release.
struct keyboard_text_result keyboard_text_parse(const char *text, size_t length, unsigned flags,
                                                struct key_event *events, size_t room);
