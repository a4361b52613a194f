#include "witgen.h"
#include <ctype.h>
#include <stdlib.h>

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("witgen: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *take(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) die("out of memory");
    return memory;
}

char *text(const char *format, ...)
{
    char *out;
    va_list args;
    va_start(args, format);
    if (vasprintf(&out, format, args) < 0) die("out of memory");
    va_end(args);
    return out;
}

static char *mapped(const char *name, int (*map)(int))
{
    char *out = text("%s", name);
    for (char *p = out; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)map((unsigned char)*p) : '_';
    return out;
}

char *c_name(const char *kebab)
{
    static const char *const keywords[] = {"default", "register", "static", "switch", "union",
                                           "struct",  "int",      "long",   "short",  "return"};
    char *out = mapped(kebab, tolower);
    for (size_t i = 0; i < WW_COUNT_OF(keywords); i++)
        if (strcmp(out, keywords[i]) == 0) return text("%s_", out);
    return out;
}

char *drop_constant(const wit_resource *resource)
{
    const wit_interface *owner = resource->owner;
    return c_constant(text("%s_%s_%s_drop", owner->set->prefix, owner->c, c_name(resource->name)));
}

char *c_constant(const char *name)
{
    return mapped(name, toupper);
}

const char *member(const wit_type *type, uint32_t i)
{
    if (type->abi.kind == WW_TYPE_TUPLE) return text("f%u", i);
    return c_name(text("%.*s", WW_VIEW_ARG(type->fields[i].name)));
}

/* Of a function's parameter: out of the way of what generated entries call their own. */
char *c_param(const char *name)
{
    static const char *const taken[] = {"bytes", "call",  "caller", "env",        "impl", "result",
                                        "site",  "slots", "status", "slot_count", "trap"};
    char *out = c_name(name);
    for (size_t i = 0; i < WW_COUNT_OF(taken); i++)
        if (strcmp(out, taken[i]) == 0) return text("%s_", out);
    return out;
}
