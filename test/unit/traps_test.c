/* Every condition under which the canonical ABI traps, and every trap of core WebAssembly that this
 * host can meet: one component each, and what its end says. Codes are the engine's; where it has
 * none, the text is ours (component/call.h). The components are written as in support/binary.h. */
#include "component/limits.h"
#include "support/binary.h"
#include "support/check.h"
#include "support/rig.h"

enum { IS_REFUSED = -3, NO_TRAP = -2, NO_CODE = -1 };

/* The engine's codes of core traps that no host function raises. */
enum {
    STACK_OVERFLOW = 0,
    MEMORY_OUT_OF_BOUNDS = 1,
    TABLE_OUT_OF_BOUNDS = 3,
    BAD_SIGNATURE = 5,
    INTEGER_OVERFLOW = 6,
    DIVISION_BY_ZERO = 7,
    BAD_CONVERSION = 8,
    NULL_REFERENCE = 13,
    CAST_FAILURE = 16,
};

typedef struct row {
    const char *name, *component;
    int code;
    const char *text; /* NULL: the engine's */
    uint64_t copy_bytes_max;
} row;

#define CODE(code)    (code), NULL, 0
#define TEXT(text)    NO_CODE, text, 0
#define FINE          NO_TRAP, NULL, 0
#define REFUSED(text) IS_REFUSED, text, 0 /* what its text has in it */

/* --- pieces ---------------------------------------------------------------------------------- */

/* Core module 0, its instance 0, memory 0 and core func 0: a page that begins with `data`, and a
 * realloc that does `realloc`. */
#define MEMORY(realloc, data)                                                                      \
    "01[" TEST_MODULE "01[01 60 04 7f 7f 7f 7f 01 7f] 03[01 00] 05[01 00 01]"                      \
    "07[02 'm' 02 00 'r' 00 00] 0a[01 [00 " realloc " 0b]] 0b[01 00 41 00 0b [" data "]]]"         \
    "02[01 00 00 00] 06[02 00 02 01 00 'm'  00 00 01 00 'r'] "

/* Options of lifts and lowers: encoding, that memory, that realloc. */
#define UTF8   "03 00 03 00 04 00 "
#define UTF16  "03 01 03 00 04 00 "
#define LATIN1 "03 02 03 00 04 00 "

/* Component types 0: func(); then 1: func(x: `type`), or 2 if `type` has to be defined. */
#define FUNC_OF(type)        "07[02 40 00 01 00  40 01 'x' " type " 01 00] "
#define FUNC_OF_NEW(type)    "07[03 40 00 01 00  " type "  40 01 'x' 01 01 00] "
#define FUNC_GIVES(type)     "07[02 40 00 01 00  40 00 00 " type "] "
#define FUNC_GIVES_NEW(type) "07[03 40 00 01 00  " type "  40 00 00 01] "

/* What has cases or flags needs a name, here 't': func type 3. */
#define NAMED(type)            "07[02 40 00 01 00  " type "] 0a[01 00 't' 03 00 01] "
#define FUNC_OF_NAMED(type)    NAMED(type) "07[01 40 01 'x' 02 01 00] "
#define FUNC_GIVES_NAMED(type) NAMED(type) "07[01 40 00 00 02] "

/* Imports f of component type `type`, whose core type is `core`, and exports run, which calls it
 * with what `args` pushes. */
#define CALLS(types, type, core, options, memory, args)                                            \
    TEST_COMPONENT types                                                                           \
        "0a[01 00 'f' 01 " type "] " memory "08[01 01 00 00 " options "]"                          \
        "01[" TEST_MODULE "01[02 60 " core " 60 00 00] 02[01 '' 'f' 00 00]"                        \
        "03[01 01] 07[01 'run' 00 01] 0a[01 [00 " args " 10 00 0b]]]"                              \
        "02[01 01 01 'f' 00 01] 02[01 00 01 01 '' 12 01] 06[01 00 00 01 02 'run']"                 \
        "08[01 00 00 02 00 00] 0b[01 00 'run' 01 01 00] "
/* The same, with a realloc that is not called. */
#define PASSES(types, type, core, options, data, args)                                             \
    CALLS(types, type, core, options, MEMORY("00", data), args)

/* Exports `name` of component type `type`, whose core function of type `core` does `body`. */
#define IS(name, types, type, core, options, memory, body)                                         \
    TEST_COMPONENT types memory "01[" TEST_MODULE "01[01 60 " core "] 03[01 00]"                   \
                                "07[01 'g' 00 00] 0a[01 [00 " body " 0b]]]"                        \
                                "02[01 00 01 00] 06[01 00 00 01 01 'g']"                           \
                                "08[01 00 00 01 " options type "] 0b[01 00 '" name "' 01 00 00] "
#define RETURNS(types, type, options, data, value)                                                 \
    IS("run", types, type, "00 01 7f", options, MEMORY("00", data), value)
#define TAKES(types, type, core, options, realloc)                                                 \
    IS("run", types, type, core, options, MEMORY(realloc, ""), "")

/* Two components in one: what the first exports as f is what the second imports. */
#define BETWEEN(caller, callee)                                                                    \
    TEST_COMPONENT "04[" callee "] 04[" caller "] 05[01 00 00 00] 06[01 01 00 00 'f']"             \
                   "05[01 00 01 01 'f' 01 00] 06[01 01 00 01 'run'] 0b[01 00 'run' 01 01 00]"

/* The second passes a value that the first, correct, takes. */
#define CROSSES(types, type, core, options, data, args)                                            \
    BETWEEN(PASSES(types, type, core, options, data, args),                                        \
            IS("f", types, type, core, options, MEMORY("41 00", ""), ""))
/* The first returns a value, which the second wants at address `at`. */
#define CROSSES_BACK(types, type, options, data, value, at)                                        \
    BETWEEN(CALLS(types, type, "01 7f 00", options, MEMORY("41 00", ""), at),                      \
            IS("f", types, type, "00 01 7f", options, MEMORY("00", data), value))

