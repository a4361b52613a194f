/* What modules emitted lately: the last ones, and as much of each as is kept. */
#include "node/events.h"
#include "support/check.h"

static int setup(void **state)
{
    static ww_events events;
    ww_events_init(&events, test_heap());
    *state = &events;
    return 0;
}

static int teardown(void **state)
{
    ww_events_deinit(*state);
    return 0;
}

static void add(ww_events *events, const char *topic)
{
    ww_events_add(events, (ww_event){.unix_time_ns = 7,
                                     .module = WW_VIEW_LITERAL("M"),
                                     .topic = ww_view_str(topic),
                                     .bytes = WW_VIEW_LITERAL("bytes")});
}

static void add__some__are_numbered_from_one(void **state)
{
    ww_events *events = *state;
    assert_int_equal(ww_events_first(events, 0), 1);
    assert_null(ww_events_at(events, 1));
    add(events, "a");
    add(events, "b");
    const ww_event *event = ww_events_at(events, 2);
    assert_int_equal(event->number, 2);
    assert_int_equal(event->unix_time_ns, 7);
    assert_view_is(event->module, "M");
    assert_view_is(event->topic, "b");
    assert_view_is(event->bytes, "bytes");
    assert_int_equal(event->size, 5);
    assert_null(ww_events_at(events, 0));
    assert_null(ww_events_at(events, 3));
    assert_int_equal(ww_events_first(events, 0), 1);
    assert_int_equal(ww_events_first(events, 1), 2);
    assert_int_equal(ww_events_first(events, 2), 3);
}

static void add__more_than_are_kept__the_oldest_are_forgotten(void **state)
{
    ww_events *events = *state;
    for (int i = 0; i < WW_EVENTS_KEPT + 3; i++)
        add(events, "a");
    assert_int_equal(ww_events_first(events, 0), 4);
    assert_null(ww_events_at(events, 3));
    for (uint64_t number = 4; number <= events->last; number++)
        assert_int_equal(ww_events_at(events, number)->number, number);
    assert_int_equal(ww_events_first(events, 10), 11);
}

static void add__long_ones__their_beginning_is_kept(void **state)
{
    ww_events *events = *state;
    static const uint8_t long_one[WW_EVENT_BYTES_KEPT + 1];
    ww_view view = ww_view_of(long_one, sizeof long_one);
    ww_events_add(events, (ww_event){.module = view, .topic = view, .bytes = view});
    const ww_event *event = ww_events_at(events, 1);
    assert_int_equal(event->module.size, WW_EVENT_NAME_KEPT);
    assert_int_equal(event->topic.size, WW_EVENT_NAME_KEPT);
    assert_int_equal(event->bytes.size, WW_EVENT_BYTES_KEPT);
    assert_int_equal(event->size, sizeof long_one);
}

static void add__no_memory__its_number_is_missing(void **state)
{
    (void)state;
    ww_events events;
    test_allocator allocator;
    test_allocator_init(&allocator, 2);
    ww_events_init(&events, &allocator.base);
    add(&events, "a");
    add(&events, "b");
    add(&events, "c");
    assert_view_is(ww_events_at(&events, 1)->topic, "a");
    assert_null(ww_events_at(&events, 2));
    assert_view_is(ww_events_at(&events, 3)->topic, "c");
    ww_events_deinit(&events);
    assert_int_equal(allocator.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(add__some__are_numbered_from_one, setup, teardown),
        cmocka_unit_test_setup_teardown(add__more_than_are_kept__the_oldest_are_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(add__long_ones__their_beginning_is_kept, setup, teardown),
        cmocka_unit_test(add__no_memory__its_number_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
