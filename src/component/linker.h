/* component/linker.h - what binding asks of a linker beside component/host.h: version tracks, core
 * modules, and what to tell somebody who asked for something that is not there. */
#pragma once
#include "component/host.h"

/* The track of a versioned `wasi:*` name: a prefix of it, "wasi:io/poll@0.2" of
 * "wasi:io/poll@0.2.6", "wasi:x/y@1" of "wasi:x/y@1.4.0"; *rank orders the versions of one track.
 * False: the name matches only exactly. A name whose version is a track already has rank 0. */
bool ww_name_track(ww_view name, ww_view *track, uint64_t *rank);

/* Empty if there is none. */
ww_view ww_linker_find_module(const ww_linker *linker, ww_view name);

/* "it offers a, b, c": names of interfaces that come close to `name`; cut at the buffer's end. */
void ww_linker_print_offers(const ww_linker *linker, ww_view name, ww_buf *out);

const ww_host_func *ww_interface_func(const ww_host_interface *interface, ww_view name);
/* Of those that the interface exports. */
const char *ww_interface_resource_name(const ww_host_interface *interface, uint32_t index);
const ww_resource_type *ww_interface_resource(const ww_host_interface *interface, ww_view name);
