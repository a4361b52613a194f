/* imports.h - what the runtime imports, the canonical ABI by hand. Handles are i32; where a function returns more
 * than one number, the last parameter says where to. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define STREAMS              "wasi:io/streams@0.2.12"
#define LINK                 "wetware:streams/streams@0.1.0"

typedef struct stream_error {
    uint8_t is_closed; /* else: failed, and `error` says how */
    int32_t error;
} stream_error;

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

typedef struct read_result {
    uint8_t is_error;
    union {
        bytes ok;
        stream_error error;
    };
} read_result;

typedef struct write_result {
    uint8_t is_error;
    stream_error error;
} write_result;

typedef struct permit_result {
    _Alignas(8) uint8_t is_error;
    _Alignas(8) union {
        uint64_t ok;
        stream_error error;
    };
} permit_result;

typedef struct option_handle {
    uint8_t is_some;
    int32_t handle;
} option_handle;

/* The next room that the host asks for is this, if it is enough; NULL: none (guest.c). */
void ww_guest_land(void *data, size_t size);

IMPORT("wasi:cli/environment@0.2.12", "get-arguments") void get_arguments(bytes *list);
IMPORT("wasi:cli/exit@0.2.12", "exit-with-code") void exit_with_code(uint32_t code);
IMPORT("wasi:cli/stdin@0.2.12", "get-stdin") int32_t get_stdin(void);
IMPORT("wasi:cli/stdout@0.2.12", "get-stdout") int32_t get_stdout(void);
IMPORT("wasi:cli/stderr@0.2.12", "get-stderr") int32_t get_stderr(void);
IMPORT("wasi:cli/terminal-stdin@0.2.12", "get-terminal-stdin")
void get_terminal_stdin(option_handle *out);

IMPORT("wasi:io/poll@0.2.12", "poll")
void poll_list(const int32_t *pollables, size_t count, bytes *ready);

IMPORT(STREAMS, "[method]input-stream.read")
void input_read(int32_t stream, uint64_t size, read_result *out);
IMPORT(STREAMS, "[method]input-stream.blocking-read")
void input_blocking_read(int32_t stream, uint64_t size, read_result *out);
IMPORT(STREAMS, "[method]input-stream.subscribe") int32_t input_subscribe(int32_t stream);
IMPORT(STREAMS, "[method]output-stream.check-write")
void output_check_write(int32_t stream, permit_result *out);
IMPORT(STREAMS, "[method]output-stream.write")
void output_write(int32_t stream, const uint8_t *data, size_t size, write_result *out);
IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush")
void output_blocking_write(int32_t stream, const uint8_t *data, size_t size, write_result *out);
IMPORT(STREAMS, "[method]output-stream.subscribe") int32_t output_subscribe(int32_t stream);

IMPORT(LINK, "create-connection") int32_t create_connection(void);
IMPORT(LINK, "[method]connection.get-input-stream")
int32_t connection_input(int32_t connection);
IMPORT(LINK, "[method]connection.get-output-stream")
int32_t connection_output(int32_t connection);
