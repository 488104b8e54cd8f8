// Characters, terminal sequences and key names as chords: modifiers and one key.
#include "lib/keyboard_text.h"
#include "lib/string.h"

#define SHIFT 1u // the bits of xterm's modifier parameter minus one
#define ALT   2u
#define CTRL  4u

#define ESCAPE       0x1b
#define SEQUENCE_MAX 16u
#define NAME_MAX     24u

struct chord {
    uint16_t code; // 0: nothing
    uint8_t modifiers;
};

// What was recognised at the start of the text.
struct token {
    struct chord chord;
    size_t length; // 0: see end
    enum keyboard_text_end end;
};

struct named_key {
    char name[12];
    uint16_t code;
};

static const struct named_key names[] = {
    {"enter", 0x1c},    {"return", 0x1c},     {"esc", 0x01},        {"escape", 0x01},     {"tab", 0x0f},
    {"space", 0x39},    {"backspace", 0x0e},  {"bs", 0x0e},         {"up", 0xe048},       {"down", 0xe050},
    {"left", 0xe04b},   {"right", 0xe04d},    {"home", 0xe047},     {"end", 0xe04f},      {"pgup", 0xe049},
    {"pageup", 0xe049}, {"pgdn", 0xe051},     {"pagedown", 0xe051}, {"ins", 0xe052},      {"insert", 0xe052},
    {"del", 0xe053},    {"delete", 0xe053},   {"f1", 0x3b},         {"f2", 0x3c},         {"f3", 0x3d},
    {"f4", 0x3e},       {"f5", 0x3f},         {"f6", 0x40},         {"f7", 0x41},         {"f8", 0x42},
    {"f9", 0x43},       {"f10", 0x44},        {"f11", 0x57},        {"f12", 0x58},        {"ctrl", 0x1d},
    {"alt", 0x38},      {"shift", 0x2a},      {"win", 0xe05b},      {"menu", 0xe05d},     {"capslock", 0x3a},
    {"numlock", 0x45},  {"scrolllock", 0x46}, {"print", 0xe037},    {"pause", KEY_PAUSE},
};

// --- Characters ------------------------------------------------------------------------------------------------------

// The rows of the keyboard, without and with shift; the first key's code.
static const struct {
    uint8_t first;
    const char *plain, *shifted;
} rows[] = {
    {0x02, "1234567890-=", "!@#$%^&*()_+"},
    {0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
    {0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {0x39, " ", ""},
};

static struct chord printable_chord(char c) {
    struct chord chord = {0, 0};
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        const char *plain = strchr(rows[row].plain, c), *shifted = strchr(rows[row].shifted, c);
        if (plain)
            chord.code = (uint16_t)(rows[row].first + (plain - rows[row].plain));
        else if (shifted)
            chord = (struct chord){(uint16_t)(rows[row].first + (shifted - rows[row].shifted)), SHIFT};
        if (plain || shifted)
            break;
    }
    return chord;
}

// ASCII. Control characters that have a key of their own are that key, the others Ctrl and their letter.
static struct chord ascii_chord(char c) {
    switch (c) {
    case '\r':
    case '\n':
        return (struct chord){0x1c, 0};
    case '\t':
        return (struct chord){0x0f, 0};
    case '\b':
    case 0x7f:
        return (struct chord){0x0e, 0};
    case ESCAPE:
        return (struct chord){0x01, 0};
    default:
        break;
    }
    if (c > 0x1f)
        return printable_chord(c);
    struct chord chord = printable_chord((char)(c == 0 ? ' ' : c <= 26 ? c + 0x60 : c + 0x40));
    chord.modifiers |= CTRL;
    return chord;
}

// --- Terminal sequences ----------------------------------------------------------------------------------------------

static struct token key_token(const char *name, unsigned modifiers, size_t length) {
    struct token token = {{0, 0}, length, KEYBOARD_TEXT_DONE};
    for (size_t i = 0; name && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, name) == 0)
            token.chord = (struct chord){names[i].code, (uint8_t)(modifiers & 7)};
    return token;
}

