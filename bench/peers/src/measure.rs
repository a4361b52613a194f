//! The same rule as in ww's own benchmarks: a row is the best of many short rounds, so that whatever else the machine
//! does spoils only some of them.
use std::time::Instant;
use wasmtime::Result;

const ROUNDS: u32 = 50;

/// Runs `round(count)` many times and prints the time of one of its `count` turns in the best round.
pub fn row(name: &str, count: u32, mut round: impl FnMut(u32) -> Result<()>) -> Result<()> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round(count)?;
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(count));
    }
    println!("{name} {best:.1}");
    Ok(())
}
