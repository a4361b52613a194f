// A guest of another make: Go, go-capnp, and code generated from capnp/ by its own generator. As pid0 it grafts, runs
// the component at PATH twice as a child, and keeps a call open until the epoch moves; `child` finds a host on its link.
// Prints what it sees.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"capnproto.org/go/capnp/v3/rpc"

	"ww/interop/membrane"
	"ww/interop/peer"
	"ww/interop/stem"
)

// Memory of Go's image that the preview 1 adapter lives in, see examples/go/reserve.
var adapterMemory = [256 << 10]byte{'w', 'w', ' ', 'a', 'd', 'a', 'p', 't', 'e', 'r', ' ', 'm', 'e', 'm', 'o', 'r', 'y'}

// What the other side said, without the words that this library puts around it.
func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func echo(ctx context.Context, executor peer.Executor, message string) (string, error) {
	answer, release := executor.Echo(ctx, func(p peer.Executor_echo_Params) error { return p.SetMessage_(message) })
	defer release()
	results, err := answer.Struct()
	if err != nil {
		return "", err
	}
	return results.Response()
}

// The program of the child: two echoes by way of the host that it finds, then its input until that ends, or failure.
func child(ctx context.Context, connection *rpc.Conn, how string) error {
	host := peer.Host(connection.Bootstrap(ctx))
	answer, release := host.Executor(ctx, nil)
	defer release()
	for _, message := range []string{"Hello from call 1", "Hello from call 2"} {
		response, err := echo(ctx, answer.Executor(), message)
		if err != nil {
			return err
		}
		fmt.Println("child:", response)
	}
	if how == "fail" {
		return errors.New("as asked")
	}
	_, err := io.Copy(os.Stdout, os.Stdin)
	return err
}

type session struct {
	host     peer.Host
	executor peer.Executor
	poller   stem.StatusPoller
}

func graft(ctx context.Context, m stem.Membrane) (*session, error) {
	answer, release := m.Graft(ctx, nil)
	defer release()
	results, err := answer.Struct()
	if err != nil {
		return nil, err
	}
	granted, err := results.Session()
	if err != nil {
		return nil, err
	}
	epoch, err := granted.IssuedEpoch()
	if err != nil {
		return nil, err
	}
	extension, err := granted.Extension()
	if err != nil {
		return nil, err
	}
	fmt.Println("pid0: grafted in epoch", epoch.Seq())
	grants := membrane.WetwareSession(extension.Struct())
	return &session{grants.Host().AddRef(), grants.Executor().AddRef(), granted.StatusPoller().AddRef()}, nil
}

func (s *session) hostID(ctx context.Context) (string, error) {
	answer, release := s.host.Id(ctx, nil)
	defer release()
	results, err := answer.Struct()
	if err != nil {
		return "", err
	}
	id, err := results.PeerId()
	return hex.EncodeToString(id), err
}

func (s *session) status(ctx context.Context) (stem.Status, error) {
	answer, release := s.poller.PollStatus(ctx, nil)
	defer release()
	results, err := answer.Struct()
	if err != nil {
		return 0, err
	}
	return results.Status(), nil
}

func (s *session) spawn(ctx context.Context, wasm []byte, args ...string) (peer.Process, error) {
	answer, release := s.executor.RunBytes(ctx, func(p peer.Executor_runBytes_Params) error {
		list, err := p.NewArgs(int32(len(args)))
		for i := 0; i < len(args) && err == nil; i++ {
			err = list.Set(i, args[i])
		}
		return errors.Join(err, p.SetWasm(wasm))
	})
	defer release()
	results, err := answer.Struct()
	if err != nil {
		return peer.Process{}, err
	}
	return results.Process().AddRef(), nil
}

// Passes on what the stream holds until it is at its end.
func drain(ctx context.Context, stream peer.ByteStream) error {
	for {
		answer, release := stream.Read(ctx, func(p peer.ByteStream_read_Params) error {
			p.SetMaxBytes(4096)
			return nil
		})
		results, err := answer.Struct()
		var data []byte
		if err == nil {
			data, err = results.Data()
		}
		size := len(data)
		if err == nil {
			_, err = os.Stdout.Write(data)
		}
		release()
		if err != nil || size == 0 {
			return err
		}
	}
}