// Finals of ESC [ and ESC O without number, and what ESC [ [ (Linux console) ends in.
static const char *final_name(char c) {
    static const struct {
        char final;
        const char *name;
    } finals[] = {{'A', "up"}, {'B', "down"}, {'C', "right"}, {'D', "left"}, {'H', "home"}, {'F', "end"},
                  {'P', "f1"}, {'Q', "f2"},   {'R', "f3"},    {'S', "f4"},   {'Z', "tab"},  {'M', "enter"}};
    for (size_t i = 0; i < sizeof finals / sizeof finals[0]; i++)
        if (finals[i].final == c)
            return finals[i].name;
    return NULL;
}

// ESC [ number ~
static const char *number_name(unsigned number) {
    static const char *const by_number[] = {NULL, "home", "ins", "del", "end", "pgup", "pgdn", "home", "end",
                                            NULL, NULL,   "f1",  "f2",  "f3",  "f4",   "f5",   NULL,   "f6",
                                            "f7", "f8",   "f9",  "f10", NULL,  "f11",  "f12"};
    return number < sizeof by_number / sizeof by_number[0] ? by_number[number] : NULL;
}

static struct token linux_function_key(const char *text, size_t length) {
    static const char *const keys[] = {"f1", "f2", "f3", "f4", "f5"};
    if (length < 4)
        return (struct token){{0, 0}, 0, KEYBOARD_TEXT_MORE};
    return key_token(text[3] >= 'A' && text[3] <= 'E' ? keys[text[3] - 'A'] : NULL, 0, 4);
}

// ESC [ parameters final: the first parameter is the key's number, the second its modifiers plus one.
static struct token control_sequence(const char *text, size_t length) {
    unsigned parameters[2] = {0, 0}, parameter = 0;
    size_t at = 2;
    if (length > 2 && text[2] == '[')
        return linux_function_key(text, length);
    for (; at < length && at < SEQUENCE_MAX && text[at] >= 0x20 && text[at] <= 0x3f; at++) {
        if (text[at] == ';')
            parameter++;
        else if (text[at] >= '0' && text[at] <= '9' && parameter < 2)
            parameters[parameter] = (parameters[parameter] * 10 + (unsigned)(text[at] - '0')) % 1000;
    }
    if (at == length && at < SEQUENCE_MAX)
        return (struct token){{0, 0}, 0, KEYBOARD_TEXT_MORE};
    if (at == SEQUENCE_MAX) // no terminal sends this
        return key_token(NULL, 0, SEQUENCE_MAX);
    unsigned modifiers = parameters[1] ? parameters[1] - 1 : 0;
    if (text[at] == 'Z')
        modifiers = SHIFT;
    return key_token(text[at] == '~' ? number_name(parameters[0]) : final_name(text[at]), modifiers, at + 1);
}

static struct token escape_token(const char *text, size_t length, bool final) {
    struct token token = {{0x01, 0}, 1, KEYBOARD_TEXT_DONE};
    if (length == 1)
        return final ? token : (struct token){{0, 0}, 0, KEYBOARD_TEXT_MORE};
    if (text[1] == '[')
        token = control_sequence(text, length);
    else if (text[1] == 'O')
        token = length > 2 ? key_token(final_name(text[2]), 0, 3) : (struct token){{0, 0}, 0, KEYBOARD_TEXT_MORE};
    if (token.length == 0 && !final)
        return token;
    bool alone = text[1] == ESCAPE || (unsigned char)text[1] > 0x7f;
    if ((token.length <= 1) && !alone) { // ESC x
        token = (struct token){ascii_chord(text[1]), 2, KEYBOARD_TEXT_DONE};
        token.chord.modifiers |= ALT;
    }
    return token;
}

// --- Names -----------------------------------------------------------------------------------------------------------

static unsigned take_modifier(const char **name) {
    static const struct {
        char prefix[7];
        unsigned modifier;
    } prefixes[] = {{"ctrl-", CTRL}, {"alt-", ALT}, {"shift-", SHIFT}, {"c-", CTRL}, {"m-", ALT}};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t length = strlen(prefixes[i].prefix);
        if (strncmp(*name, prefixes[i].prefix, length) == 0 && (*name)[length] != '\0') {
            *name += length;
            return prefixes[i].modifier;
        }
    }
    return 0;
}

