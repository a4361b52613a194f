/* test/support/wasm_bytes.h - core modules written as byte arrays that read like their text form.
 *
 *     static const uint8_t module[] = {WASM_MODULE(TYPES(1, FUNC_TYPE(WASM_NONE, WASM_NONE)),
 * ...)};
 *
 * Sizes are filled in; each section, body and expression must stay below 128 bytes. */
#pragma once

#define WASM_MODULE(...) 0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, __VA_ARGS__

#define WASM_SIZED(...)       sizeof((const uint8_t[]){__VA_ARGS__}), __VA_ARGS__
#define WASM_SECTION(id, ...) id, WASM_SIZED(__VA_ARGS__)

#define TYPES(count, ...)    WASM_SECTION(1, count, __VA_ARGS__)
#define IMPORTS(count, ...)  WASM_SECTION(2, count, __VA_ARGS__)
#define FUNCS(...)           WASM_SECTION(3, WASM_SIZED(__VA_ARGS__)) /* type index of each */
#define TABLE(min)           WASM_SECTION(4, 1, 0x70, 0, min)
#define MEMORY(min, max)     WASM_SECTION(5, 1, 1, min, max)
#define EXPORTS(count, ...)  WASM_SECTION(7, count, __VA_ARGS__)
#define START(index)         WASM_SECTION(8, index)
#define CODE(count, ...)     WASM_SECTION(10, count, __VA_ARGS__)
#define DATA_AT(offset, ...) WASM_SECTION(11, 1, 0, 0x41, offset, 0x0b, WASM_SIZED(__VA_ARGS__))

#define FUNC_TYPE(params, results) 0x60, params, results
#define WASM_NONE                  0
#define WASM_I32S_1                1, 0x7f
#define WASM_I32S_2                2, 0x7f, 0x7f
#define WASM_I32S_4                4, 0x7f, 0x7f, 0x7f, 0x7f

/* Names are of one letter. */
#define IMPORT_FUNC(space, name, type)  1, space, 1, name, 0, type
#define IMPORT_TABLE(space, name, min)  1, space, 1, name, 1, 0x70, 0, min
#define IMPORT_MEMORY(space, name, min) 1, space, 1, name, 2, 0, min
#define EXPORT_FUNC(name, index)        1, name, 0, index
#define EXPORT_TABLE(name, index)       1, name, 1, index
#define EXPORT_MEMORY(name, index)      1, name, 2, index

#define BODY(...)      WASM_SIZED(0, __VA_ARGS__, 0x0b)
#define EMPTY_BODY     2, 0, 0x0b
#define CALL(index)    0x10, index
#define UNREACHABLE    0x00
#define LOOP_FOREVER   0x03, 0x40, 0x0c, 0, 0x0b
#define LOOP(...)      0x03, 0x40, __VA_ARGS__, 0x0b
#define BRANCH_IF(n)   0x0d, n
#define I32_CONST(n)   0x41, n /* 0..63 */
#define LOCAL_GET(n)   0x20, n
#define LOCAL_TEE(n)   0x22, n
#define I32_SUB        0x6b
#define I32_LOAD(off)  0x28, 2, off
#define I32_STORE(off) 0x36, 2, off
#define DROP           0x1a
