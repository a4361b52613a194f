// reserve CORE OUT: gives a Go module an exported cabi_realloc_adapter, so that the preview 1 adapter takes its memory
// from the array adapterMemory in the program. Without one the adapter grows the linear memory, which Go believes to be
// its own from the end of its image upwards: both would write to the same pages. The program's own cabi_realloc, if it
// imports what needs one, is not for the adapter: it is called before Go runs.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

const (
	marker     = "ww adapter memory"
	arenaBytes = 256 << 10
)

// Section numbers of the binary format.
const (
	typeSection     = 1
	importSection   = 2
	functionSection = 3
	globalSection   = 6
	exportSection   = 7
	codeSection     = 10
	dataSection     = 11
)

type section struct {
	id   byte
	body []byte
}

var errMalformed = errors.New("not a module that Go's linker wrote")

type reader struct {
	bytes []byte
	err   error
}

func (r *reader) take(count uint64) []byte {
	if count > uint64(len(r.bytes)) {
		r.err, count = errMalformed, 0
	}
	taken := r.bytes[:count]
	r.bytes = r.bytes[count:]
	return taken
}

func (r *reader) uint() uint64 {
	value, size := binary.Uvarint(r.bytes)
	if size <= 0 {
		r.err = errMalformed
		return 0
	}
	r.bytes = r.bytes[size:]
	return value
}

func (r *reader) int() int64 {
	var value int64
	for shift := 0; shift < 35; shift += 7 {
		next := r.take(1)
		if r.err != nil {
			return 0
		}
		value |= int64(next[0]&0x7f) << shift
		if next[0]&0x80 == 0 {
			if next[0]&0x40 != 0 {
				value |= -1 << (shift + 7)
			}
			return value
		}
	}
	r.err = errMalformed
	return 0
}

func unsigned(value uint64) []byte { return binary.AppendUvarint(nil, value) }

func signed(value int64) []byte {
	var out []byte
	for {
		low := byte(value & 0x7f)
		value >>= 7
		if value == 0 && low&0x40 == 0 || value == -1 && low&0x40 != 0 {
			return append(out, low)
		}
		out = append(out, low|0x80)
	}
}

func split(module []byte) ([]section, error) {
	r := reader{bytes: module}
	if !bytes.Equal(r.take(8), []byte("\x00asm\x01\x00\x00\x00")) {
		return nil, errMalformed
	}
	var sections []section
	for len(r.bytes) > 0 && r.err == nil {
		id := r.take(1)[0]
		sections = append(sections, section{id, r.take(r.uint())})
	}
	return sections, r.err
}

// Go imports functions only.
func countImports(body []byte) (uint64, error) {
	r := reader{bytes: body}
	count := r.uint()
	for i := uint64(0); i < count && r.err == nil; i++ {
		r.take(r.uint())
		r.take(r.uint())
		if kind := r.take(1); r.err == nil && kind[0] != 0 {
			return 0, errMalformed
		}
		r.uint()
	}
	return count, r.err
}

// Where the marker stands in memory once the data segments are in place.
func findArena(body []byte) (int64, error) {
	r := reader{bytes: body}
	for count := r.uint(); count > 0 && r.err == nil; count-- {
		if r.uint() != 0 || r.take(1)[0] != 0x41 { // active, i32.const
			return 0, errMalformed
		}
		address := r.int()
		r.take(1) // end
		if at := bytes.Index(r.take(r.uint()), []byte(marker)); at >= 0 {
			return address + int64(at), r.err
		}
	}
	return 0, errors.New("the program has no adapterMemory")
}

// cabi_realloc_adapter(old, old size, align, size): the next free bytes of the arena; traps when it is used up. Nothing is
// ever given back: the adapter asks for its state and its stack, once each.
func reallocBody(global uint64, end int64) []byte {
	g := unsigned(global)
	code := bytes.Join([][]byte{
		{1, 1, 0x7f},                        // one local, i32
		{0x23}, g, {0x20, 2, 0x6a, 0x41, 1}, // global.get g, local.get align, add, const 1
		{0x6b, 0x41, 0, 0x20, 2, 0x6b, 0x71}, // sub, const 0, local.get align, sub, and
		{0x22, 4, 0x20, 3, 0x6a, 0x24}, g,    // local.tee 4, local.get size, add, global.set g
		{0x23}, g, {0x41}, signed(end), {0x4b}, // global.get g, const end, gt_u
		{0x20, 0, 0x72, 0x04, 0x40, 0x00, 0x0b}, // or old: if unreachable end
		{0x20, 4, 0x0b},                         // local.get 4, end
	}, nil)
	return append(unsigned(uint64(len(code))), code...)
}

// Adds one item to a section that is a vector; returns the item's index.
func (s *section) add(item []byte) (uint64, error) {
	r := reader{bytes: s.body}
	count := r.uint()
	s.body = bytes.Join([][]byte{unsigned(count + 1), r.bytes, item}, nil)
	return count, r.err
}

func reserve(module []byte) ([]byte, error) {
	sections, err := split(module)
	if err != nil {
		return nil, err
	}
	var of [12]*section
	for i := range sections {
		if id := sections[i].id; int(id) < len(of) {
			of[id] = &sections[i]
		}
	}
	for _, id := range []byte{typeSection, importSection, functionSection, globalSection, exportSection, codeSection, dataSection} {
		if of[id] == nil {
			return nil, errMalformed
		}
	}
	imports, errImports := countImports(of[importSection].body)
	arena, errArena := findArena(of[dataSection].body)
	signature, errType := of[typeSection].add([]byte{0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f})
	function, errFunction := of[functionSection].add(unsigned(signature))
	global, errGlobal := of[globalSection].add(bytes.Join([][]byte{{0x7f, 1, 0x41}, signed(arena), {0x0b}}, nil))
	_, errExport := of[exportSection].add(append([]byte("\x14cabi_realloc_adapter\x00"), unsigned(imports+function)...))
	_, errCode := of[codeSection].add(reallocBody(global, arena+arenaBytes))
	out := append([]byte(nil), module[:8]...)
	for _, s := range sections {
		out = append(out, s.id)
		out = append(out, unsigned(uint64(len(s.body)))...)
		out = append(out, s.body...)
	}
	return out, errors.Join(errImports, errArena, errType, errFunction, errGlobal, errExport, errCode)
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: reserve CORE OUT")
	}
	module, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	out, err := reserve(module)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return os.WriteFile(args[1], out, 0o644)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reserve:", err)
		os.Exit(1)
	}
}
