package main

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"time"
	"unsafe"
)

//go:wasmimport wetware:streams/streams@0.1.0 create-connection
func createConnection() int32

//go:wasmimport wetware:streams/streams@0.1.0 [method]connection.get-input-stream
func getInputStream(connection int32) int32

//go:wasmimport wetware:streams/streams@0.1.0 [method]connection.get-output-stream
func getOutputStream(connection int32) int32

//go:wasmimport wetware:streams/streams@0.1.0 [resource-drop]connection
func dropConnection(connection int32)

//go:wasmimport wasi:io/streams@0.2.9 [method]input-stream.read
func streamRead(stream int32, size int64, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.9 [method]output-stream.check-write
func streamCheckWrite(stream int32, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.9 [method]output-stream.write
func streamWrite(stream int32, bytes unsafe.Pointer, size int32, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.9 [method]output-stream.flush
func streamFlush(stream int32, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.9 [resource-drop]input-stream
func dropInputStream(stream int32)

//go:wasmimport wasi:io/streams@0.2.9 [resource-drop]output-stream
func dropOutputStream(stream int32)

// How long a link that has to wait sleeps: the one thread of the runtime is for the other goroutines meanwhile.
const nap = 500 * time.Microsecond

// What the host hands back as lists goes here: one reader asks for one list at a time, never for more.
var received [64 << 10]byte

//go:wasmexport cabi_realloc
func reallocate(old unsafe.Pointer, _, _, size int32) unsafe.Pointer {
	if old != nil || int(size) > len(received) {
		panic("the host wants memory that nobody offered")
	}
	return unsafe.Pointer(&received[0])
}

// A result that the host writes: the words of its memory representation, aligned to 8 bytes.
type hostResult [2]uint64

func (r *hostResult) failed() bool { return uint8(r[0]) != 0 }

func (r *hostResult) bytes() []byte { return (*[16]byte)(unsafe.Pointer(r))[:] }

// The variant stream-error at `at`: last-operation-failed, or closed.
func (r *hostResult) failure(at int) error {
	if !r.failed() {
		return nil
	}
	if r.bytes()[at] == 0 {
		return errors.New("the last operation on the link failed")
	}
	return io.EOF
}

// The guest's end of the link to its host.
type link struct {
	in, out       int32
	read, written hostResult
	closed        bool
}

func openLink() *link {
	connection := createConnection()
	l := &link{in: getInputStream(connection), out: getOutputStream(connection)}
	dropConnection(connection)
	return l
}

func (l *link) Read(p []byte) (int, error) {
	for !l.closed {
		streamRead(l.in, int64(min(len(p), len(received))), unsafe.Pointer(&l.read))
		if err := l.read.failure(4); err != nil {
			return 0, err
		}
		if size := binary.LittleEndian.Uint32(l.read.bytes()[8:]); size > 0 || len(p) == 0 {
			return copy(p, received[:size]), nil
		}
		time.Sleep(nap)
	}
	return 0, io.EOF
}

func (l *link) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 && !l.closed {
		streamCheckWrite(l.out, unsafe.Pointer(&l.written))
		if err := l.written.failure(8); err != nil {
			return total - len(p), err
		}
		size := int(min(uint64(len(p)), l.written[1]))
		if size == 0 {
			time.Sleep(nap)
			continue
		}
		streamWrite(l.out, unsafe.Pointer(&p[0]), int32(size), unsafe.Pointer(&l.written))
		if err := l.written.failure(4); err != nil {
			return total - len(p), err
		}
		p = p[size:]
	}
	if len(p) > 0 {
		return total - len(p), io.ErrClosedPipe
	}
	streamFlush(l.out, unsafe.Pointer(&l.written))
	runtime.KeepAlive(p)
	return total, l.written.failure(4)
}

func (l *link) Close() error {
	if !l.closed {
		l.closed = true
		dropOutputStream(l.out)
		dropInputStream(l.in)
	}
	return nil
}
