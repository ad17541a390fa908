//! Names the configuration under which tokio lets its own random numbers be seeded (docs/adr/0020-simulation.md).

fn main() {
    println!("cargo::rustc-check-cfg=cfg(tokio_unstable)");
    println!("cargo::rerun-if-changed=build.rs");
}
