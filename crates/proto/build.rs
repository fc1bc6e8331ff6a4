//! Generates the gRPC code from `proto/` with a compiler written in Rust, so that no `protoc` is needed.

use std::path::Path;

type Failure = Box<dyn std::error::Error>;

const FOLDER: &str = "../../proto";
const FILES: [&str; 6] = [
    "tributary/v1/analytics.proto",
    "tributary/v1/handover.proto",
    "tributary/v1/identity.proto",
    "tributary/v1/knowledge.proto",
    "tributary/v1/leads.proto",
    "tributary/v1/routing.proto",
];

fn main() -> Result<(), Failure> {
    for file in FILES {
        println!("cargo:rerun-if-changed={FOLDER}/{file}");
    }
    let mut compiler = protox::Compiler::new([FOLDER])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();

    // The set that reflection serves goes without source info, which is half of its size.
    compiler.include_source_info(false);
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for build scripts")?;
    std::fs::write(Path::new(&out).join("tributary.v1.bin"), compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure().emit_rerun_if_changed(false).compile_fds(descriptors)?;
    Ok(())
}
