// A Go guest: greets, tells its arguments, answers each line of its input, or fills its heap and looks at it again.
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// Memory of Go's image that the preview 1 adapter lives in, see reserve/main.go. The first bytes are how it is found.
var adapterMemory = [256 << 10]byte{'w', 'w', ' ', 'a', 'd', 'a', 'p', 't', 'e', 'r', ' ', 'm', 'e', 'm', 'o', 'r', 'y'}

func lines() {
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		fmt.Println("line:", input.Text())
	}
}

func heap() {
	kept := map[int][]byte{}
	for i := 0; i < 20000; i++ {
		kept[i] = make([]byte, 2048)
		kept[i][i%2048] = byte(i)
	}
	for i, bytes := range kept {
		if bytes[i%2048] != byte(i) {
			panic("the heap forgot something")
		}
	}
	fmt.Println("heap:", len(kept), "blocks as they were")
}

func main() {
	fmt.Printf("Hello from %s, in Go.\n", filepath.Base(os.Args[0]))
	for _, arg := range os.Args[1:] {
		fmt.Println("argument:", arg)
	}
	switch {
	case len(os.Args) < 2:
	case os.Args[1] == "lines":
		lines()
	case os.Args[1] == "heap":
		heap()
	case os.Args[1] == "exit":
		os.Exit(3)
	}
	if adapterMemory[0] == 0 { // keeps the linker from dropping it
		os.Exit(1)
	}
}
