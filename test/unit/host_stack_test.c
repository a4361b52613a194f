/* How much of a fiber's stack host functions use. The guest calls paint, which fills the stack
 * below it with a pattern, then the function of the case, then measure, which looks how far down
 * the pattern is gone. At most half of what every fiber leaves for host functions may be. */
#include "component/limits.h"
#include "support/binary.h"
#include "support/check.h"
#include "support/rig.h"
#include "support/sanitized.h"
#include <stdio.h>

enum {
    ALLOWED_BYTES = 128 << 10,
    PAINTED_BYTES = 200 << 10,
    OWN_BYTES = 512, /* around the frames of paint and measure themselves */
    PATTERN = 0xa5,
    DEPTH = WW_MAX_TYPE_DEPTH - 4,
    TEXT_MAX = 16 << 10,
};

_Static_assert(ALLOWED_BYTES < PAINTED_BYTES, "what is not allowed can be seen");
_Static_assert(PAINTED_BYTES < (int)WW_HOST_STACK_BYTES, "there is so much stack");

typedef struct world {
    test_rig rig;
    ww_buf text;
    const uint8_t *top; /* the first of our frames */
    uint8_t *painted;   /* the upper end of the pattern */
    size_t used;
    bool fails; /* f fails, and takes it back */
} world;

static ww_engine *engine;

/* Nothing but this loop may run between here and the return: what is painted is free stack. */
__attribute__((noinline)) static void paint(world *w)
{
    w->painted = (uint8_t *)__builtin_frame_address(0) - OWN_BYTES;
    for (volatile uint8_t *at = w->painted; at > w->painted - PAINTED_BYTES;)
        *--at = PATTERN;
}

__attribute__((noinline)) static void measure(world *w)
{
    const volatile uint8_t *at = w->painted - PAINTED_BYTES;
    while (at < w->painted && *at == PATTERN)
        at++;
    w->used = (size_t)(w->top - at);
}

static void fail_and_go_on(ww_call *call)
{
    ww_call_fail(call, "handle index %u used with the wrong type: %s, %f", 7, "a text", 1.5e300);
    ww_trap_free(call->trap);
    call->trap = NULL;
    call->failed = false;
}

static ww_status on_call(ww_call *call, const void *params, void *result)
{
    world *w = test_rig_of(call)->options.self;
    switch (call->site->func->name[0]) {
    case 'p':
        w->top = (const uint8_t *)(call + 1); /* a direct call's record is on the stack */
        paint(w);
        break;
    case 'm': measure(w); break;
    default:
        if (w->fails) fail_and_go_on(call);
        break;
    }
    return test_rig_make_up(call, params, result);
}

/* Behind the types: imports p, m: func(), and f of type `type`; run calls p, does `body`, calls m. */
#define PAINTS(type, core, options, body)                                                          \
    "0a[03 00 'p' 01 01  00 'm' 01 01  00 'f' 01 " type "]"                                        \
    "01[" TEST_MODULE "01[01 60 04 7f 7f 7f 7f 01 7f] 03[01 00] 05[01 00 01]"                      \
    "07[02 'm' 02 00 'r' 00 00] 0a[01 [00 41 00 0b]] 0b[01 00 41 00 0b [00 00 00 00 01 00 00 "     \
    "00]]] 02[01 00 00 00]"                                                                        \
    "06[02 00 02 01 00 'm'  00 00 01 00 'r']"                                                      \
    "08[03 01 00 00 00  01 00 01 00  01 00 02 " options "]"                                        \
    "01[" TEST_MODULE "01[02 60 00 00  60 " core "]"                                               \
    "02[03 '' 'p' 00 00  '' 'm' 00 00  '' 'f' 00 01] 03[01 00] 07[01 'run' 00 03]"                 \
    "0a[01 [00 10 00 " body " 10 01 0b]]]"                                                         \
    "02[01 01 03 'p' 00 01 'm' 00 02 'f' 00 03] 02[01 00 01 01 '' 12 01]"                          \
    "06[01 00 00 01 02 'run'] 08[01 00 00 04 00 01] 0b[01 00 'run' 01 03 00]"
#define UTF16 "03 01 03 00 04 00"
#define F     "10 02 "

static void put(world *w, const char *format, ...) WW_PRINTF(2, 3);

static void put(world *w, const char *format, ...)
{
    char piece[200];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    assert_true(size >= 0 && size < (int)sizeof piece);
    assert_ok(ww_buf_append(&w->text, piece, (size_t)size));
}

