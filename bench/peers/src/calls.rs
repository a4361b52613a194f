//! Calls of typed host functions, made by `bindgen!`. What a guest writes arrives as a `Vec<u8>` that the host keeps by
//! move; what it reads is a `Vec<u8>` cut from the host's own block.
use crate::measure::row;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Result, Store};

mod blocking {
    wasmtime::component::bindgen!({ path: "../wit", world: "calls" });
}

mod suspending {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "calls",
        imports: { default: async },
        exports: { default: async },
    });
}

/// Some processors copy twenty times slower to 16 bytes behind the source, modulo a page, which is where malloc puts a
/// second large block. So the block is a page larger, and is read from elsewhere in its page.
const BLOCK: usize = 68 << 10;
const SKEW: usize = 1 << 10;

struct Host {
    kept: Vec<u8>,
    block: Vec<u8>,
}

impl Host {
    fn new() -> Self {
        Host { kept: Vec::new(), block: vec![7; BLOCK] }
    }
}

impl blocking::ww::bench::host::Host for Host {
    fn empty(&mut self) {}

    fn write(&mut self, data: Vec<u8>) {
        self.kept = data;
    }

    fn read(&mut self, size: u32) -> Vec<u8> {
        self.block[SKEW..][..size as usize].to_vec()
    }

    fn suspend(&mut self) {}
}

impl suspending::ww::bench::host::Host for Host {
    async fn empty(&mut self) {}

    async fn write(&mut self, data: Vec<u8>) {
        self.kept = data;
    }

    async fn read(&mut self, size: u32) -> Vec<u8> {
        self.block[SKEW..][..size as usize].to_vec()
    }

    async fn suspend(&mut self) {
        let mut suspended = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut suspended, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

/// The cheapest executor there is: asks again at once.
fn poll_until_ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

fn run_blocking(engine: &Engine, component: &Component) -> Result<()> {
    let mut linker = Linker::new(engine);
    blocking::ww::bench::host::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    let mut store = Store::new(engine, Host::new());
    let guest = blocking::Calls::instantiate(&mut store, component, &linker)?;
    row("call_empty", 200_000, |count| guest.call_call_empty(&mut store, count))?;
    for (name, size, count) in [("64", 64, 100_000), ("4k", 4 << 10, 50_000), ("64k", 64 << 10, 2_000)] {
        row(&format!("write_{name}"), count, |count| guest.call_call_write(&mut store, count, size))?;
        row(&format!("read_{name}"), count, |count| guest.call_call_read(&mut store, count, size))?;
    }
    Ok(())
}

fn run_suspending(engine: &Engine, component: &Component) -> Result<()> {
    let mut linker = Linker::new(engine);
    suspending::ww::bench::host::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    let mut store = Store::new(engine, Host::new());
    let guest = poll_until_ready(suspending::Calls::instantiate_async(&mut store, component, &linker))?;
    row("suspend_resume", 50_000, |count| poll_until_ready(guest.call_call_suspend(&mut store, count)))
}

pub fn run(engine: &Engine, component: &Component) -> Result<()> {
    run_blocking(engine, component)?;
    run_suspending(engine, component)
}
