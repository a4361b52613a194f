/* dataflow/value.h - what the engine knows of values beyond ww/dataflow.h.
 *
 * Bounds     A tensor has at most DF_TENSOR_ELEMENTS_MAX elements.
 * Ownership  As in ww/dataflow.h.
 * Trust      Bytes given to the checks are foreign.
 * Threads    None of its own.
 */
#pragma once
#include "dataflow/wire.h"
#include "ww/dataflow.h"

enum { DF_TENSOR_ELEMENTS_MAX = 1 << 28 };

bool df_is_number(uint32_t type);
ww_flow_value_type df_type_of_hash(uint64_t hash); /* also those not for the wire */
bool df_is_multihash(ww_view bytes);

/* Of a value whose type is TENSOR. */
const ww_flow_tensor *df_tensor(const ww_flow_value *value);
