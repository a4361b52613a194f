// The Go side of the interop tests: peer {serve|drive} unix:PATH SCENARIO. Prints one JSON line; exit status 0 for ok.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/exc"
	"capnproto.org/go/capnp/v3/rpc"

	"ww/interop/interop"
)

type sink struct{ bytes uint64 }

func (s *sink) Write(_ context.Context, call interop.Sink_write) error {
	chunk, err := call.Args().Chunk()
	s.bytes += uint64(len(chunk))
	return err
}

func (s *sink) Done(_ context.Context, call interop.Sink_done) error {
	results, err := call.AllocResults()
	if err == nil {
		results.SetBytes(s.bytes)
	}
	return err
}

func (s *sink) Stall(context.Context, interop.Sink_stall) error       { return unimplemented }
func (s *sink) FailNext(context.Context, interop.Sink_failNext) error { return unimplemented }

var unimplemented = exc.New(exc.Unimplemented, "", "not here")

type factory struct {
	lock   sync.Mutex
	count  uint32
	settle capnp.Resolver[interop.Echo]
}

func newFactory() interop.Factory { return interop.Factory_ServerToClient(&factory{}) }
func newEcho() interop.Echo       { return interop.Echo(newFactory()) }

func (f *factory) Ping(_ context.Context, call interop.Echo_ping) error {
	results, err := call.AllocResults()
	if err == nil {
		results.SetN(call.Args().N())
	}
	return err
}

func (f *factory) Blob(_ context.Context, call interop.Echo_blob) error {
	d, err := call.Args().D()
	if err != nil {
		return err
	}
	results, err := call.AllocResults()
	if err == nil {
		results.SetLen(uint32(len(d)))
	}
	return err
}

func (f *factory) Back(context.Context, interop.Echo_back) error { return unimplemented }

func (f *factory) All(_ context.Context, call interop.Echo_all) error {
	v, err := call.Args().V()
	if err != nil {
		return err
	}
	results, err := call.AllocResults()
	if err == nil {
		err = results.SetV(v)
	}
	return err
}

func (f *factory) Fail(_ context.Context, call interop.Echo_fail) error {
	text, _ := call.Args().Text()
	return exc.New(exc.Type(call.Args().Type()), "", text)
}

func (f *factory) Never(ctx context.Context, call interop.Echo_never) error {
	call.Go()
	<-ctx.Done()
	return ctx.Err()
}

func (f *factory) Order(_ context.Context, call interop.Echo_order) error {
	n := f.count
	f.count++
	if n != call.Args().Expected() {
		return fmt.Errorf("call %d came as %d", call.Args().Expected(), n)
	}
	results, err := call.AllocResults()
	if err == nil {
		results.SetN(n)
	}
	return err
}

func (f *factory) Make(_ context.Context, call interop.Echo_make) error {
	results, err := call.AllocResults()
	if err == nil {
		err = results.SetCap(newEcho())
	}
	return err
}

func (f *factory) Take(context.Context, interop.Echo_take) error { return nil }

func (f *factory) Swap(_ context.Context, call interop.Echo_swap) error {
	results, err := call.AllocResults()
	if err == nil {
		err = results.SetCap(call.Args().Cap().AddRef())
	}
	return err
}

func (f *factory) Counts(context.Context, interop.Factory_counts) error     { return unimplemented }
func (f *factory) Hold(context.Context, interop.Factory_hold) error         { return unimplemented }
func (f *factory) Held(context.Context, interop.Factory_held) error         { return unimplemented }
func (f *factory) CallHeld(context.Context, interop.Factory_callHeld) error { return unimplemented }
func (f *factory) Nest(context.Context, interop.Factory_nest) error         { return unimplemented }
func (f *factory) Later(context.Context, interop.Factory_later) error       { return unimplemented }
func (f *factory) Early(context.Context, interop.Factory_early) error       { return unimplemented }

func (f *factory) Promise(_ context.Context, call interop.Factory_promise) error {
	results, err := call.AllocResults()
	if err != nil {
		return err
	}
	promise, settle := capnp.NewLocalPromise[interop.Echo]()
	f.settle = settle
	return results.SetCap(promise)
}

