//go:build tools

package main

import _ "capnproto.org/go/capnp/v3/capnpc-go"
