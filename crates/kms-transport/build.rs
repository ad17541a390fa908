//! Compiles the protocols in `proto/` without protoc.

use std::{error::Error, path::Path};

const PROTOS: [&str; 3] =
    ["kms/raft/v1/raft.proto", "kms/region/v1/region.proto", "kms/admin/v1/admin.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../../proto");
    for proto in PROTOS {
        println!("cargo:rerun-if-changed={}", root.join(proto).display());
    }
    let descriptors = protox::compile(PROTOS.map(|proto| root.join(proto)), [root])?;
    // Chunks and entries are handed on, not copied.
    tonic_prost_build::configure().bytes(".kms.raft.v1").bytes(".kms.region.v1").compile_fds(descriptors)?;
    Ok(())
}
