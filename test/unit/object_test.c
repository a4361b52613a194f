#include "unit/call_fake.h"

typedef struct family {
    ww_context context;
    ww_principal principal;
    ww_object *parent, *child;
} family;

static ww_object *make(family *f, ww_object *parent)
{
    ww_object *object = ww_alloc(ww_allocator_libc(), sizeof *object);
    assert_non_null(object);
    assert_ok(ww_object_init(object, &fake_class, &f->principal, parent));
    return object;
}

static void setup_family(family *f)
{
    memset(&fake, 0, sizeof fake);
    ww_principal_init(&f->principal, ww_view_str("tester"));
    f->parent = make(f, NULL);
    f->child = make(f, f->parent);
}

static void object__over_quota__is_not_charged(void **state)
{
    (void)state;
    family f;
    ww_object object;
    setup_family(&f);
    f.principal.budgets[WW_PRINCIPAL_OBJECTS].max = 2;
    assert_int_equal(ww_object_init(&object, &fake_class, &f.principal, f.parent), WW_E_QUOTA);
    assert_int_equal(f.parent->children, 1);
    assert_int_equal(f.principal.budgets[WW_PRINCIPAL_OBJECTS].used, 2);
    ww_object_release(f.child);
    ww_object_release(f.parent);
}

static void object__released_child_first__frees_both(void **state)
{
    (void)state;
    family f;
    setup_family(&f);
    ww_object_release(f.child);
    assert_int_equal(fake.objects_freed, 1);
    ww_object_release(f.parent);
    assert_int_equal(fake.objects_freed, 2);
    assert_int_equal(f.principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
}

static void object__parent_released_first__goes_with_its_last_child(void **state)
{
    (void)state;
    family f;
    setup_family(&f);
    ww_object *second = make(&f, f.parent), *grandchild = make(&f, f.child);
    ww_object_release(f.parent);
    ww_object_release(f.child);
    ww_object_release(second);
    assert_int_equal(fake.objects_freed, 1);
    ww_object_release(grandchild);
    assert_int_equal(fake.objects_freed, 4);
    assert_int_equal(f.principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
}

static void drop__of_a_parent_with_children__traps_and_leaks_nothing(void **state)
{
    (void)state;
    family f;
    ww_call call = {0};
    setup_family(&f);
    assert_int_equal(ww_object_drop(&call, ww_object_rep(f.parent)), WW_E_TRAP);
    assert_string_equal(fake.trap_text, "resource has children: fake");
    assert_int_equal(fake.objects_freed, 0);
    ww_object_release(f.child);
    assert_int_equal(fake.objects_freed, 2);
}

static void drop__of_a_single_object__frees_it(void **state)
{
    (void)state;
    family f;
    ww_call call = {0};
    setup_family(&f);
    assert_ok(ww_object_drop(&call, ww_object_rep(f.child)));
    assert_ok(ww_object_drop(&call, ww_object_rep(f.parent)));
    assert_int_equal(fake.objects_freed, 2);
    assert_false(call.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object__over_quota__is_not_charged),
        cmocka_unit_test(object__released_child_first__frees_both),
        cmocka_unit_test(object__parent_released_first__goes_with_its_last_child),
        cmocka_unit_test(drop__of_a_parent_with_children__traps_and_leaks_nothing),
        cmocka_unit_test(drop__of_a_single_object__frees_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
