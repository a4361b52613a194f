#include "support/binary.h"
#include "support/check.h"
#include <stdlib.h>

static void put_leb(ww_buf *out, size_t value)
{
    for (; value >= 0x80; value >>= 7)
        assert_ok(ww_buf_append_byte(out, (uint8_t)(value | 0x80)));
    assert_ok(ww_buf_append_byte(out, (uint8_t)value));
}

static const char *put_number(ww_buf *out, const char *text)
{
    char *end;
    int64_t value = strtoll(text, &end, 10);
    assert_ptr_not_equal(end, text);
    for (; value < -64 || value > 63; value >>= 7)
        assert_ok(ww_buf_append_byte(out, (uint8_t)(value | 0x80)));
    assert_ok(ww_buf_append_byte(out, (uint8_t)(value & 0x7f)));
    return end;
}

static const char *put_name(ww_buf *out, const char *text)
{
    size_t size = strcspn(text, "'");
    assert_int_equal(text[size], '\'');
    put_leb(out, size);
    assert_ok(ww_buf_append(out, text, size));
    return text + size + 1;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    assert_non_null(at);
    return (int)(at - digits);
}

/* Up to the "]" of this level, or the end of the text. */
static const char *put_group(ww_buf *out, const char *text)
{
    while (*text && *text != ']') {
        if (*text == ' ') {
            text++;
        } else if (*text == '\'') {
            text = put_name(out, text + 1);
        } else if (*text == '#') {
            text = put_number(out, text + 1);
        } else if (*text == '[') {
            ww_buf inner;
            ww_buf_init(&inner, out->allocator, out->size_max);
            text = put_group(&inner, text + 1);
            assert_int_equal(*text, ']');
            put_leb(out, inner.size);
            assert_ok(ww_buf_append(out, inner.data, inner.size));
            ww_buf_deinit(&inner);
            text++;
        } else {
            assert_ok(ww_buf_append_byte(out, (uint8_t)(digit(text[0]) << 4 | digit(text[1]))));
            text += 2;
        }
    }
    return text;
}

void test_binary(ww_buf *out, const char *text)
{
    assert_int_equal(*put_group(out, text), '\0');
}