func (f *factory) Settle(_ context.Context, call interop.Factory_settle) error {
	switch call.Args().Kind() {
	case 0:
		f.settle.Fulfill(newEcho())
	case 1:
		f.settle.Fulfill(call.Args().Cap().AddRef())
	default:
		f.settle.Reject(errors.New("settled badly"))
	}
	return nil
}

func (f *factory) Tail(ctx context.Context, call interop.Factory_tail) error {
	target := call.Args().Target().AddRef()
	defer target.Release()
	expected := call.Args().Expected()
	call.Go()
	n, err := orderOf(ctx, target, expected)
	if err != nil {
		return err
	}
	results, err := call.AllocResults()
	if err == nil {
		results.SetN(n)
	}
	return err
}

func (f *factory) Sink(_ context.Context, call interop.Factory_sink) error {
	results, err := call.AllocResults()
	if err == nil {
		err = results.SetSink(interop.Sink_ServerToClient(&sink{}))
	}
	return err
}

func serve(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	fmt.Println("ready unix:" + path)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		rpc.NewConn(rpc.NewStreamTransport(connection), &rpc.Options{BootstrapClient: capnp.Client(newFactory())})
	}
}

// ---- the client ----

type orders []func() error

func order(ctx context.Context, cap interop.Echo, expected uint32) func() error {
	future, release := cap.Order(ctx, func(p interop.Echo_order_Params) error {
		p.SetExpected(expected)
		return nil
	})
	return func() error {
		defer release()
		results, err := future.Struct()
		if err == nil && results.N() != expected {
			err = fmt.Errorf("%d instead of %d", results.N(), expected)
		}
		return err
	}
}

func (all orders) wait() error {
	for _, wait := range all {
		if err := wait(); err != nil {
			return err
		}
	}
	return nil
}

func orderOf(ctx context.Context, cap interop.Echo, expected uint32) (uint32, error) {
	return expected, order(ctx, cap, expected)()
}

func ping(ctx context.Context, root interop.Factory) error {
	for n := uint64(0); n < 100; n++ {
		future, release := root.Ping(ctx, func(p interop.Echo_ping_Params) error {
			p.SetN(n)
			return nil
		})
		results, err := future.Struct()
		if err == nil && results.N() != n {
			err = errors.New("another number came back")
		}
		release()
		if err != nil {
			return err
		}
	}
	return nil
}

func pipeline(ctx context.Context, root interop.Factory) error {
	made, release := root.Make(ctx, nil)
	defer release()
	var sent orders
	for n := uint32(0); n < 5; n++ {
		sent = append(sent, order(ctx, made.Cap(), n))
	}
	return sent.wait()
}

func embargo(ctx context.Context, root interop.Factory) error {
	swap, release := root.Swap(ctx, func(p interop.Echo_swap_Params) error { return p.SetCap(newEcho()) })
	defer release()
	var sent orders
	for n := uint32(0); n < 3; n++ {
		sent = append(sent, order(ctx, swap.Cap(), n))
	}
	if _, err := swap.Struct(); err != nil {
		return err
	}
	for n := uint32(3); n < 6; n++ {
		sent = append(sent, order(ctx, swap.Cap(), n))
	}
	return sent.wait()
}

func promise(ctx context.Context, root interop.Factory) error {
	future, release := root.Promise(ctx, nil)
	defer release()
	first := order(ctx, future.Cap(), 0)
	settled, releaseSettled := root.Settle(ctx, func(p interop.Factory_settle_Params) error {
		p.SetKind(1)
		return p.SetCap(newEcho())
	})
	defer releaseSettled()
	if _, err := settled.Struct(); err != nil {
		return err
	}
	return orders{first, order(ctx, future.Cap(), 1)}.wait()
}

