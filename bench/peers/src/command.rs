//! Whole programs on `wasmtime-wasi`, in the blocking form, which needs no executor.
use crate::measure::row;
use std::fs::File;
use std::os::fd::AsFd;
use std::time::Instant;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::cli::{InputFile, OutputFile};
use wasmtime_wasi::p2::bindings::sync::CommandPre;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

fn prepare(engine: &Engine, component: &Component) -> Result<CommandPre<Host>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    CommandPre::new(linker.instantiate_pre(component)?)
}

fn run(engine: &Engine, program: &CommandPre<Host>, wasi: WasiCtx) -> Result<()> {
    let mut store = Store::new(engine, Host { wasi, table: ResourceTable::new() });
    let ended = program.instantiate(&mut store)?.wasi_cli_run().call_run(&mut store)?;
    ended.map_err(|()| wasmtime::format_err!("the guest failed"))
}

/// From a fresh store to the guest's end and the store's, output to /dev/null.
pub fn spawn(engine: &Engine, component: &Component) -> Result<()> {
    let program = prepare(engine, component)?;
    let null = OutputFile::new(File::options().write(true).open("/dev/null")?);
    row("spawn_hello", 300, |count| {
        for _ in 0..count {
            run(engine, &program, WasiCtx::builder().arg("main.wasm").stdout(null.clone()).build())?;
        }
        Ok(())
    })
}

/// Streams that block directly on the descriptors: faster than the inherited ones, which lock, buffer and copy.
pub fn cat(engine: &Engine, component: &Component) -> Result<()> {
    let program = prepare(engine, component)?;
    let stdin = InputFile::new(std::io::stdin().as_fd().try_clone_to_owned()?.into());
    let stdout = OutputFile::new(std::io::stdout().as_fd().try_clone_to_owned()?.into());
    let start = Instant::now();
    run(engine, &program, WasiCtx::builder().arg("cat").stdin(stdin).stdout(stdout).build())?;
    eprintln!("cat {}", start.elapsed().as_nanos());
    Ok(())
}
