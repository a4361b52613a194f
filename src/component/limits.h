/* component/limits.h - every bound on foreign components in one place. Exceeding one is WW_E_LIMIT
 * and names it. */
#pragma once

enum {
    WW_MAX_COMPONENT_BYTES = 256 << 20,
    WW_MAX_NAME_BYTES = 100000,
    WW_MAX_NESTING = 32,        /* components in components */
    WW_MAX_TYPE_DEPTH = 100,    /* types in types */
    WW_MAX_TYPE_SIZE = 1000000, /* nodes of one type and of all it reaches */
    WW_MAX_TYPES = 100000,      /* of one index space */
    WW_MAX_CORE_MODULES = 256,
    WW_MAX_COMPONENTS = 1000, /* of one component, as are the next ones */
    WW_MAX_INSTANCES = 4096,
    WW_MAX_CORE_INSTANCES = 4096,
    WW_MAX_FUNCS = 1000000,
    WW_MAX_CORE_ALIASES = 1000000,
    WW_MAX_IMPORTS = 10000,
    WW_MAX_EXPORTS = 10000,
    WW_MAX_ARGS = 100000, /* of one instantiation */
    WW_MAX_TYPE_DECLS = 1000000,
    WW_MAX_MODULE_DECLS = 100000, /* of a core module type */
    WW_MAX_FIELDS = 10000,        /* record fields, variant cases, enum cases, tuple elements */
    WW_MAX_FLAGS = 32,
    WW_MAX_FUNC_PARAMS = 1000,
    WW_MAX_CORE_FUNC_PARAMS = 1000, /* results as well */
    WW_MAX_CANON_OPTIONS = 10,
    WW_MAX_CHECK_STEPS = 1 << 24,       /* nodes looked at while one component is checked */
    WW_MAX_CHECK_BYTES = 128 << 20,     /* memory for that, given back afterwards */
    WW_MAX_VALUE_BYTES = (1 << 28) - 1, /* size of one value, and of a string's or list's content */

    /* of a flattened plan */
    WW_MAX_PLAN_CORE_INSTANCES = 4096,
    WW_MAX_PLAN_COMPONENT_INSTANCES = 512,
    WW_MAX_PLAN_MEMORIES = 256,
    WW_MAX_PLAN_FUNCS = 100000,
    WW_MAX_PLAN_DEFS = 1 << 22,   /* walked in all component instances */
    WW_MAX_PLAN_BYTES = 64 << 20, /* arena of one component's model and plan */

    /* of a running cell */
    WW_MAX_HANDLES = 100000,       /* live, of one component instance */
    WW_MAX_CALL_DEPTH = 64,        /* host and component-to-component calls on one fiber */
    WW_MAX_COPY_BYTES = 128 << 20, /* host memory for the values of one call */
};
