/* capnp/typed.h - lists of the built-in types, as generated code speaks of them.
 *
 * Model      ww_capnp_NAME_l reads, ww_capnp_NAME_lb builds; `.list` is the untyped view beneath. _from reads any pointer
 *            as such a list (an element of a list of lists, a generic parameter). An index beyond the count reads as
 *            the default and is ignored by setters.
 */
#pragma once
#include "capnp/build.h"

/*           name  C type    element       stored as, and how a value becomes it and back */
#define WW_CAPNP_SCALARS(X)                                                                        \
    X(bool, bool, WW_CAPNP_BIT, bool, (bool), (bool))                                              \
    X(i8, int8_t, WW_CAPNP_8, u8, (int8_t), (uint8_t))                                             \
    X(i16, int16_t, WW_CAPNP_16, u16, (int16_t), (uint16_t))                                       \
    X(i32, int32_t, WW_CAPNP_32, u32, (int32_t), (uint32_t))                                       \
    X(i64, int64_t, WW_CAPNP_64, u64, (int64_t), (uint64_t))                                       \
    X(u8, uint8_t, WW_CAPNP_8, u8, (uint8_t), (uint8_t))                                           \
    X(u16, uint16_t, WW_CAPNP_16, u16, (uint16_t), (uint16_t))                                     \
    X(u32, uint32_t, WW_CAPNP_32, u32, (uint32_t), (uint32_t))                                     \
    X(u64, uint64_t, WW_CAPNP_64, u64, (uint64_t), (uint64_t))                                     \
    X(f32, float, WW_CAPNP_32, u32, ww_capnp_f32_of_bits, ww_capnp_bits_of_f32)                    \
    X(f64, double, WW_CAPNP_64, u64, ww_capnp_f64_of_bits, ww_capnp_bits_of_f64)

#define WW_CAPNP_SCALAR_LIST(name, type, size, stored, to, from)                                   \
    typedef struct ww_capnp_##name##_l {                                                           \
        ww_capnp_list list;                                                                        \
    } ww_capnp_##name##_l;                                                                         \
    typedef struct ww_capnp_##name##_lb {                                                          \
        ww_capnp_list_b list;                                                                      \
    } ww_capnp_##name##_lb;                                                                        \
    static inline ww_capnp_##name##_l ww_capnp_##name##_l_from(ww_capnp_any any)                   \
    {                                                                                              \
        return (ww_capnp_##name##_l){ww_capnp_any_list(any, size)};                                \
    }                                                                                              \
    static inline type ww_capnp_##name##_l_at(ww_capnp_##name##_l l, uint32_t index)               \
    {                                                                                              \
        return to(ww_capnp_list_##stored(l.list, index));                                          \
    }                                                                                              \
    static inline void ww_capnp_##name##_lb_set(ww_capnp_##name##_lb l, uint32_t index,            \
                                                type value)                                        \
    {                                                                                              \
        ww_capnp_list_set_##stored(l.list, index, from(value));                                    \
    }
WW_CAPNP_SCALARS(WW_CAPNP_SCALAR_LIST)
#undef WW_CAPNP_SCALAR_LIST

typedef struct ww_capnp_void_l {
    ww_capnp_list list;
} ww_capnp_void_l;
typedef struct ww_capnp_void_lb {
    ww_capnp_list_b list;
} ww_capnp_void_lb;

/* Lists of text, data, and of any other pointer: lists, capabilities, generic parameters. */
typedef struct ww_capnp_text_l {
    ww_capnp_list list;
} ww_capnp_text_l;
typedef struct ww_capnp_text_lb {
    ww_capnp_list_b list;
} ww_capnp_text_lb;
typedef struct ww_capnp_data_l {
    ww_capnp_list list;
} ww_capnp_data_l;
typedef struct ww_capnp_data_lb {
    ww_capnp_list_b list;
} ww_capnp_data_lb;
typedef struct ww_capnp_any_l {
    ww_capnp_list list;
} ww_capnp_any_l;
typedef struct ww_capnp_any_lb {
    ww_capnp_list_b list;
} ww_capnp_any_lb;

/* Capabilities of no known interface: the schema says Capability. */
typedef struct ww_capnp_untyped_cap {
    ww_capnp_cap *cap;
} ww_capnp_untyped_cap;
typedef struct ww_capnp_untyped_l {
    ww_capnp_list list;
} ww_capnp_untyped_l;
typedef struct ww_capnp_untyped_lb {
    ww_capnp_list_b list;
} ww_capnp_untyped_lb;

static inline ww_capnp_void_l ww_capnp_void_l_from(ww_capnp_any any)
{
    return (ww_capnp_void_l){ww_capnp_any_list(any, WW_CAPNP_VOID)};
}

static inline ww_capnp_text_l ww_capnp_text_l_from(ww_capnp_any any)
{
    return (ww_capnp_text_l){ww_capnp_any_list(any, WW_CAPNP_POINTERS)};
}

static inline ww_view ww_capnp_text_l_at(ww_capnp_text_l l, uint32_t index)
{
    return ww_capnp_any_text(ww_capnp_list_pointer(l.list, index));
}

static inline void ww_capnp_text_lb_set(ww_capnp_text_lb l, uint32_t index, ww_view text)
{
    ww_capnp_any_b_set_text(ww_capnp_list_b_pointer(l.list, index), text);
}

static inline ww_capnp_data_l ww_capnp_data_l_from(ww_capnp_any any)
{
    return (ww_capnp_data_l){ww_capnp_any_list(any, WW_CAPNP_POINTERS)};
}

static inline ww_view ww_capnp_data_l_at(ww_capnp_data_l l, uint32_t index)
{
    return ww_capnp_any_data(ww_capnp_list_pointer(l.list, index));
}

static inline void ww_capnp_data_lb_set(ww_capnp_data_lb l, uint32_t index, ww_view data)
{
    ww_capnp_any_b_set_data(ww_capnp_list_b_pointer(l.list, index), data);
}

static inline ww_capnp_any_l ww_capnp_any_l_from(ww_capnp_any any)
{
    return (ww_capnp_any_l){ww_capnp_any_list(any, WW_CAPNP_POINTERS)};
}

static inline ww_capnp_any ww_capnp_any_l_at(ww_capnp_any_l l, uint32_t index)
{
    return ww_capnp_list_pointer(l.list, index);
}

static inline ww_capnp_any_b ww_capnp_any_lb_at(ww_capnp_any_lb l, uint32_t index)
{
    return ww_capnp_list_b_pointer(l.list, index);
}

static inline ww_capnp_untyped_l ww_capnp_untyped_l_from(ww_capnp_any any)
{
    return (ww_capnp_untyped_l){ww_capnp_any_list(any, WW_CAPNP_POINTERS)};
}

/* Borrowed from the message. */
static inline ww_capnp_untyped_cap ww_capnp_untyped_l_at(ww_capnp_untyped_l l, uint32_t index)
{
    return (ww_capnp_untyped_cap){ww_capnp_any_cap(ww_capnp_list_pointer(l.list, index))};
}

static inline void ww_capnp_untyped_lb_set(ww_capnp_untyped_lb l, uint32_t index,
                                           ww_capnp_untyped_cap cap)
{
    ww_capnp_any_b_set_cap(ww_capnp_list_b_pointer(l.list, index), cap.cap);
}
