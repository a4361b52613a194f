/* ww/capnp.h - Cap'n Proto for C: messages, generated types, and RPC. The one header that generated code includes.
 *
 * Where to read on: capnp/read.h and capnp/build.h (messages), capnp/frame.h and capnp/pack.h (as bytes),
 * capnp/copy.h (deep copies, canonical form), capnp/cap.h (capabilities and servers), capnp/call.h (calls from both
 * sides), capnp/conn.h (a connection to another vat, bytes in and bytes out).
 */
#pragma once
#include "capnp/call.h"
#include "capnp/cap.h"
#include "capnp/conn.h"
#include "capnp/copy.h"
#include "capnp/frame.h"
#include "capnp/pack.h"
#include "capnp/typed.h"
