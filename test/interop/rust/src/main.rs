// The Rust side of the interop tests: peer {serve|drive} unix:PATH SCENARIO. Prints one JSON line; exit status 0 for ok.
#[allow(clippy::all, dead_code, unused)]
mod interop_capnp {
    include!(concat!(env!("OUT_DIR"), "/interop_capnp.rs"));
}

use capnp::capability::{FromClientHook, Rc};
use capnp::{Error, ErrorKind};
use capnp_rpc::{new_client, new_future_client, rpc_twoparty_capnp::Side, twoparty::VatNetwork, RpcSystem};
use futures::channel::oneshot;
use interop_capnp::{echo, factory, sink};
use std::cell::{Cell, RefCell};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

type Done = Result<(), Error>;

#[derive(Default)]
struct Sink {
    bytes: Cell<u64>,
}

impl sink::Server for Sink {
    async fn write(self: Rc<Self>, params: sink::WriteParams) -> Done {
        let size = params.get()?.get_chunk()?.len() as u64;
        self.bytes.set(self.bytes.get() + size);
        Ok(())
    }
    async fn done(self: Rc<Self>, _: sink::DoneParams, mut results: sink::DoneResults) -> Done {
        results.get().set_bytes(self.bytes.get());
        Ok(())
    }
}

#[derive(Default)]
struct Factory {
    count: Cell<u32>,
    held: RefCell<Option<echo::Client>>,
    settle: RefCell<Option<oneshot::Sender<Result<echo::Client, Error>>>>,
}

fn new_factory() -> factory::Client {
    new_client(Factory::default())
}

fn new_echo() -> echo::Client {
    new_factory().cast_to()
}

async fn order_of(cap: echo::Client, expected: u32) -> Result<u32, Error> {
    let mut request = cap.order_request();
    request.get().set_expected(expected);
    Ok(request.send().promise.await?.get()?.get_n())
}

impl echo::Server for Factory {
    async fn ping(self: Rc<Self>, params: echo::PingParams, mut results: echo::PingResults) -> Done {
        results.get().set_n(params.get()?.get_n());
        Ok(())
    }
    async fn blob(self: Rc<Self>, params: echo::BlobParams, mut results: echo::BlobResults) -> Done {
        let d = params.get()?.get_d()?;
        results.get().set_len(d.len() as u32);
        results.get().set_sum(d.iter().step_by(64).map(|b| *b as u32).sum());
        Ok(())
    }
    async fn back(self: Rc<Self>, params: echo::BackParams, mut results: echo::BackResults) -> Done {
        let len = params.get()?.get_len();
        results.get().init_d(len).fill(0x5a);
        Ok(())
    }
    async fn all(self: Rc<Self>, params: echo::AllParams, mut results: echo::AllResults) -> Done {
        results.get().set_v(params.get()?.get_v()?)
    }
    async fn fail(self: Rc<Self>, params: echo::FailParams, _: echo::FailResults) -> Done {
        let params = params.get()?;
        let kind = match params.get_type() {
            1 => ErrorKind::Overloaded,
            2 => ErrorKind::Disconnected,
            3 => ErrorKind::Unimplemented,
            _ => ErrorKind::Failed,
        };
        Err(Error { kind, extra: params.get_text()?.to_string()? })
    }
    async fn never(self: Rc<Self>, _params: echo::NeverParams, _: echo::NeverResults) -> Done {
        futures::future::pending().await
    }
    async fn order(self: Rc<Self>, params: echo::OrderParams, mut results: echo::OrderResults) -> Done {
        let expected = params.get()?.get_expected();
        let n = self.count.replace(self.count.get() + 1);
        if n != expected {
            return Err(Error::failed(format!("call {expected} came as {n}")));
        }
        results.get().set_n(n);
        Ok(())
    }
    async fn make(self: Rc<Self>, _: echo::MakeParams, mut results: echo::MakeResults) -> Done {
        results.get().set_cap(new_echo());
        Ok(())
    }
    async fn take(self: Rc<Self>, _: echo::TakeParams, _: echo::TakeResults) -> Done {
        Ok(())
    }
    async fn swap(self: Rc<Self>, params: echo::SwapParams, mut results: echo::SwapResults) -> Done {
        results.get().set_cap(params.get()?.get_cap()?);
        Ok(())
    }
}

