//! ww-peer rows CALLS HELLO   prints "NAME NANOSECONDS" for every row of calls and spawns
//! ww-peer cat CAT            runs the component on this process's stdin and stdout, prints the row on stderr
mod calls;
mod command;
mod measure;

use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result};

/// Pooling with everything that makes a spawn cheaper: slots stay resident, and nothing is interrupted.
fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::default();
    pool.linear_memory_keep_resident(256 << 10).table_keep_resident(16 << 10).max_unused_warm_slots(100);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let engine = engine()?;
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rows", calls, hello] => {
            calls::run(&engine, &Component::from_file(&engine, calls)?)?;
            command::spawn(&engine, &Component::from_file(&engine, hello)?)
        }
        ["cat", cat] => command::cat(&engine, &Component::from_file(&engine, cat)?),
        _ => wasmtime::bail!("usage: ww-peer rows CALLS HELLO | ww-peer cat CAT"),
    }
}
