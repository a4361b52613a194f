/* Gives every piece of standard input back at once: a native preview 2 guest, without libc and
 * without the preview 1 adapter. The imports are the canonical ABI by hand. */
#include <stddef.h>
#include <stdint.h>

#define STREAMS "wasi:io/streams@0.2.12"

__attribute__((import_module("wasi:cli/stdin@0.2.12"), import_name("get-stdin"))) int32_t
get_stdin(void);
__attribute__((import_module("wasi:cli/stdout@0.2.12"), import_name("get-stdout"))) int32_t
get_stdout(void);

typedef struct stream_error {
    uint8_t is_closed; /* else: failed, and `error` says how */
    int32_t error;
} stream_error;

typedef struct read_result {
    uint8_t is_error;
    union {
        struct {
            uint8_t *data;
            size_t size;
        } bytes;
        stream_error error;
    };
} read_result;

typedef struct write_result {
    uint8_t is_error;
    stream_error error;
} write_result;

__attribute__((import_module(STREAMS), import_name("[method]input-stream.blocking-read"))) void
blocking_read(int32_t stream, uint64_t size, read_result *result);
__attribute__((import_module(STREAMS),
               import_name("[method]output-stream.blocking-write-and-flush"))) void
blocking_write_and_flush(int32_t stream, const uint8_t *data, size_t size, write_result *result);
__attribute__((import_module(STREAMS), import_name("[resource-drop]input-stream"))) void
drop_input_stream(int32_t stream);
__attribute__((import_module(STREAMS), import_name("[resource-drop]output-stream"))) void
drop_output_stream(int32_t stream);

enum { PIECE = 4096 }; /* as much as one blocking-write-and-flush takes */

static _Alignas(16) uint8_t piece[PIECE];

/* The host asks for room for what it read; one piece at a time is all there is. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size,
                                                                size_t align, size_t size)
{
    if (old || old_size || align > 16 || size > PIECE) __builtin_trap();
    return piece;
}

/* 0 is ok, 1 is err. */
__attribute__((export_name("wasi:cli/run@0.2.12#run"))) int32_t run(void)
{
    int32_t in = get_stdin(), out = get_stdout(), status = 0;
    for (;;) {
        read_result got;
        blocking_read(in, PIECE, &got);
        if (got.is_error) {
            status = !got.error.is_closed;
            break;
        }
        write_result put;
        blocking_write_and_flush(out, got.bytes.data, got.bytes.size, &put);
        if (put.is_error) {
            status = 1;
            break;
        }
    }
    drop_input_stream(in);
    drop_output_stream(out);
    return status;
}