impl factory::Server for Factory {
    async fn counts(self: Rc<Self>, _: factory::CountsParams, _: factory::CountsResults) -> Done {
        Ok(())
    }
    async fn hold(self: Rc<Self>, params: factory::HoldParams, _: factory::HoldResults) -> Done {
        *self.held.borrow_mut() = Some(params.get()?.get_cap()?);
        Ok(())
    }
    async fn held(self: Rc<Self>, _: factory::HeldParams, mut results: factory::HeldResults) -> Done {
        if let Some(cap) = &*self.held.borrow() {
            results.get().set_cap(cap.clone());
        }
        Ok(())
    }
    async fn promise(self: Rc<Self>, _: factory::PromiseParams, mut results: factory::PromiseResults) -> Done {
        let (settle, settled) = oneshot::channel();
        *self.settle.borrow_mut() = Some(settle);
        results.get().set_cap(new_future_client(async move {
            settled.await.unwrap_or_else(|_| Err(Error::failed("never settled".into())))
        }));
        Ok(())
    }
    async fn settle(self: Rc<Self>, params: factory::SettleParams, _: factory::SettleResults) -> Done {
        let params = params.get()?;
        let outcome = match params.get_kind() {
            0 => Ok(new_echo()),
            1 => params.get_cap(),
            _ => Err(Error::failed("settled badly".into())),
        };
        if let Some(settle) = self.settle.borrow_mut().take() {
            let _ = settle.send(outcome);
        }
        Ok(())
    }
    async fn tail(self: Rc<Self>, params: factory::TailParams, mut results: factory::TailResults) -> Done {
        let params = params.get()?;
        results.get().set_n(order_of(params.get_target()?, params.get_expected()).await?);
        Ok(())
    }
    async fn sink(self: Rc<Self>, _: factory::SinkParams, mut results: factory::SinkResults) -> Done {
        results.get().set_sink(new_client(Sink::default()));
        Ok(())
    }
}

fn network(stream: UnixStream, side: Side) -> Box<VatNetwork<impl futures::io::AsyncRead + Unpin>> {
    let (reader, writer) = stream.into_split();
    Box::new(VatNetwork::new(reader.compat(), writer.compat_write(), side, Default::default()))
}

async fn serve(path: &str) -> Done {
    let listener = UnixListener::bind(path)?;
    println!("ready unix:{path}");
    loop {
        let (stream, _) = listener.accept().await?;
        let system = RpcSystem::new(network(stream, Side::Server), Some(new_factory().client));
        tokio::task::spawn_local(async move {
            if let Err(e) = system.await {
                eprintln!("{e}");
            }
        });
    }
}

fn echo_of(root: &factory::Client) -> echo::Client {
    root.clone().cast_to()
}

fn check(ok: bool, what: &str) -> Done {
    if ok { Ok(()) } else { Err(Error::failed(what.to_string())) }
}

async fn ping(root: &factory::Client, n: u64) -> Done {
    let mut request = echo_of(root).ping_request();
    request.get().set_n(n);
    check(request.send().promise.await?.get()?.get_n() == n, "another number came back")
}

async fn pipeline(root: &factory::Client) -> Done {
    let made = echo_of(root).make_request().send().pipeline.get_cap();
    let orders: Vec<_> = (0..5).map(|i| order_of(made.clone(), i)).collect();
    for (i, order) in orders.into_iter().enumerate() {
        check(order.await? == i as u32, "out of order")?;
    }
    Ok(())
}

async fn embargo(root: &factory::Client) -> Done {
    let mut request = echo_of(root).swap_request();
    request.get().set_cap(new_echo());
    let swap = request.send();
    let back: echo::Client = swap.pipeline.get_cap();
    let send = |i: u32| {
        let mut order = back.order_request();
        order.get().set_expected(i);
        order.send().promise
    };
    let mut orders: Vec<_> = (0..3).map(send).collect();
    swap.promise.await?;
    orders.extend((3..6).map(send));
    for (i, order) in orders.into_iter().enumerate() {
        check(order.await?.get()?.get_n() == i as u32, "out of order")?;
    }
    Ok(())
}

