/* ww-modulec TEXT ARTIFACT: compiles modules written as text. */
#include "dataflow/text.h"
#include <stdio.h>

static ww_status read_file(const char *path, ww_buf *out, ww_diag *diag)
{
    FILE *file = fopen(path, "rb");
    if (!file) return ww_fail(diag, WW_E_NOT_FOUND, "%s cannot be opened", path);
    ww_status status = WW_OK;
    uint8_t chunk[16384];
    for (size_t size; !status && (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        status = ww_buf_append(out, chunk, size);
    if (!status && ferror(file)) status = WW_E_IO;
    fclose(file);
    return status ? ww_fail(diag, status, "%s: %s", path, ww_status_text(status)) : WW_OK;
}

static ww_status write_file(const char *path, ww_view bytes, ww_diag *diag)
{
    FILE *file = fopen(path, "wb");
    if (!file) return ww_fail(diag, WW_E_IO, "%s cannot be written", path);
    bool written = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    bool closed = fclose(file) == 0;
    return written && closed ? WW_OK : ww_fail(diag, WW_E_IO, "%s cannot be written", path);
}

static ww_status compile(ww_view text, const char *path, ww_diag *diag)
{
    ww_buf artifact;
    ww_buf_init(&artifact, ww_allocator_libc(), SIZE_MAX);
    ww_status status = ww_dataflow_compile(ww_allocator_libc(), text, &artifact, diag);
    if (!status) status = write_file(path, ww_buf_view(&artifact), diag);
    ww_buf_deinit(&artifact);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: ww-modulec TEXT ARTIFACT\n");
        return 2;
    }
    ww_buf text;
    ww_diag diag;
    ww_buf_init(&text, ww_allocator_libc(), (size_t)1 << 31);
    ww_status status = read_file(argv[1], &text, &diag);
    if (!status) status = compile(ww_buf_view(&text), argv[2], &diag);
    ww_buf_deinit(&text);
    if (!status) return 0;
    fprintf(stderr, "%s: %s\n", argv[1], diag.text);
    return 1;
}