// All that the child ever reads.
func tell(ctx context.Context, process peer.Process, text string) error {
	stdin, releaseStdin := process.Stdin(ctx, nil)
	defer releaseStdin()
	written, releaseWritten := stdin.Stream().Write(ctx, func(p peer.ByteStream_write_Params) error {
		return p.SetData([]byte(text))
	})
	defer releaseWritten()
	if _, err := written.Struct(); err != nil {
		return err
	}
	closed, releaseClosed := stdin.Stream().Close(ctx, nil)
	defer releaseClosed()
	_, err := closed.Struct()
	return err
}

func (s *session) runChild(ctx context.Context, wasm []byte, how string) error {
	process, err := s.spawn(ctx, wasm, "guest", "child", how)
	if err != nil {
		return err
	}
	defer process.Release()
	if how != "fail" {
		if err := tell(ctx, process, "child: read this\n"); err != nil {
			return err
		}
	}
	stdout, releaseStdout := process.Stdout(ctx, nil)
	defer releaseStdout()
	if err := drain(ctx, stdout.Stream()); err != nil {
		return err
	}
	end, releaseEnd := process.Wait(ctx, nil)
	defer releaseEnd()
	results, err := end.Struct()
	if err == nil {
		fmt.Println("pid0: child exited with code", results.ExitCode())
	}
	return err
}

// Reads a child that waits for its input, and so only ends with the session: the operator's advance is what comes.
func (s *session) outlive(ctx context.Context, wasm []byte) error {
	process, err := s.spawn(ctx, wasm, "guest", "child", "work")
	if err != nil {
		return err
	}
	defer process.Release()
	stdout, release := process.Stdout(ctx, nil)
	defer release()
	err = drain(ctx, stdout.Stream())
	fmt.Println("pid0: read in flight:", reason(err))
	_, err = s.hostID(ctx)
	fmt.Println("pid0: old host:", reason(err))
	_, err = echo(ctx, s.executor, "late")
	fmt.Println("pid0: old executor:", reason(err))
	_, err = s.status(ctx)
	fmt.Println("pid0: old poller:", reason(err))
	return nil
}

// What a session is for: who the host is, an echo, a child, and whether the session still holds.
func (s *session) use(ctx context.Context, wasm []byte) error {
	id, err := s.hostID(ctx)
	if err != nil {
		return err
	}
	response, err := echo(ctx, s.executor, "hello")
	if err != nil {
		return err
	}
	fmt.Printf("pid0: host %s\npid0: %s\n", id, response)
	if err := s.runChild(ctx, wasm, "work"); err != nil {
		return err
	}
	status, err := s.status(ctx)
	if err == nil {
		fmt.Println("pid0: session is", status)
	}
	return err
}

func pid0(ctx context.Context, connection *rpc.Conn, path string) error {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	m := stem.Membrane(connection.Bootstrap(ctx))
	s, err := graft(ctx, m)
	if err != nil {
		return err
	}
	if err := errors.Join(s.use(ctx, wasm), s.runChild(ctx, wasm, "fail"), s.outlive(ctx, wasm)); err != nil {
		return err
	}
	if s, err = graft(ctx, m); err != nil {
		return err
	}
	return s.use(ctx, wasm)
}

func main() {
	if len(os.Args) < 3 || adapterMemory[0] == 0 { // keeps the linker from dropping it
		fmt.Fprintln(os.Stderr, "usage: guest pid0 PATH | guest child work|fail")
		os.Exit(2)
	}
	ctx := context.Background()
	connection := rpc.NewConn(rpc.NewStreamTransport(openLink()), nil)
	run := pid0
	if os.Args[1] == "child" {
		run = child
	}
	if err := errors.Join(run(ctx, connection, os.Args[2]), connection.Close()); err != nil {
		fmt.Fprintf(os.Stderr, "[ERROR] %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
