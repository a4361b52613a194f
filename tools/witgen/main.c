/* witgen WORLD PREFIX FOLDER JSON WAITS DIR [FAKES]: writes the bindings of every interface that WORLD
 * imports into DIR, where #include finds it as FOLDER; what functions.h declares begins with PREFIX.
 * FAKES gets stand-ins for all functions, for the tests. */
#include "witgen.h"

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) die("cannot write %s", path);
    return file;
}

static void finish(FILE *file, const char *name)
{
    bool failed = ferror(file);
    if (fclose(file) || failed) die("cannot write %s", name);
}

static void write_one(const char *dir, const wit_interface *interface)
{
    FILE *out = create(text("%s/%s.h", dir, interface->c));
    emit_header(interface, out);
    finish(out, interface->c);
    out = create(text("%s/%s.c", dir, interface->c));
    emit_source(interface, out);
    finish(out, interface->c);
}

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 8) die("usage: witgen WORLD PREFIX FOLDER JSON WAITS DIR [FAKES]");
    wit all = {
        .world = argv[1], .prefix = argv[2], .constant = c_constant(argv[2]), .folder = argv[3]};
    const char *dir = argv[6];
    wit_load(argv[4], argv[5], &all);
    for (uint32_t i = 0; i < all.interface_count; i++)
        write_one(dir, &all.interfaces[i]);
    FILE *out = create(text("%s/functions.h", dir));
    emit_functions_header(&all, out);
    finish(out, "functions.h");
    out = create(text("%s/functions.c", dir));
    emit_functions_source(&all, out);
    finish(out, "functions.c");
    if (argc == 7) return 0;
    out = create(argv[7]);
    emit_fakes(&all, out);
    finish(out, argv[7]);
    return 0;
}
