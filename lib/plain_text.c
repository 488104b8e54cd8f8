// Takes control characters out of text, see plain_text.h.
#include "lib/plain_text.h"

#include <stdbool.h>
#include <stdint.h>

// Is the byte at `i`, 80h to 9Fh, within a character of UTF-8? C2h begins C1 itself; E0h and F0h before too small a
// byte begin longer ways to write it (RFC 3629 3).
static bool continues(const uint8_t *text, size_t i) {
    size_t back = 1;
    while (back < 3 && back < i && (text[i - back] & 0xc0) == 0x80)
        back++;
    if (back > i)
        return false;
    uint8_t lead = text[i - back];
    if (back == 1)
        return lead > 0xc2 && lead < 0xf5 && lead != 0xe0 && (lead != 0xf0 || text[i] >= 0x90);
    return lead >= (back == 2 ? 0xe0 : 0xf0) && lead < 0xf5;
}

void plain_text(char *text, size_t length) {
    uint8_t *bytes = (uint8_t *)text;
    for (size_t i = 0; i < length; i++) {
        bool c0 = (bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] == 0x7f;
        if (c0 || ((bytes[i] & 0xe0) == 0x80 && !continues(bytes, i)))
            bytes[i] = '?';
    }
}