func fillAll(p interop.Echo_all_Params) error {
	v, err := p.NewV()
	if err != nil {
		return err
	}
	bools, err := v.NewBools(9)
	if err != nil {
		return err
	}
	bools.Set(8, true)
	v.SetF64(2.5)
	v.Inner().SetDefault(true)
	return errors.Join(v.SetText("from go"), v.SetWord("member"), v.SetEcho(newEcho()))
}

func all(ctx context.Context, root interop.Factory) error {
	future, release := root.All(ctx, fillAll)
	defer release()
	results, err := future.Struct()
	if err != nil {
		return err
	}
	v, err := results.V()
	if err != nil {
		return err
	}
	text, _ := v.Text()
	bools, _ := v.Bools()
	word, _ := v.Word()
	data, _ := v.Data()
	if text != "from go" || !bools.At(8) || v.F64() != 2.5 || v.I8() != -128 || !v.Inner().Default() ||
		word != "member" || len(data) != 3 || !v.HasEcho() {
		return errors.New("another object came back")
	}
	return nil
}

func fail(ctx context.Context, root interop.Factory) error {
	future, release := root.Fail(ctx, func(p interop.Echo_fail_Params) error {
		p.SetType(1)
		return p.SetText("because")
	})
	defer release()
	_, err := future.Struct()
	if err == nil || exc.TypeOf(err) != exc.Overloaded || !strings.Contains(err.Error(), "because") {
		return fmt.Errorf("another failure: %w", err)
	}
	return nil
}

func cancel(ctx context.Context, root interop.Factory) error {
	for n := 0; n < 10; n++ {
		_, release := root.Never(ctx, func(p interop.Echo_never_Params) error { return p.SetCap(newEcho()) })
		if err := ping(ctx, root); err != nil {
			return err
		}
		release()
	}
	return ping(ctx, root)
}

func stream(ctx context.Context, root interop.Factory) error {
	future, release := root.Sink(ctx, nil)
	defer release()
	sink := future.Sink()
	for n := 0; n < 64; n++ {
		err := sink.Write(ctx, func(p interop.Sink_write_Params) error { return p.SetChunk(make([]byte, 16384)) })
		if err != nil {
			return err
		}
	}
	if err := sink.WaitStreaming(); err != nil {
		return err
	}
	done, releaseDone := sink.Done(ctx, nil)
	defer releaseDone()
	results, err := done.Struct()
	if err == nil && results.Bytes() != 64*16384 {
		err = fmt.Errorf("%d bytes arrived", results.Bytes())
	}
	return err
}

func tail(ctx context.Context, root interop.Factory) error {
	future, release := root.Tail(ctx, func(p interop.Factory_tail_Params) error {
		p.SetExpected(0)
		return p.SetTarget(newEcho())
	})
	defer release()
	_, err := future.Struct()
	return err
}

func drive(path, scenario string) error {
	scenarios := map[string]func(context.Context, interop.Factory) error{
		"ping": ping, "pipeline": pipeline, "embargo": embargo, "promise": promise, "all": all, "fail": fail,
		"cancel": cancel, "stream": stream, "tail": tail,
	}
	socket, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	connection := rpc.NewConn(rpc.NewStreamTransport(socket), nil)
	root := interop.Factory(connection.Bootstrap(ctx))
	err = scenarios[scenario](ctx, root)
	if err == nil {
		err = ping(ctx, root)
	}
	root.Release()
	connection.Close()
	return err
}

func main() {
	if len(os.Args) < 3 || !strings.HasPrefix(os.Args[2], "unix:") {
		fmt.Fprintln(os.Stderr, "usage: peer {serve|drive} unix:PATH [SCENARIO]")
		os.Exit(2)
	}
	path := strings.TrimPrefix(os.Args[2], "unix:")
	if os.Args[1] == "serve" {
		fmt.Fprintln(os.Stderr, serve(path))
		os.Exit(1)
	}
	if err := drive(path, os.Args[3]); err != nil {
		fmt.Printf("{\"scenario\": %q, \"ok\": false, \"why\": %q}\n", os.Args[3], err.Error())
		os.Exit(1)
	}
	fmt.Printf("{\"scenario\": %q, \"ok\": true}\n", os.Args[3])
}
