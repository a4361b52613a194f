/* child.h - the component that pid0 starts: child-echo, embedded by the build. */
#pragma once
#include <stddef.h>
#include <stdint.h>

extern const uint8_t child_component[];
extern const size_t child_component_size;
