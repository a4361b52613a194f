/* capnpc-c17 - the Cap'n Proto generator for C17.
 *
 *   capnp compile -o capnpc-c17 FILE...
 *   capnp compile -o- FILE... | capnpc-c17 [--provided FILE=HEADER]... [--no-comments]
 *
 * Reads one CodeGeneratorRequest from standard input and writes NAME.capnp.h and NAME.capnp.c for every requested file
 * into the current folder. */
#include "capnp/frame.h"
#include "gen.h"
#include <stdio.h>
#include <sys/stat.h>

enum { REQUEST_SIZE_MAX = 256 << 20, PATH_SIZE_MAX = 4096 };

static ww_status read_input(ww_buf *input, ww_diag *diag)
{
    for (;;) {
        uint8_t *to;
        enum { PIECE = 64 * 1024 };
        ww_status status = ww_buf_reserve(input, PIECE, &to);
        if (status) return ww_fail(diag, status, "the request is too large");
        size_t size = fread(to, 1, PIECE, stdin);
        input->size += size;
        if (size < PIECE) return ferror(stdin) ? ww_fail(diag, WW_E_IO, "standard input") : WW_OK;
    }
}

static ww_status write_file(const char *name, const ww_buf *text, ww_diag *diag)
{
    FILE *file = fopen(name, "w");
    bool ok = file && fwrite(text->data, 1, text->size, file) == text->size;
    if (file && fclose(file)) ok = false;
    return ok ? WW_OK : ww_fail(diag, WW_E_IO, "%s: cannot be written", name);
}

/* Folders of a nested output name are made as needed. */
static void make_folders(char *path)
{
    for (char *c = path + 1; *c; c++) {
        if (*c != '/') continue;
        *c = '\0';
        mkdir(path, 0777);
        *c = '/';
    }
}

/* A name that would leave the output folder is a hostile request. */
static bool is_inside(const char *name)
{
    return *name != '/' && strncmp(name, "../", 3) != 0 && !strstr(name, "/../") && *name;
}

static ww_status write_outputs(const char *name, const ww_buf *header, const ww_buf *source,
                               ww_diag *diag)
{
    ww_buf path;
    ww_buf_init(&path, header->allocator, PATH_SIZE_MAX);
    ww_status status = ww_buf_printf(&path, "%s.h", name);
    if (!status) status = ww_buf_append_byte(&path, 0);
    if (status) {
        ww_buf_deinit(&path);
        return ww_fail(diag, status, "%s: the name is too long", name);
    }
    make_folders((char *)path.data);
    status = write_file((char *)path.data, header, diag);
    path.data[strlen((char *)path.data) - 1] = 'c';
    if (!status) status = write_file((char *)path.data, source, diag);
    ww_buf_deinit(&path);
    return status;
}

static ww_status generate(model *m, const gen_options *o,
                          schema_code_generator_request_requested_file_r file, ww_diag *diag)
{
    const char *name =
        (const char *)schema_code_generator_request_requested_file_filename(file).data;
    if (!is_inside(name))
        return ww_fail(diag, WW_E_INVALID, "requested file %s: no good name", name);
    ww_buf header, source;
    ww_buf_init(&header, m->arena.allocator, GEN_SIZE_MAX);
    ww_buf_init(&source, m->arena.allocator, GEN_SIZE_MAX);
    ww_status status = gen_file(m, o, file, &header, &source, diag);
    if (!status) status = write_outputs(name, &header, &source, diag);
    ww_buf_deinit(&header);
    ww_buf_deinit(&source);
    return status;
}

static ww_status run(const gen_options *o, ww_diag *diag)
{
    ww_buf input;
    ww_capnp_frame frame;
    model m = {0};
    size_t used;
    ww_buf_init(&input, ww_allocator_libc(), REQUEST_SIZE_MAX);
    memset(&frame, 0, sizeof frame);
    ww_status status = read_input(&input, diag);
    if (!status)
        status = ww_capnp_frame_open(&frame, ww_buf_view(&input), REQUEST_SIZE_MAX / 8,
                                     ww_allocator_libc(), &used, diag);
    if (!status) {
        ww_capnp_message_trust(
            &frame.message); /* its size was limited; getters are read many times */
        status = model_init(&m, &frame.message, ww_allocator_libc(), diag);
    }
    if (!status) {
        schema_code_generator_request_requested_file_l files =
            schema_code_generator_request_requested_files(m.request);
        for (uint32_t i = 0; i < files.list.count && !status; i++)
            status =
                generate(&m, o, schema_code_generator_request_requested_file_l_at(files, i), diag);
        if (!status) status = ww_capnp_message_check(&frame.message, diag);
    }
    model_deinit(&m);
    ww_capnp_frame_deinit(&frame);
    ww_buf_deinit(&input);
    return status;
}

static bool parse(int argc, char **argv, gen_options *o)
{
    for (int i = 1; i < argc; i++) {
        bool is_provided = strcmp(argv[i], "--provided") == 0 && i + 1 < argc;
        if (strcmp(argv[i], "--no-comments") == 0)
            o->no_comments = true;
        else if (is_provided && strchr(argv[i + 1], '=') && o->provided_count < GEN_PROVIDED_MAX)
            o->provided[o->provided_count++] = argv[++i];
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    gen_options o = {0};
    ww_diag diag = {0};
    if (!parse(argc, argv, &o)) {
        fputs("usage: capnp compile -o- FILE... | capnpc-c17 [--provided FILE=HEADER]... "
              "[--no-comments]\n",
              stderr);
        return 2;
    }
    if (run(&o, &diag) == WW_OK) return 0;
    fprintf(stderr, "capnpc-c17: %s\n", diag.text);
    return 1;
}
