/* The guest's side of the call benchmarks: loops over one import, as little else as possible. */
#include <stddef.h>
#include <stdint.h>

#define HOST "ww:bench/host"

__attribute__((import_module(HOST), import_name("empty"))) void host_empty(void);
__attribute__((import_module(HOST), import_name("suspend"))) void host_suspend(void);
__attribute__((import_module(HOST), import_name("write"))) void host_write(const uint8_t *data,
                                                                           size_t size);

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

__attribute__((import_module(HOST), import_name("read"))) void host_read(uint32_t size,
                                                                         bytes *result);

enum { BLOCK = 64 * 1024 };

static _Alignas(16) uint8_t block[BLOCK];

/* Every block that the host asks for is the same one: nothing is kept from one call to the next. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size,
                                                                size_t align, size_t size)
{
    if (old || old_size || align > 16 || size > BLOCK) __builtin_trap();
    return block;
}

__attribute__((export_name("call-empty"))) void call_empty(uint32_t count)
{
    while (count--)
        host_empty();
}

__attribute__((export_name("call-suspend"))) void call_suspend(uint32_t count)
{
    while (count--)
        host_suspend();
}

__attribute__((export_name("call-write"))) void call_write(uint32_t count, uint32_t size)
{
    if (size > BLOCK) __builtin_trap();
    while (count--)
        host_write(block, size);
}

__attribute__((export_name("call-read"))) void call_read(uint32_t count, uint32_t size)
{
    bytes got;
    while (count--) {
        host_read(size, &got);
        if (got.size != size) __builtin_trap();
    }
}