static struct chord named_chord(const char *name) {
    unsigned modifiers = 0, modifier;
    while ((modifier = take_modifier(&name)) != 0)
        modifiers |= modifier;
    struct chord chord = key_token(name, 0, 0).chord;
    if (chord.code == 0 && strcmp(name, "lt") == 0)
        chord = printable_chord('<');
    else if (chord.code == 0 && strcmp(name, "gt") == 0)
        chord = printable_chord('>');
    else if (chord.code == 0 && modifiers && strlen(name) == 1)
        chord = printable_chord(name[0]);
    chord.modifiers |= (uint8_t)modifiers;
    return chord;
}

// <name>. Length 0 and end DONE: it has not the form of a name, the < stands for itself.
static struct token name_token(const char *text, size_t length) {
    char name[NAME_MAX + 1];
    size_t n = 0;
    for (; n < NAME_MAX && n + 1 < length && text[n + 1] > ' ' && text[n + 1] < 0x7f && text[n + 1] != '>'; n++)
        name[n] = (char)(text[n + 1] >= 'A' && text[n + 1] <= 'Z' ? text[n + 1] + 0x20 : text[n + 1]);
    name[n] = '\0';
    if (n == 0 || n + 1 >= length || text[n + 1] != '>')
        return (struct token){{0, 0}, 0, KEYBOARD_TEXT_DONE};
    struct chord chord = named_chord(name);
    if (chord.code == 0)
        return (struct token){{0, 0}, 0, KEYBOARD_TEXT_UNKNOWN};
    return (struct token){chord, n + 2, KEYBOARD_TEXT_DONE};
}

// --- The whole -------------------------------------------------------------------------------------------------------

// Bytes of the UTF-8 character; what is none counts as one. 0: more bytes are needed.
static size_t character_length(const char *text, size_t length) {
    unsigned char lead = (unsigned char)text[0];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1, n = 1;
    while (n < wanted && n < length && ((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n == length && n < wanted ? 0 : n;
}

static struct token next_token(const char *text, size_t length, unsigned flags) {
    bool final = flags & KEYBOARD_TEXT_FINAL;
    if (text[0] == ESCAPE)
        return escape_token(text, length, final);
    if (text[0] == '<' && flags & KEYBOARD_TEXT_NAMES) {
        struct token token = name_token(text, length);
        if (token.length || token.end == KEYBOARD_TEXT_UNKNOWN)
            return token;
    }
    if ((unsigned char)text[0] <= 0x7f)
        return (struct token){ascii_chord(text[0]), 1, KEYBOARD_TEXT_DONE};
    size_t n = character_length(text, length);
    if (n == 0 && !final)
        return (struct token){{0, 0}, 0, KEYBOARD_TEXT_MORE};
    return (struct token){{0, 0}, n ? n : length, KEYBOARD_TEXT_DONE};
}

static size_t put_modifiers(unsigned modifiers, bool pressed, struct key_event *events) {
    static const struct { uint8_t modifier, code; } keys[] = {{CTRL, 0x1d}, {ALT, 0x38}, {SHIFT, 0x2a}};
    size_t n = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t key = pressed ? i : 2 - i;
        if (modifiers & keys[key].modifier)
            events[n++] = (struct key_event){keys[key].code, pressed};
    }
    return n;
}

static size_t put_chord(struct chord chord, struct key_event *events) {
    if (chord.code == 0)
        return 0;
    size_t n = put_modifiers(chord.modifiers, true, events);
    events[n++] = (struct key_event){chord.code, true};
    events[n++] = (struct key_event){chord.code, false};
    return n + put_modifiers(chord.modifiers, false, events + n);
}

struct keyboard_text_result keyboard_text_parse(const char *text, size_t length, unsigned flags,
                                                struct key_event *events, size_t room) {
    struct keyboard_text_result result = {0, 0, KEYBOARD_TEXT_DONE};
    while (result.consumed < length) {
        struct key_event typed[KEYBOARD_TEXT_EVENTS];
        struct token token = next_token(text + result.consumed, length - result.consumed, flags);
        size_t n = put_chord(token.chord, typed);
        if (token.length == 0 || n > room - result.events) {
            result.end = token.length == 0 ? token.end : KEYBOARD_TEXT_FULL;
            return result;
        }
        memcpy(events + result.events, typed, n * sizeof typed[0]);
        result.events += n;
        result.consumed += token.length;
    }
    return result;
}
