fn main() {
    capnpc::CompilerCommand::new()
        .src_prefix("..")
        .file("../interop.capnp")
        .run()
        .expect("the schema compiler");
}