#define I32(number) "41 #" number " "

#define STRING "73"
#define CHAR   "74"
#define U32    "79"

/* --- values that guests pass to the host ----------------------------------------------------- */

#define PASSES_CHAR(number) PASSES(FUNC_OF(CHAR), "01", "01 7f 00", UTF8, "", I32(number))
#define PASSES_STRING(encoding, data, ptr, count)                                                  \
    PASSES(FUNC_OF(STRING), "01", "02 7f 7f 00", encoding, data, I32(ptr) I32(count))
#define PASSES_LIST(element, data, ptr, count)                                                     \
    PASSES(FUNC_OF_NEW("70 " element), "02", "02 7f 7f 00", UTF8, data, I32(ptr) I32(count))

#define U32S_17                                                                                    \
    "07[02 40 00 01 00  40 11 'a' 79 'b' 79 'c' 79 'd' 79 'e' 79 'f' 79 'g' 79 'h' 79 'i' 79"      \
    "'j' 79 'k' 79 'l' 79 'm' 79 'n' 79 'o' 79 'p' 79 'q' 79 01 00] "
#define PASSES_17(ptr) PASSES(U32S_17, "01", "01 7f 00", UTF8, "", I32(ptr))

/* `at` is where the guest wants the result. */
#define TUPLE_OF_U32 "6f 02 79 79"
#define WANTS(type, options, realloc, at)                                                          \
    CALLS(FUNC_GIVES(type), "01", "01 7f 00", options, MEMORY(realloc, ""), I32(at))
#define WANTS_NEW(type, options, realloc, at)                                                      \
    CALLS(FUNC_GIVES_NEW(type), "02", "01 7f 00", options, MEMORY(realloc, ""), I32(at))