async fn promise(root: &factory::Client) -> Done {
    let cap = root.promise_request().send().pipeline.get_cap();
    let mut first = cap.order_request();
    first.get().set_expected(0);
    let first = first.send().promise;
    let mut settle = root.settle_request();
    settle.get().set_kind(1);
    settle.get().set_cap(new_echo());
    settle.send().promise.await?;
    first.await?;
    check(order_of(cap, 1).await? == 1, "out of order")
}

async fn all(root: &factory::Client) -> Done {
    let mut request = echo_of(root).all_request();
    let mut v = request.get().init_v();
    v.set_text("from rust");
    v.reborrow().init_bools(9).set(8, true);
    v.set_f64(2.5);
    v.reborrow().get_inner().set_default(true);
    v.set_word("member");
    v.set_echo(new_echo());
    let answer = request.send().promise.await?;
    let back = answer.get()?.get_v()?;
    check(back.get_text()?.to_str()? == "from rust", "text")?;
    check(back.get_bools()?.get(8) && back.get_f64() == 2.5 && back.get_i8() == -128, "numbers")?;
    check(back.get_inner().get_default() && back.get_data()?.len() == 3 && back.has_echo(), "the rest")
}

async fn fail(root: &factory::Client) -> Done {
    let mut request = echo_of(root).fail_request();
    request.get().set_type(1);
    request.get().set_text("because");
    match request.send().promise.await {
        Ok(_) => Err(Error::failed("did not fail".into())),
        Err(e) => check(e.kind == ErrorKind::Overloaded && e.extra.contains("because"), &e.extra),
    }
}

async fn cancel(root: &factory::Client) -> Done {
    for i in 0..10 {
        let mut request = echo_of(root).never_request();
        request.get().set_cap(new_echo());
        let pending = request.send();
        ping(root, i).await?;
        drop(pending);
    }
    ping(root, 7).await
}

async fn stream(root: &factory::Client) -> Done {
    let sink = root.sink_request().send().pipeline.get_sink();
    for _ in 0..64 {
        let mut request = sink.write_request();
        request.get().init_chunk(16384);
        request.send().await?;
    }
    check(sink.done_request().send().promise.await?.get()?.get_bytes() == 64 * 16384, "bytes are missing")
}

async fn tail(root: &factory::Client) -> Done {
    let mut request = root.tail_request();
    request.get().set_target(new_echo());
    request.get().set_expected(0);
    check(request.send().promise.await?.get()?.get_n() == 0, "out of order")
}

async fn drive(path: &str, scenario: &str) -> Done {
    let socket = UnixStream::connect(path).await?;
    let mut system = RpcSystem::new(network(socket, Side::Client), None);
    let root: factory::Client = system.bootstrap(Side::Server);
    let disconnector = system.get_disconnector();
    tokio::task::spawn_local(system);
    match scenario {
        "ping" => {
            for i in 0..100 {
                ping(&root, i).await?;
            }
        }
        "pipeline" => pipeline(&root).await?,
        "embargo" => embargo(&root).await?,
        "promise" => promise(&root).await?,
        "all" => all(&root).await?,
        "fail" => fail(&root).await?,
        "cancel" => cancel(&root).await?,
        "stream" => stream(&root).await?,
        "tail" => tail(&root).await?,
        _ => return Err(Error::failed("no such scenario".into())),
    }
    ping(&root, 1).await?;
    drop(root);
    disconnector.await
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.get(1).and_then(|a| a.strip_prefix("unix:"));
    let (Some(command), Some(path)) = (arguments.first(), path) else {
        eprintln!("usage: ww-interop-rust {{serve|drive}} unix:PATH [SCENARIO]");
        std::process::exit(2);
    };
    let scenario = arguments.get(2).map_or("", |s| s);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, async {
        match command.as_str() {
            "serve" => serve(path).await,
            _ => drive(path, scenario).await,
        }
    });
    match &outcome {
        Ok(()) => println!("{{\"scenario\": \"{scenario}\", \"ok\": true}}"),
        Err(e) => println!("{{\"scenario\": \"{scenario}\", \"ok\": false, \"why\": \"{}\"}}", e.extra),
    }
    std::process::exit(outcome.is_err() as i32);
}
