/* abi/wasi/wasi.h - WASI 0.2 as this host offers it.
 *
 * Model      One file per package binds the functions of its interfaces (gen/wit) to the objects in
 *            resource/. call->host is the cell, whose first member is a ww_wasi. wasi:sockets and
 *            wasi:http are offered whole, so that programs that mention them load, and denied.
 */
#pragma once
#include "component/host.h"
#include "resource/wasi.h"

/* Adds all interfaces of wasi:cli, clocks, filesystem, http, io, random and sockets. E_MEMORY,
 * E_EXISTS; E_MISMATCH if a function has no policy row that fits it. */
WW_MUST_USE ww_status ww_wasi_link(ww_linker *linker);
