//! ww-componentize: the one tool of this project that speaks the component encoding from the producer's side.
//!
//!   ww-componentize new CORE OUT [--wit DIR --world NAME] [--reactor]
//!       a core module becomes a component; the preview1 adapter joins when the module imports it
//!   ww-componentize json DIR
//!       every package below DIR, resolved, as JSON on stdout
use anyhow::{bail, Context, Result};
use std::path::Path;
use wasmparser::{Parser, Payload};
use wasi_preview1_component_adapter_provider as adapter;
use wit_component::{embed_component_metadata, ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

const USAGE: &str = "usage: ww-componentize new CORE OUT [--wit DIR --world NAME] [--reactor]\n       ww-componentize json DIR";

fn imports_preview1(module: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ImportSection(section) = payload? else { continue };
        for import in section.into_imports() {
            if import?.module == adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

struct New<'a> {
    core: &'a str,
    out: &'a str,
    wit: Option<&'a str>,
    world: Option<&'a str>,
    reactor: bool,
}

impl<'a> New<'a> {
    fn parse(args: &'a [String]) -> Result<Self> {
        let [core, out, options @ ..] = args else { bail!(USAGE) };
        let mut new = New { core, out, wit: None, world: None, reactor: false };
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            match option.as_str() {
                "--wit" => new.wit = Some(rest.next().context(USAGE)?),
                "--world" => new.world = Some(rest.next().context(USAGE)?),
                "--reactor" => new.reactor = true,
                _ => bail!(USAGE),
            }
        }
        Ok(new)
    }

    fn run(&self) -> Result<()> {
        let mut module = std::fs::read(self.core).with_context(|| format!("cannot read {}", self.core))?;
        if let Some(dir) = self.wit {
            let mut resolve = Resolve::default();
            let (id, _) = resolve.push_path(Path::new(dir))?;
            let world = resolve.select_world(&[id], self.world)?;
            embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        }
        let preview1 = if self.reactor {
            adapter::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
        } else {
            adapter::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
        };
        let mut encoder = ComponentEncoder::default().module(&module)?.validate(true);
        if imports_preview1(&module)? {
            encoder = encoder.adapter(adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, preview1)?;
        }
        let component = encoder.encode()?;
        std::fs::write(self.out, component).with_context(|| format!("cannot write {}", self.out))
    }
}

fn print_json(dir: &str) -> Result<()> {
    let mut resolve = Resolve::default();
    resolve.push_path(Path::new(dir))?;
    println!("{}", serde_json::to_string(&resolve)?);
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["new", ..] => New::parse(&args[1..])?.run(),
        ["json", dir] => print_json(dir),
        _ => bail!(USAGE),
    }
}
