/* test/support/binary.h - binaries written by hand, readable.
 *
 * Text is hexadecimal bytes; 'abc' is a name: its length and the bytes; "[" and "]" stand around
 * what is preceded by its size in bytes; #-5 is a decimal number in signed LEB128. Sizes are
 * LEB128. So an import section with one function of type 0 is "0a[01 00 'run' 01 00]". */
#pragma once
#include "base/bytes.h"

#define TEST_COMPONENT "00 61 73 6d 0d 00 01 00 "
#define TEST_MODULE    "00 61 73 6d 01 00 00 00 "

/* Appends to `out`; a mistake in the text fails the test. */
void test_binary(ww_buf *out, const char *text);
