/* Any bytes as the generator's request: it may refuse, it may not crash. */
#include "capnp/frame.h"
#include "gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ww_capnp_frame frame;
    size_t used;
    ww_diag diag;
    ww_status status = ww_capnp_frame_open(&frame, ww_view_of(data, size), 1 << 16,
                                           ww_allocator_libc(), &used, &diag);
    if (!status) {
        frame.message.words_left = 1 << 20;
        model m;
        status = model_init(&m, &frame.message, ww_allocator_libc(), &diag);
        schema_code_generator_request_requested_file_l files =
            schema_code_generator_request_requested_files(m.request);
        for (uint32_t i = 0; i < files.list.count && i < 4 && !status; i++) {
            const gen_options options = {.provided = {"stem.capnp=x.h"}, .provided_count = 1};
            ww_buf header, source;
            ww_buf_init(&header, ww_allocator_libc(), 4 << 20);
            ww_buf_init(&source, ww_allocator_libc(), 4 << 20);
            status =
                gen_file(&m, &options, schema_code_generator_request_requested_file_l_at(files, i),
                         &header, &source, &diag);
            ww_buf_deinit(&header);
            ww_buf_deinit(&source);
        }
        model_deinit(&m);
    }
    ww_capnp_frame_deinit(&frame);
    return 0;
}