#define TUPLE "6f 01"
#define LIST  "70"

/* Types: 0 a resource, 1 func(), 2 own<0>, 3 a wrapped leaf, 4 a wrapped 3, ... 98; then those of
 * `more`. */
static void run(world *w, const char *wrap, const char *leaf, const char *more, const char *rest)
{
    if (test_is_sanitized()) skip(); /* its frames are of other sizes */
    put(w, TEST_COMPONENT "0a[01 00 'thing' 03 01] 07[#%d 40 00 01 00 69 00 6f 01 %s ", DEPTH + 2,
        leaf);
    for (int i = 3; i <= DEPTH + 1; i++)
        put(w, "%s #%d ", wrap, i);
    put(w, "] %s", more);
    assert_ok(ww_buf_append(&w->text, rest, strlen(rest) + 1));
    const test_rig_options options = {.call = on_call, .self = w};
    if (test_rig_load(&w->rig, engine, &options, (const char *)w->text.data) ||
        test_rig_instantiate(&w->rig))
        fail_msg("%s", w->rig.diag.text);
    if (test_rig_run(&w->rig, "run") != WW_POLL_DONE)
        fail_msg("%.*s", WW_VIEW_ARG(ww_instance_end_of(w->rig.instance).text));
}

static void assert_modest(const world *w)
{
    assert_true(w->used > 0 && w->used < ALLOWED_BYTES);
}

static void host_frames__of_an_empty_call__are_few(void **state)
{
    world *w = *state;
    run(w, TUPLE, "7d", "", PAINTS("01", "00 00", "00", F));
    assert_modest(w);
}

/* f: func(x: T) -> T, in slots. */
static void host_frames__of_the_deepest_value__stay_small(void **state)
{
    world *w = *state;
    run(w, TUPLE, "7d", "07[01 40 01 'x' #98 00 #98] ",
        PAINTS("#99", "01 7f 01 7f", "00", "41 05 " F "1a "));
    assert_modest(w);
}

/* f: func(x: list<list<...>>), where each list has itself as its element. */
static void host_frames__of_the_deepest_list__stay_small(void **state)
{
    world *w = *state;
    run(w, LIST, "7d", "07[01 40 01 'x' #98 01 00] ",
        PAINTS("#99", "02 7f 7f 00", UTF16, "41 00 41 01 " F));
    assert_modest(w);
}

static void host_frames__of_a_formatted_error__stay_small(void **state)
{
    world *w = *state;
    w->fails = true;
    run(w, TUPLE, "7d", "", PAINTS("01", "00 00", "00", F));
    assert_modest(w);
}

/* f: func() -> T with a resource at the bottom. */
static void host_frames__of_the_deepest_resource__stay_small(void **state)
{
    world *w = *state;
    run(w, TUPLE, "02", "07[01 40 00 00 #98] ", PAINTS("#99", "00 01 7f", "00", F "1a "));
    assert_modest(w);
}

/* f: func of 17 strings in UTF-16 -> string. */
static void host_frames__of_seventeen_strings__stay_small(void **state)
{
    world *w = *state;
    run(w, TUPLE, "7d",
        "07[01 40 11 'a' 73 'b' 73 'c' 73 'd' 73 'e' 73 'f' 73 'g' 73 'h' 73 'i' 73 'j' 73 'k' 73"
        "'l' 73 'm' 73 'n' 73 'o' 73 'p' 73 'q' 73 00 73] ",
        PAINTS("#99", "02 7f 7f 00", UTF16, "41 00 41 00 " F));
    assert_modest(w);
}

/* --- */

static int make_world(void **state)
{
    world *w = *state = test_calloc(1, sizeof *w);
    ww_buf_init(&w->text, ww_allocator_libc(), TEXT_MAX);
    return 0;
}

static int free_world(void **state)
{
    world *w = *state;
    if (w->rig.linker) test_rig_free(&w->rig);
    ww_buf_deinit(&w->text);
    test_free(w);
    return 0;
}

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(host_frames__of_an_empty_call__are_few),
        CASE(host_frames__of_the_deepest_value__stay_small),
        CASE(host_frames__of_the_deepest_list__stay_small),
        CASE(host_frames__of_a_formatted_error__stay_small),
        CASE(host_frames__of_the_deepest_resource__stay_small),
        CASE(host_frames__of_seventeen_strings__stay_small),
    };
    return cmocka_run_group_tests(tests, make_engine, free_engine);
}
