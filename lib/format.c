/* Formatted text without the C library (ISO C17 7.21.6.5, integers and strings only). */
#include "lib/format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct output {
    char *to;
    size_t size;
    size_t length; /* of the whole text, written or not */
};

/* One conversion specification, as read from the format string. */
struct spec {
    bool left, zero, alternate, plus, space, has_precision;
    int width, precision;
    char length; /* 0, 'H' for hh, h, l (also ll, z, j, t: all 64 bits) */
};

static void put(struct output *out, char c) {
    if (out->length + 1 < out->size)
        out->to[out->length] = c;
    out->length++;
}

static void put_many(struct output *out, char c, int count) {
    for (; count > 0; count--)
        put(out, c);
}

static void put_text(struct output *out, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        put(out, text[i]);
}

/* Text of LENGTH bytes in a field; ZEROS digits 0 stand between PREFIX (sign or 0x) and text. */
static void put_field(struct output *out, const struct spec *spec, const char *prefix, int zeros, const char *text,
                      size_t length) {
    int fill = spec->width - (int)strlen(prefix) - zeros - (int)length;
    if (!spec->left)
        put_many(out, ' ', fill);
    put_text(out, prefix, strlen(prefix));
    put_many(out, '0', zeros);
    put_text(out, text, length);
    if (spec->left)
        put_many(out, ' ', fill);
}

static void put_number(struct output *out, const struct spec *spec, const char *prefix, uint64_t value, unsigned base,
                       bool upper) {
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    size_t at = sizeof text;
    for (uint64_t rest = value; rest; rest /= base)
        text[--at] = digits[rest % base];
    int length = (int)(sizeof text - at);
    int least = spec->has_precision ? spec->precision : 1;
    if (!spec->has_precision && spec->zero && !spec->left && spec->width - (int)strlen(prefix) > least)
        least = spec->width - (int)strlen(prefix);
    int zeros = least > length ? least - length : 0;
    put_field(out, spec, prefix, zeros, text + at, (size_t)length);
}

static void put_signed(struct output *out, const struct spec *spec, int64_t value) {
    const char *prefix = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    put_number(out, spec, prefix, magnitude, 10, false);
}

static void put_string(struct output *out, struct spec *spec, const char *s) {
    if (!s)
        s = "(null)";
    size_t length = spec->has_precision ? strnlen(s, (size_t)spec->precision) : strlen(s);
    put_field(out, spec, "", 0, s, length);
}

static int64_t next_signed(char length, va_list *args) {
    switch (length) {
    case 'l':
        return va_arg(*args, int64_t);
    case 'h':
        return (short)va_arg(*args, int);
    case 'H':
        return (signed char)va_arg(*args, int);
    default:
        return va_arg(*args, int);
    }
}

static uint64_t next_unsigned(char length, va_list *args) {
    switch (length) {
    case 'l':
        return va_arg(*args, uint64_t);
    case 'h':
        return (unsigned short)va_arg(*args, unsigned);
    case 'H':
        return (unsigned char)va_arg(*args, unsigned);
    default:
        return va_arg(*args, unsigned);
    }
}

static const char *read_flags(const char *f, struct spec *spec) {
    for (;; f++) {
        switch (*f) {
        case '-':
            spec->left = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        default:
            return f;
        }
    }
}

/* A decimal number or *; too large a number is held at a bound that no buffer of ours reaches. */
static const char *read_number(const char *f, int *number, va_list *args) {
    if (*f == '*') {
        *number = va_arg(*args, int);
        return f + 1;
    }
    for (*number = 0; *f >= '0' && *f <= '9'; f++)
        if (*number < 100000)
            *number = *number * 10 + (*f - '0');
    return f;
}

static const char *read_length(const char *f, struct spec *spec) {
    for (;; f++) {
        if (*f == 'h')
            spec->length = spec->length == 'h' ? 'H' : 'h';
        else if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
            spec->length = 'l';
        else
            return f;
    }
}

static const char *read_spec(const char *f, struct spec *spec, va_list *args) {
    f = read_flags(f, spec);
    f = read_number(f, &spec->width, args);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = spec->width == INT_MIN ? 0 : -spec->width;
    }
    if (*f == '.') {
        f = read_number(f + 1, &spec->precision, args);
        spec->has_precision = spec->precision >= 0;
    }
    return read_length(f, spec);
}

static bool put_conversion(struct output *out, struct spec *spec, char conversion, va_list *args) {
    uint64_t value;
    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(out, spec, next_signed(spec->length, args));
        return true;
    case 'u':
    case 'o':
        put_number(out, spec, "", next_unsigned(spec->length, args), conversion == 'u' ? 10 : 8, false);
        return true;
    case 'x':
    case 'X':
        value = next_unsigned(spec->length, args);
        put_number(out, spec,
                   !spec->alternate || !value ? ""
                   : conversion == 'x'        ? "0x"
                                              : "0X",
                   value, 16, conversion == 'X');
        return true;
    case 'p':
        put_number(out, spec, "0x", (uintptr_t)va_arg(*args, void *), 16, false);
        return true;
    case 'c':
        put_field(out, spec, "", 0, &(char){(char)va_arg(*args, int)}, 1);
        return true;
    case 's':
        put_string(out, spec, va_arg(*args, const char *));
        return true;
    case '%':
        put(out, '%');
        return true;
    default:
        return false;
    }
}

int vformat(char *to, size_t size, const char *fmt, va_list args) {
    struct output out = {.to = to, .size = size, .length = 0};
    va_list rest;
    va_copy(rest, args);
    for (const char *f = fmt; *f; f++) {
        if (*f != '%') {
            put(&out, *f);
            continue;
        }
        struct spec spec = {0};
        const char *conversion = read_spec(f + 1, &spec, &rest);
        if (!put_conversion(&out, &spec, *conversion, &rest)) {
            put_text(&out, f, (size_t)(conversion - f) + (*conversion ? 1 : 0));
            if (!*conversion)
                break;
        }
        f = conversion;
    }
    va_end(rest);
    if (size)
        to[out.length < size ? out.length : size - 1] = '\0';
    return (int)out.length;
}

int format(char *to, size_t size, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int length = vformat(to, size, fmt, args);
    va_end(args);
    return length;
}
