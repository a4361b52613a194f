/* witgen JSON WAITS DIR FAKES: writes the bindings of every interface of the world `cell` into DIR, and
 * stand-ins for all functions, for the tests, into the file FAKES. */
#include "witgen.h"

static FILE *create(const char *dir, const char *name, const char *suffix)
{
    char *path = *name ? text("%s/%s%s", dir, name, suffix) : text("%s", dir);
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
    FILE *out = create(dir, interface->c, ".h");
    emit_header(interface, out);
    finish(out, interface->c);
    out = create(dir, interface->c, ".c");
    emit_source(interface, out);
    finish(out, interface->c);
}

int main(int argc, char **argv)
{
    if (argc != 5) die("usage: witgen JSON WAITS DIR FAKES");
    wit all = {0};
    wit_load(argv[1], argv[2], &all);
    for (uint32_t i = 0; i < all.interface_count; i++)
        write_one(argv[3], &all.interfaces[i]);
    FILE *out = create(argv[3], "functions", ".h");
    emit_functions_header(&all, out);
    finish(out, "functions.h");
    out = create(argv[3], "functions", ".c");
    emit_functions_source(&all, out);
    finish(out, "functions.c");
    out = create(argv[4], "", "");
    emit_fakes(&all, out);
    finish(out, "fakes");
    return 0;
}
