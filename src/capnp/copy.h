/* capnp/copy.h - the walks over whole object trees: deep copy, canonical form, size.
 *
 * Model      One loop with its own stack of at most WW_CAPNP_DEPTH_MAX levels; none of these
 *            recurses.
 * Bounds     A walk reads through the source message and so within its budget and depth.
 * Errors     Faults of the source stay in the source message and read as null; those of the target
 *            in the builder.
 */
#pragma once
#include "capnp/build.h"

/* The canonical form of a tree, as the builder's root: preorder, no gaps, trailing zeros trimmed.
 * Capabilities are not allowed (E_UNSUPPORTED) and the builder must be new (E_USAGE). E_INVALID and
 * E_LIMIT when the source has a fault. Its bytes are segment 0 of the builder. */
WW_MUST_USE ww_status ww_capnp_canonicalize(ww_capnp_any source, ww_capnp_builder *target);

/* Whether the message is, byte for byte, what ww_capnp_canonicalize would make of it. */
WW_MUST_USE ww_status ww_capnp_is_canonical(ww_capnp_message *message,
                                            const ww_allocator *allocator, bool *out);

/* Words that a copy would take, without the root pointer. */
uint64_t ww_capnp_total_words(ww_capnp_any source);