static const row passed[] = {
    {"lift_char__beyond_the_last__traps", PASSES_CHAR("1114112"), CODE(WW_TRAP_INVALID_CHAR)},
    {"lift_char__first_surrogate__traps", PASSES_CHAR("55296"), CODE(WW_TRAP_INVALID_CHAR)},
    {"lift_char__last_surrogate__traps", PASSES_CHAR("57343"), CODE(WW_TRAP_INVALID_CHAR)},
    {"lift_char__last_one__is_fine", PASSES_CHAR("1114111"), FINE},
    {"lift_char__surrogate_in_a_list__traps",
     PASSES_LIST("74", "41 00 00 00 00 d8 00 00", "0", "2"), CODE(WW_TRAP_INVALID_CHAR)},

    {"lift_string__content_beyond_memory__traps", PASSES_STRING(UTF8, "", "65535", "2"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_string__pointer_beyond_memory__traps", PASSES_STRING(UTF8, "", "65537", "0"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_string__end_wraps_around__traps", PASSES_STRING(UTF8, "", "-1", "2"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_string__over_the_limit__traps", PASSES_STRING(UTF8, "", "0", "268435456"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_string__empty_at_the_end__is_fine", PASSES_STRING(UTF8, "", "65536", "0"), FINE},
    {"lift_utf16__content_beyond_memory__traps", PASSES_STRING(UTF16, "", "65534", "2"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_utf16__over_the_limit__traps", PASSES_STRING(UTF16, "", "0", "134217728"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_latin1__content_beyond_memory__traps", PASSES_STRING(LATIN1, "", "65534", "3"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_tagged_utf16__content_beyond_memory__traps",
     PASSES_STRING(LATIN1, "", "65534", "-2147483646"), CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_utf16__odd_pointer__traps", PASSES_STRING(UTF16, "", "1", "0"),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"lift_latin1__odd_pointer__traps", PASSES_STRING(LATIN1, "", "1", "0"),
     CODE(WW_TRAP_UNALIGNED_POINTER)},

    {"lift_utf8__overlong__traps", PASSES_STRING(UTF8, "c0 80", "0", "2"), TEXT("invalid utf-8")},
    {"lift_utf8__surrogate__traps", PASSES_STRING(UTF8, "ed a0 80", "0", "3"),
     TEXT("invalid utf-8")},
    {"lift_utf8__beyond_the_last_char__traps", PASSES_STRING(UTF8, "f4 90 80 80", "0", "4"),
     TEXT("invalid utf-8")},
    {"lift_utf8__cut_off__traps", PASSES_STRING(UTF8, "e2 82 ac", "0", "2"), TEXT("invalid utf-8")},
    {"lift_utf8__lone_continuation__traps", PASSES_STRING(UTF8, "80", "0", "1"),
     TEXT("invalid utf-8")},
    {"lift_utf16__lone_high_surrogate__traps", PASSES_STRING(UTF16, "00 d8 41 00", "0", "2"),
     TEXT("invalid utf-16")},
    {"lift_utf16__lone_low_surrogate__traps", PASSES_STRING(UTF16, "00 dc 41 00", "0", "2"),
     TEXT("invalid utf-16")},
    {"lift_utf16__pair_cut_in_two__traps", PASSES_STRING(UTF16, "00 d8 00 dc", "0", "1"),
     TEXT("invalid utf-16")},
    {"lift_tagged_utf16__lone_surrogate__traps",
     PASSES_STRING(LATIN1, "00 dc 41 00", "0", "-2147483646"), TEXT("invalid utf-16")},

    {"lift_list__content_beyond_memory__traps", PASSES_LIST(U32, "", "65532", "2"),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"lift_list__pointer_beyond_memory__traps", PASSES_LIST(U32, "", "65540", "0"),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"lift_list__end_wraps_around__traps", PASSES_LIST(U32, "", "-4", "2"),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"lift_list__over_the_limit__traps", PASSES_LIST(U32, "", "0", "67108864"),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"lift_list__size_overflows_32_bits__traps", PASSES_LIST("77", "", "0", "536870913"),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"lift_list__over_the_limit_and_unaligned__is_out_of_bounds",
     PASSES_LIST(U32, "", "1", "67108864"), CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"lift_list__unaligned_and_beyond_memory__is_unaligned", PASSES_LIST(U32, "", "65537", "1"),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"lift_list__unaligned_and_empty__traps", PASSES_LIST(U32, "", "2", "0"),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"lift_list_of_strings__element_beyond_memory__traps",
     PASSES_LIST(STRING, "00 00 00 00 01 00 00 00  ff ff 00 00 02 00 00 00", "0", "2"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},

    {"lift_enum__unknown_case__traps",
     PASSES(FUNC_OF_NAMED("6d 02 'a' 'b'"), "03", "01 7f 00", UTF8, "", I32("2")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"lift_enum__upper_bits_in_a_slot__trap",
     PASSES(FUNC_OF_NAMED("6d 02 'a' 'b'"), "03", "01 7f 00", UTF8, "", I32("256")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"lift_option__unknown_case__traps",
     PASSES(FUNC_OF_NEW("6b 79"), "02", "02 7f 7f 00", UTF8, "", I32("2") I32("0")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"lift_result__unknown_case__traps",
     PASSES(FUNC_OF_NEW("6a 00 00"), "02", "01 7f 00", UTF8, "", I32("-1")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"lift_variant__unknown_case__traps",
     PASSES(FUNC_OF_NAMED("71 01 'a' 01 79 00"), "03", "02 7f 7f 00", UTF8, "", I32("1") I32("0")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"lift_variant__unknown_case_in_memory__traps",
     PASSES("07[04 40 00 01 00  6b 7d  70 01  40 01 'x' 02 01 00] ", "03", "02 7f 7f 00", UTF8,
            "01 05 02 05", I32("0") I32("2")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"lift_flags__unknown_bits__are_ignored",
     PASSES(FUNC_OF_NAMED("6e 02 'a' 'b'"), "03", "01 7f 00", UTF8, "", I32("-1")), FINE},

    {"lift_parameters__unaligned_pointer__traps", PASSES_17("2"), CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"lift_parameters__pointer_beyond_memory__traps", PASSES_17("65472"),
     TEXT("pointer out of bounds of memory")},
    {"lift_parameters__end_wraps_around__traps", PASSES_17("-4"),
     TEXT("pointer out of bounds of memory")},
    {"lift_parameters__at_the_end_of_memory__is_fine", PASSES_17("65468"), FINE},

    {"lower_result__unaligned_pointer__traps", WANTS_NEW(TUPLE_OF_U32, UTF8, "00", "2"),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"lower_result__pointer_beyond_memory__traps", WANTS_NEW(TUPLE_OF_U32, UTF8, "00", "65532"),
     TEXT("pointer out of bounds of memory")},
    {"lower_string__result_pointer_unaligned__traps", WANTS(STRING, UTF8, "00", "2"),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"lower_string__realloc_beyond_memory__traps", WANTS(STRING, UTF8, I32("65536"), "0"),
     TEXT("realloc return: beyond end of memory")},
    {"lower_string__realloc_at_the_last_byte__is_fine", WANTS(STRING, UTF8, I32("65535"), "0"),
     FINE},
    {"lower_utf16__realloc_unaligned__traps", WANTS(STRING, UTF16, I32("1"), "0"),
     TEXT("realloc return: result not aligned")},
    {"lower_utf16__realloc_beyond_memory__traps", WANTS(STRING, UTF16, I32("65536"), "0"),
     TEXT("realloc return: beyond end of memory")},
    {"lower_latin1__realloc_unaligned__traps", WANTS(STRING, LATIN1, I32("1"), "0"),
     TEXT("realloc return: result not aligned")},
    {"lower_list__realloc_unaligned__traps", WANTS_NEW("70 79", UTF8, I32("2"), "0"),
     TEXT("realloc return: result not aligned")},
    {"lower_list__realloc_beyond_memory__traps", WANTS_NEW("70 79", UTF8, I32("65536"), "0"),
     TEXT("realloc return: beyond end of memory")},
    {"lower_list__realloc_at_the_last_address__traps", WANTS_NEW("70 79", UTF8, I32("-4"), "0"),
     TEXT("realloc return: beyond end of memory")},
    {"lower_bytes__realloc_beyond_memory__traps", WANTS_NEW("70 7d", UTF8, I32("65536"), "0"),
     TEXT("realloc return: beyond end of memory")},
    {"lower_list__realloc_traps__is_that_trap", WANTS_NEW("70 79", UTF8, "00", "0"),
     CODE(WW_TRAP_UNREACHABLE)},

    {"lift_list__more_than_the_copy_budget__traps", PASSES_LIST(STRING, "", "0", "1000"), NO_CODE,
     "copy budget exceeded", 10000},
    {"lift_list__within_the_copy_budget__is_fine", PASSES_LIST(STRING, "", "0", "1000"), NO_TRAP,
     NULL, 100000},
};

/* --- values that guests return to the host, and take from it --------------------------------- */

static const row returned[] = {
    {"lift_result__surrogate__traps", RETURNS(FUNC_GIVES(CHAR), "01", UTF8, "", I32("55296")),
     CODE(WW_TRAP_INVALID_CHAR)},
    {"lift_result__unknown_case__traps",
     RETURNS(FUNC_GIVES_NAMED("6d 01 'a'"), "03", UTF8, "", I32("1")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"lift_result__unaligned_pointer__traps", RETURNS(FUNC_GIVES(STRING), "01", UTF8, "", I32("2")),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"lift_result__pointer_beyond_memory__traps",
     RETURNS(FUNC_GIVES(STRING), "01", UTF8, "", I32("65532")),
     TEXT("pointer out of bounds of memory")},
    {"lift_result__string_beyond_memory__traps",
     RETURNS(FUNC_GIVES(STRING), "01", UTF8, "00 00 00 00 01 00 01 00", I32("0")),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"lift_result__broken_utf8__traps",
     RETURNS(FUNC_GIVES(STRING), "01", UTF8, "08 00 00 00 01 00 00 00 ff", I32("0")),
     TEXT("invalid utf-8")},
    {"lift_result__list_beyond_memory__traps",
     RETURNS(FUNC_GIVES_NEW("70 79"), "02", UTF8, "04 00 00 00 00 40 00 00", I32("0")),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"lift_result__list_unaligned__traps",
     RETURNS(FUNC_GIVES_NEW("70 79"), "02", UTF8, "01 00 00 00 01 00 00 00", I32("0")),
     CODE(WW_TRAP_UNALIGNED_POINTER)},

    {"lower_parameters__realloc_unaligned__traps",
     TAKES(FUNC_OF_NEW("70 79"), "02", "02 7f 7f 00", UTF8, I32("1")),
     TEXT("realloc return: result not aligned")},
    {"lower_parameters__realloc_beyond_memory__traps",
     TAKES(FUNC_OF(STRING), "01", "02 7f 7f 00", UTF8, I32("-1")),
     TEXT("realloc return: beyond end of memory")},
    {"lower_17_parameters__realloc_unaligned__traps",
     TAKES(U32S_17, "01", "01 7f 00", UTF8, I32("2")), TEXT("realloc return: result not aligned")},
    {"lower_17_parameters__realloc_beyond_memory__traps",
     TAKES(U32S_17, "01", "01 7f 00", UTF8, I32("65472")),
     TEXT("realloc return: beyond end of memory")},
};

/* --- between components ---------------------------------------------------------------------- */

#define CROSSES_STRING(encoding, data, ptr, count)                                                 \
    CROSSES(FUNC_OF(STRING), "01", "02 7f 7f 00", encoding, data, I32(ptr) I32(count))
/* A good value, and what the callee's realloc makes of it. */
#define CROSSES_INTO(types, type, core, options, data, args, realloc)                              \
    BETWEEN(PASSES(types, type, core, options, data, args),                                        \
            IS("f", types, type, core, options, MEMORY(realloc, ""), ""))

static const row crossing[] = {
    {"cross__surrogate__traps", CROSSES(FUNC_OF(CHAR), "01", "01 7f 00", UTF8, "", I32("55296")),
     CODE(WW_TRAP_INVALID_CHAR)},
    {"cross__unknown_case__traps",
     CROSSES(FUNC_OF_NEW("6a 00 00"), "02", "01 7f 00", UTF8, "", I32("2")),
     CODE(WW_TRAP_INVALID_DISCRIMINANT)},
    {"cross__string_beyond_memory__traps", CROSSES_STRING(UTF8, "", "65535", "2"),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"cross__utf16_odd_pointer__traps", CROSSES_STRING(UTF16, "", "1", "1"),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"cross__broken_utf8__traps", CROSSES_STRING(UTF8, "ff", "0", "1"), TEXT("invalid utf-8")},
    {"cross__broken_utf16__traps", CROSSES_STRING(UTF16, "00 d8", "0", "1"),
     TEXT("invalid utf-16")},
    {"cross__list_beyond_memory__traps",
     CROSSES(FUNC_OF_NEW("70 79"), "02", "02 7f 7f 00", UTF8, "", I32("65532") I32("2")),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"cross__list_unaligned__traps",
     CROSSES(FUNC_OF_NEW("70 79"), "02", "02 7f 7f 00", UTF8, "", I32("2") I32("1")),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"cross__17_parameters_unaligned__traps",
     CROSSES(U32S_17, "01", "01 7f 00", UTF8, "", I32("2")), CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"cross__17_parameters_beyond_memory__traps",
     CROSSES(U32S_17, "01", "01 7f 00", UTF8, "", I32("65472")),
     TEXT("pointer out of bounds of memory")},
    {"cross__good_values__are_fine", CROSSES_STRING(UTF8, "41", "0", "1"), FINE},

    {"cross__callees_realloc_beyond_memory__is_a_string_out_of_bounds",
     CROSSES_INTO(FUNC_OF(STRING), "01", "02 7f 7f 00", UTF8, "41", I32("0") I32("1"),
                  I32("65536")),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"cross__callees_realloc_beyond_memory__is_a_list_out_of_bounds",
     CROSSES_INTO(FUNC_OF_NEW("70 79"), "02", "02 7f 7f 00", UTF8, "", I32("0") I32("1"),
                  I32("65536")),
     CODE(WW_TRAP_LIST_OUT_OF_BOUNDS)},
    {"cross__callees_realloc_unaligned__is_an_unaligned_pointer",
     CROSSES_INTO(FUNC_OF_NEW("70 79"), "02", "02 7f 7f 00", UTF8, "", I32("0") I32("1"), I32("2")),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"cross__callees_realloc_unaligned_for_17__is_an_unaligned_pointer",
     CROSSES_INTO(U32S_17, "01", "01 7f 00", UTF8, "", I32("0"), I32("2")),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"cross__callees_realloc_beyond_memory_for_17__traps",
     CROSSES_INTO(U32S_17, "01", "01 7f 00", UTF8, "", I32("0"), I32("65536")),
     TEXT("realloc return: beyond end of memory")},
    {"cross__callees_realloc_traps__is_that_trap",
     CROSSES_INTO(FUNC_OF(STRING), "01", "02 7f 7f 00", UTF8, "41", I32("0") I32("1"), "00"),
     CODE(WW_TRAP_UNREACHABLE)},
    {"cross__callee_traps__is_that_trap",
     BETWEEN(PASSES(FUNC_OF(U32), "01", "01 7f 00", UTF8, "", I32("0")),
             IS("f", FUNC_OF(U32), "01", "01 7f 00", UTF8, MEMORY("00", ""), "00")),
     CODE(WW_TRAP_UNREACHABLE)},

    {"cross_back__unaligned_pointer__traps",
     CROSSES_BACK(FUNC_GIVES(STRING), "01", UTF8, "", I32("2"), I32("0")),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"cross_back__pointer_beyond_memory__traps",
     CROSSES_BACK(FUNC_GIVES(STRING), "01", UTF8, "", I32("65532"), I32("0")),
     TEXT("pointer out of bounds of memory")},
    {"cross_back__string_beyond_memory__traps",
     CROSSES_BACK(FUNC_GIVES(STRING), "01", UTF8, "00 00 00 00 01 00 01 00", I32("0"), I32("0")),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
    {"cross_back__callers_pointer_unaligned__traps",
     CROSSES_BACK(FUNC_GIVES(STRING), "01", UTF8, "", I32("0"), I32("2")),
     CODE(WW_TRAP_UNALIGNED_POINTER)},
    {"cross_back__callers_pointer_beyond_memory__traps",
     CROSSES_BACK(FUNC_GIVES(STRING), "01", UTF8, "", I32("0"), I32("65532")),
     TEXT("pointer out of bounds of memory")},
    {"cross_back__callers_realloc_beyond_memory__is_a_string_out_of_bounds",
     BETWEEN(CALLS(FUNC_GIVES(STRING), "01", "01 7f 00", UTF8, MEMORY(I32("-1"), ""), I32("0")),
             IS("f", FUNC_GIVES(STRING), "01", "00 01 7f", UTF8,
                MEMORY("00", "00 00 00 00 04 00 00 00"), I32("0"))),
     CODE(WW_TRAP_STRING_OUT_OF_BOUNDS)},
};

/* --- handles --------------------------------------------------------------------------------- */

/* Imports the resources thing and other, and
 *   0 make: func() -> own<thing>                  3 both: func(a: borrow<thing>, b: own<thing>)
 *   1 take: func(x: own<thing>)                   4 other: func() -> own<other>
 *   2 look: func(x: borrow<thing>)                5 drops a thing
 * Exports run of component type `type`, whose core type `core` is 0: () -> () or 2: (i32) -> ().
 * `body` has one more local. */
#define HANDLES_AS(type, core, body)                                                               \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 0a[02 00 'thing' 03 01  00 'other' 03 01]"                                 \
    "07[08 69 01  68 01  69 02  40 00 00 03  40 01 'x' 03 01 00  40 01 'x' 04 01 00"               \
    "40 02 'a' 04 'b' 03 01 00  40 00 00 05]"                                                      \
    "0a[05 00 'make' 01 06  00 'take' 01 07  00 'look' 01 08  00 'both' 01 09  00 'others' 01 0a]" \
    "08[06 01 00 00 00  01 00 01 00  01 00 02 00  01 00 03 00  01 00 04 00  03 01]"                \
    "01[" TEST_MODULE "01[04 60 00 00  60 00 01 7f  60 01 7f 00  60 02 7f 7f 00]"                  \
    "02[06 '' 'make' 00 01  '' 'take' 00 02  '' 'look' 00 02  '' 'both' 00 03  '' 'other' 00 01"   \
    "'' 'drop' 00 02] 03[01 " core "] 07[01 'run' 00 06] 0a[01 [01 01 7f " body " 0b]]]"           \
    "02[01 01 06 'make' 00 00  'take' 00 01  'look' 00 02  'both' 00 03  'other' 00 04"            \
    "'drop' 00 05] 02[01 00 00 01 '' 12 00] 06[01 00 00 01 01 'run']"                              \
    "08[01 00 00 06 00 " type "] 0b[01 00 'run' 01 05 00]"
#define HANDLES(body)  HANDLES_AS("00", "00", body)
#define BORROWED(body) HANDLES_AS("08", "02", body)

#define MAKE          "10 00 "
#define TAKE          "10 01 "
#define LOOK          "10 02 "
#define BOTH          "10 03 "
#define OTHER         "10 04 "
#define DROP          "10 05 "
#define LOCAL         "20 00 " /* the parameter, if there is one */
#define TEE           "22 00 "
#define IGNORE        "1a "
#define FOREVER(body) "03 40 " body " 0c 00 0b "

static const row handles[] = {
    {"lift_own__index_zero__is_unknown", HANDLES(I32("0") TAKE), TEXT("unknown handle index 0")},
    {"lift_own__index_never_given__is_unknown", HANDLES(I32("1") TAKE),
     TEXT("unknown handle index 1")},
    {"lift_own__index_minus_one__is_unknown", HANDLES(I32("-1") TAKE),
     TEXT("unknown handle index 4294967295")},
    {"lift_own__given_away_before__is_unknown", HANDLES(MAKE TEE TAKE LOCAL TAKE),
     TEXT("unknown handle index 1")},
    {"lift_own__of_another_type__is_refused", HANDLES(OTHER TAKE),
     TEXT("handle index 1 used with the wrong type")},
    {"lift_own__lent_in_the_same_call__is_refused", HANDLES(MAKE TEE LOCAL BOTH),
     TEXT("cannot remove owned resource while borrowed")},
    {"lift_own__of_a_borrow__is_refused", BORROWED(LOCAL TAKE),
     TEXT("cannot lift own resource from a borrow")},
    {"lift_own__lent_in_an_earlier_call__is_fine", HANDLES(MAKE TEE LOOK LOCAL TAKE), FINE},
    {"lift_borrow__index_never_given__is_unknown", HANDLES(I32("3") LOOK),
     TEXT("unknown handle index 3")},
    {"lift_borrow__dropped_before__is_unknown", HANDLES(MAKE TEE DROP LOCAL LOOK),
     TEXT("unknown handle index 1")},
    {"lift_borrow__of_another_type__is_refused", HANDLES(OTHER LOOK),
     TEXT("handle index 1 used with the wrong type")},
    {"lift_borrow__of_a_borrow__is_fine", BORROWED(LOCAL LOOK LOCAL DROP), FINE},
    {"drop__index_never_given__is_unknown", HANDLES(I32("1") DROP), TEXT("unknown handle index 1")},
    {"drop__twice__is_unknown", HANDLES(MAKE TEE DROP LOCAL DROP), TEXT("unknown handle index 1")},
    {"drop__of_another_type__is_refused", HANDLES(OTHER DROP),
     TEXT("handle index 1 used with the wrong type")},
    {"return__with_a_borrow_left__traps", BORROWED(""),
     TEXT("borrow handles still remain at the end of the call")},
    {"return__with_the_borrow_dropped__is_fine", BORROWED(LOCAL DROP), FINE},
    {"lower_own__table_full__traps", HANDLES(FOREVER(MAKE IGNORE)), TEXT("handle table full")},
};

/* --- entering and leaving -------------------------------------------------------------------- */

/* Imports g: func(), defines a resource, and exports run: func(x: string), which does `body`, then
 * `post`; core funcs 0 g, 1 resource.new, 2 resource.drop, 3 resource.rep. */
#define LEAVES(realloc, body, post)                                                                \
    TEST_COMPONENT                                                                                 \
    "07[03 40 00 01 00  40 01 'x' 73 01 00  3f 7f 00] 0a[01 00 'g' 01 00]"                         \
    "08[04 01 00 00 00  02 02  03 02  04 02]"                                                      \
    "01[" TEST_MODULE                                                                              \
    "01[05 60 00 00  60 01 7f 01 7f  60 01 7f 00  60 02 7f 7f 00  60 04 7f 7f 7f 7f 01 7f]"        \
    "02[04 '' 'g' 00 00  '' 'new' 00 01  '' 'drop' 00 02  '' 'rep' 00 01] 03[03 04 03 00]"         \
    "05[01 00 01] 07[04 'm' 02 00 'r' 00 04 'run' 00 05 'post' 00 06]"                             \
    "0a[03 [00 " realloc " 41 00 0b] [00 " body " 0b] [00 " post " 0b]]]"                          \
    "02[01 01 04 'g' 00 00  'new' 00 01  'drop' 00 02  'rep' 00 03] 02[01 00 00 01 '' 12 00]"      \
    "06[04 00 02 01 01 'm'  00 00 01 01 'r'  00 00 01 01 'run'  00 00 01 01 'post']"               \
    "08[01 00 00 05 04 00 03 00 04 04 05 06 01] 0b[01 00 'run' 01 01 00]"
#define IMPORT                "10 00 "
#define RESOURCE_NEW          "41 05 10 01 1a "
#define RESOURCE_DROP(handle) I32(handle) "10 02 "
#define RESOURCE_REP(handle)  I32(handle) "10 03 1a "

/* An instance calls the function that it lifts itself. */
#define CALLS_ITSELF                                                                               \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 01[" TEST_MODULE "01[01 60 00 00] 03[01 00] 07[01 'g' 00 00]"              \
    "0a[01 [00 0b]]] 02[01 00 00 00] 06[01 00 00 01 00 'g'] 08[01 00 00 00 00 00]"                 \
    "08[01 01 00 00 00] 01[" TEST_MODULE "01[01 60 00 00] 02[01 '' 'g' 00 00] 03[01 00]"           \
    "07[01 'run' 00 01] 0a[01 [00 10 00 0b]]] 02[01 01 01 'g' 00 01] 02[01 00 01 01 '' 12 01]"     \
    "06[01 00 00 01 02 'run'] 08[01 00 00 02 00 00] 0b[01 00 'run' 01 01 00]"

/* A child's run calls up, which its parent gave it; that calls the child's down. `body` is what
 * up does, through a table whose one entry is filled when the child is there. */
#define PARENT_CALLS_CHILD                                                                         \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 01[" TEST_MODULE "01[01 60 00 00] 03[01 00] 04[01 70 00 01]"               \
    "07[02 'up' 00 00 't' 01 00] 0a[01 [00 41 00 11 00 00 0b]]] 02[01 00 00 00]"                   \
    "06[02 00 00 01 00 'up'  00 01 01 00 't'] 08[01 00 00 00 00 00]"                               \
    "04[" TEST_COMPONENT "07[01 40 00 01 00] 0a[01 00 'up' 01 00] 08[01 01 00 00 00]"              \
    "01[" TEST_MODULE "01[01 60 00 00] 02[01 '' 'up' 00 00] 03[02 00 00]"                          \
    "07[02 'run' 00 01 'down' 00 02] 0a[02 [00 10 00 0b] [00 0b]]]"                                \
    "02[01 01 01 'up' 00 00] 02[01 00 00 01 '' 12 00]"                                             \
    "06[02 00 00 01 01 'run'  00 00 01 01 'down'] 08[02 00 00 01 00 00  00 00 02 00 00]"           \
    "0b[02 00 'run' 01 01 00  00 'down' 01 02 00]]"                                                \
    "05[01 00 00 01 'up' 01 00] 06[02 01 00 00 'down'  01 00 00 'run'] 08[01 01 00 01 00]"         \
    "01[" TEST_MODULE "01[01 60 00 00] 02[02 '' 't' 01 70 00 01  '' 'f' 00 00]"                    \
    "09[01 00 41 00 0b 01 00]] 02[01 01 02 't' 01 00 'f' 00 01] 02[01 00 01 01 '' 12 01]"          \
    "0b[01 00 'run' 01 02 00]"

/* A parent's run gets a resource from its child, then calls the child's run, which calls the
 * parent's up, which drops the resource. */
#define PARENT_DROPS(resource)                                                                     \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 01[" TEST_MODULE "01[02 60 00 00  60 01 7f 00] 03[01 00] 04[01 70 00 01]"  \
    "07[02 'up' 00 00 't' 01 00] 0a[01 [00 41 01 41 00 11 01 00 0b]]] 02[01 00 00 00]"             \
    "06[02 00 00 01 00 'up'  00 01 01 00 't'] 08[01 00 00 00 00 00]"                               \
    "04[" TEST_COMPONENT "07[01 40 00 01 00] 0a[01 00 'up' 01 00] 08[01 01 00 00 00]"              \
    "01[" TEST_MODULE "01[01 60 01 7f 00] 03[01 00] 07[01 'd' 00 00] 0a[01 [00 0b]]]"              \
    "02[01 00 00 00] 06[01 00 00 01 00 'd'] 07[01 " resource "] 0b[01 00 'r' 03 01 00]"            \
    "07[02 69 02  40 00 00 03] 08[01 02 01]"                                                       \
    "01[" TEST_MODULE "01[03 60 00 00  60 01 7f 01 7f  60 00 01 7f]"                               \
    "02[02 '' 'up' 00 00  '' 'new' 00 01] 03[02 00 02] 07[02 'run' 00 02 'make' 00 03]"            \
    "0a[02 [00 10 00 0b] [00 41 05 10 01 0b]]] 02[01 01 02 'up' 00 00 'new' 00 02]"                \
    "02[01 00 01 01 '' 12 01] 06[02 00 00 01 02 'run'  00 00 01 02 'make']"                        \
    "08[02 00 00 03 00 00  00 00 04 00 04] 0b[02 00 'run' 01 01 00  00 'make' 01 02 00]]"          \
    "05[01 00 00 01 'up' 01 00] 06[03 03 00 00 'r'  01 00 00 'make'  01 00 00 'run']"              \
    "08[03 01 00 01 00  03 01  01 00 02 00]"                                                       \
    "01[" TEST_MODULE "01[01 60 01 7f 00] 02[02 '' 't' 01 70 00 01  '' 'f' 00 00]"                 \
    "09[01 00 41 00 0b 01 00]] 02[01 01 02 't' 01 00 'f' 00 02] 02[01 00 01 01 '' 12 01]"          \
    "01[" TEST_MODULE "01[02 60 00 01 7f  60 00 00] 02[02 '' 'make' 00 00  '' 'run' 00 01]"        \
    "03[01 01] 07[01 'run' 00 02] 0a[01 [00 10 00 1a 10 01 0b]]]"                                  \
    "02[01 01 02 'make' 00 01 'run' 00 03] 02[01 00 02 01 '' 12 03]"                               \
    "06[01 00 00 01 04 'run'] 08[01 00 00 04 00 00] 0b[01 00 'run' 01 03 00]"
#define PLAIN           "3f 7f 00"
#define WITH_DESTRUCTOR "3f 7f 01 01"

/* run and the destructor of a resource both make one and drop it. */
#define DESTRUCTOR_RECURS                                                                          \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 01[" TEST_MODULE "01[03 60 00 00  60 01 7f 00  60 01 7f 01 7f]"            \
    "03[02 01 00] 04[01 70 00 02] 07[03 'd' 00 00 'run' 00 01 't' 01 00]"                          \
    "0a[02 [00 41 00 41 00 11 02 00 41 01 11 01 00 0b]"                                            \
    "[00 41 00 41 00 11 02 00 41 01 11 01 00 0b]]] 02[01 00 00 00]"                                \
    "06[03 00 00 01 00 'd'  00 00 01 00 'run'  00 01 01 00 't'] 07[01 3f 7f 01 00]"                \
    "08[02 02 01  03 01] 01[" TEST_MODULE "01[02 60 01 7f 01 7f  60 01 7f 00]"                     \
    "02[03 '' 't' 01 70 00 02  '' 'new' 00 00  '' 'drop' 00 01] 09[01 00 41 00 0b 02 00 01]]"      \
    "02[01 01 03 't' 01 00 'new' 00 02 'drop' 00 03] 02[01 00 01 01 '' 12 01]"                     \
    "08[01 00 00 01 00 00] 0b[01 00 'run' 01 00 00]"

static const row entering[] = {
    {"call__of_its_own_lift__cannot_enter", CALLS_ITSELF, CODE(WW_TRAP_CANNOT_ENTER)},
    {"call__of_a_child_on_the_stack__cannot_enter", PARENT_CALLS_CHILD, CODE(WW_TRAP_CANNOT_ENTER)},
    {"drop__while_the_implementer_is_on_the_stack__cannot_enter", PARENT_DROPS(PLAIN),
     CODE(WW_TRAP_CANNOT_ENTER)},
    {"destructor__of_an_implementer_on_the_stack__cannot_enter", PARENT_DROPS(WITH_DESTRUCTOR),
     CODE(WW_TRAP_CANNOT_ENTER)},
    {"destructor__that_drops_without_end__is_too_deep", DESTRUCTOR_RECURS,
     TEXT("call depth exceeded")},
    {"import__called_by_realloc__cannot_leave", LEAVES(IMPORT, "", ""), CODE(WW_TRAP_CANNOT_LEAVE)},
    {"import__called_by_post_return__cannot_leave", LEAVES("", "", IMPORT),
     CODE(WW_TRAP_CANNOT_LEAVE)},
    {"import__called_by_the_function__is_fine", LEAVES("", IMPORT, ""), FINE},
    {"resource_new__in_realloc__cannot_leave", LEAVES(RESOURCE_NEW, "", ""),
     CODE(WW_TRAP_CANNOT_LEAVE)},
    {"resource_new__in_post_return__cannot_leave", LEAVES("", "", RESOURCE_NEW),
     CODE(WW_TRAP_CANNOT_LEAVE)},
    {"resource_drop__in_realloc__cannot_leave", LEAVES(RESOURCE_DROP("1"), "", ""),
     CODE(WW_TRAP_CANNOT_LEAVE)},
    {"resource_drop__in_post_return__cannot_leave", LEAVES("", RESOURCE_NEW, RESOURCE_DROP("1")),
     CODE(WW_TRAP_CANNOT_LEAVE)},
    {"resource_rep__in_post_return__is_fine", LEAVES("", RESOURCE_NEW, RESOURCE_REP("1")), FINE},
    {"resource_rep__index_never_given__is_unknown", LEAVES("", RESOURCE_REP("1"), ""),
     TEXT("unknown handle index 1")},
    {"resource_drop__twice__is_unknown",
     LEAVES("", RESOURCE_NEW RESOURCE_DROP("1") RESOURCE_DROP("1"), ""),
     TEXT("unknown handle index 1")},
};

/* --- core WebAssembly ------------------------------------------------------------------------ */

/* `sections` stand between exports and code; a table of two, whose entry 0 takes an i32. */
#define CORE_WITH(sections, body)                                                                  \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 01[" TEST_MODULE "01[02 60 00 00  60 01 7f 00] 03[02 00 01]"               \
    "04[01 70 00 02] 05[01 00 01] 07[01 'run' 00 00] " sections " 09[01 00 41 00 0b 01 01]"        \
    "0a[02 [00 " body " 0b] [00 0b]]] 02[01 00 00 00] 06[01 00 00 01 00 'run']"                    \
    "08[01 00 00 00 00 00] 0b[01 00 'run' 01 00 00]"
#define CORE(body) CORE_WITH("", body)

static const row core[] = {
    {"core__endless_recursion__overflows_the_stack", CORE("10 00"), CODE(STACK_OVERFLOW)},
    {"core__load_beyond_memory__traps", CORE("41 #65533 28 02 00 1a"), CODE(MEMORY_OUT_OF_BOUNDS)},
    {"core__call_beyond_the_table__traps", CORE("41 02 11 00 00"), CODE(TABLE_OUT_OF_BOUNDS)},
    {"core__call_of_an_empty_entry__traps", CORE("41 01 11 00 00"),
     CODE(WW_TRAP_INDIRECT_CALL_TO_NULL)},
    {"core__call_of_another_type__traps", CORE("41 00 11 00 00"), CODE(BAD_SIGNATURE)},
    {"core__least_integer_by_minus_one__overflows", CORE("41 #-2147483648 41 7f 6d 1a"),
     CODE(INTEGER_OVERFLOW)},
    {"core__division_by_zero__traps", CORE("41 01 41 00 6d 1a"), CODE(DIVISION_BY_ZERO)},
    {"core__not_a_number_to_integer__traps", CORE("43 00 00 c0 7f a8 1a"), CODE(BAD_CONVERSION)},
    {"core__unreachable__traps", CORE("00"), CODE(WW_TRAP_UNREACHABLE)},
    {"core__null_reference__traps", CORE("d0 70 d4 1a"), CODE(NULL_REFERENCE)},
    {"core__cast_of_a_null_reference__traps", CORE("d0 70 fb 16 70 1a"), CODE(CAST_FAILURE)},
    {"core__unreachable_start__traps", CORE_WITH("08[00]", "00"), CODE(WW_TRAP_UNREACHABLE)},
};

/* The other codes of the engine cannot be met here:
 *
 *   2, 12   threads are refused, as below
 *   10      a guest that is killed: its end has the killer's status (instance_test)
 *   11      fuel is not used; slices end by epochs
 *   14, 15  arrays are refused, as below
 *   18-22, 24, 26-29, 34-48: component async, whose definitions are refused (component_model_test)
 *   49      exceptions are refused, as below
 *
 * and `resource.drop` of what is lent is not: handles are lent while a call of the same component
 * instance is out, which cannot be entered then. */
static const row refused[] = {
    {"core__unaligned_atomic__is_refused", CORE("41 01 fe 10 02 00 1a"),
     REFUSED("threads support is not enabled")},
    {"core__wait_on_an_unshared_memory__is_refused", CORE("41 00 41 00 42 7f fe 01 02 00 1a"),
     REFUSED("threads support is not enabled")},
    {"core__array__is_refused", CORE("d0 6a 1a"), REFUSED("gc types are disallowed")},
    {"core__exception__is_refused", CORE("08 00"), REFUSED("exceptions support is not enabled")},
};

/* --- running them ---------------------------------------------------------------------------- */

static ww_engine *engine;

static int make_engine(void **state)
{
    (void)state;
    engine = test_rig_engine();
    return 0;
}

static int free_engine(void **state)
{
    (void)state;
    ww_engine_free(engine);
    return 0;
}

static void assert_end(const row *r, ww_poll poll, const ww_instance_end *end)
{
    if (r->code == NO_TRAP) {
        if (poll != WW_POLL_DONE) fail_msg("%.*s", WW_VIEW_ARG(end->text));
        return;
    }
    assert_int_equal(poll, WW_POLL_FAILED);
    assert_int_equal(end->status, WW_E_TRAP);
    if (end->trap_code != r->code) fail_msg("%d: %.*s", end->trap_code, WW_VIEW_ARG(end->text));
    if (r->text) assert_view_is(end->text, r->text);
}

static void run_row(const row *r, test_rig *rig)
{
    if (test_rig_instantiate(rig)) fail_msg("%s", rig->diag.text);
    ww_poll poll = test_rig_run(rig, "run");
    ww_instance_end end = ww_instance_end_of(rig->instance);
    assert_end(r, poll, &end);
}

static void row__component__ends_as_it_must(void **state)
{
    const row *r = *state;
    const test_rig_options options = {.copy_bytes_max = r->copy_bytes_max};
    test_rig rig;
    ww_status status = test_rig_load(&rig, engine, &options, r->component);
    if (r->code == IS_REFUSED) {
        assert_int_equal(status, WW_E_INVALID);
        if (!strstr(rig.diag.text, r->text)) fail_msg("%s", rig.diag.text);
    } else {
        if (status) fail_msg("%s", rig.diag.text);
        run_row(r, &rig);
    }
    test_rig_free(&rig);
    assert_int_equal(rig.live, 0); /* a trap loses no resource */
}

#define RUN(rows)                                                                                  \
    do {                                                                                           \
        struct CMUnitTest tests[WW_COUNT_OF(rows)];                                                \
        for (size_t i = 0; i < WW_COUNT_OF(rows); i++)                                             \
            tests[i] = (struct CMUnitTest){.name = rows[i].name,                                   \
                                           .test_func = row__component__ends_as_it_must,           \
                                           .initial_state = (void *)(uintptr_t)&rows[i]};          \
        failed += cmocka_run_group_tests(tests, make_engine, free_engine);                         \
    } while (0)

int main(void)
{
    int failed = 0;
    RUN(passed);
    RUN(returned);
    RUN(crossing);
    RUN(handles);
    RUN(entering);
    RUN(core);
    RUN(refused);
    return failed;
}
