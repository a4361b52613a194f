/* Any bytes as a framed and as a packed message: open, walk, copy, walk the copy, make it
 * canonical. */
#include "capnp/copy.h"
#include "capnp/pack.h"
#include <stdlib.h>

enum { WORDS_MAX = 1 << 14 };

static void walk(ww_capnp_message *message)
{
    message->words_left = WORDS_MAX;
    ww_capnp_any root = ww_capnp_message_root(message);
    ww_capnp_total_words(root);
    ww_capnp_any_text(root);
    for (int size = WW_CAPNP_VOID; size <= WW_CAPNP_ANY_SIZE; size++) {
        ww_capnp_list list = ww_capnp_any_list(root, (ww_capnp_size)size);
        for (uint32_t i = 0; i < list.count && i < 4; i++) {
            ww_capnp_any_text(ww_capnp_list_pointer(list, i));
            ww_capnp_list_u64(list, i);
        }
    }
    ww_capnp_builder copy, canonical;
    ww_capnp_builder_init(&copy, ww_allocator_libc(),
                          &(ww_capnp_builder_options){.first_words = 3});
    ww_capnp_builder_init(&canonical, ww_allocator_libc(), NULL);
    ww_capnp_any_b_set_copy(ww_capnp_builder_root(&copy), root);
    ww_status status =
        ww_capnp_canonicalize(ww_capnp_message_root(ww_capnp_builder_message(&copy)), &canonical);
    bool is_canonical = false;
    if (!status &&
        ww_capnp_is_canonical(&canonical.message, ww_allocator_libc(), &is_canonical) == WW_OK &&
        !is_canonical)
        abort();
    ww_capnp_any_b_clear(ww_capnp_builder_root(&copy));
    ww_capnp_builder_deinit(&canonical);
    ww_capnp_builder_deinit(&copy);
}

static void open_and_walk(ww_view bytes)
{
    ww_capnp_frame frame;
    size_t used;
    if (ww_capnp_frame_open(&frame, bytes, WORDS_MAX, ww_allocator_libc(), &used, NULL) == WW_OK)
        walk(&frame.message);
    ww_capnp_frame_deinit(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ww_view input = ww_view_of(data, size);
    open_and_walk(input);
    ww_buf unpacked;
    ww_buf_init(&unpacked, ww_allocator_libc(), WORDS_MAX * 8 + WW_CAPNP_TABLE_SIZE_MAX);
    if (ww_capnp_unpack_message(&input, WORDS_MAX, &unpacked, NULL) == WW_OK)
        open_and_walk(ww_buf_view(&unpacked));
    ww_buf_deinit(&unpacked);
    return 0;
}
