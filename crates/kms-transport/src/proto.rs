//! Generated messages, clients and servers of `proto/`.

macro_rules! generated {
    ($(#[$doc:meta])* $vis:vis $name:ident, $file:literal) => {
        $(#[$doc])*
        #[allow(
            missing_docs,
            unreachable_pub,
            clippy::all,
            clippy::allow_attributes_without_reason,
            reason = "generated code"
        )]
        $vis mod $name {
            include!(concat!(env!("OUT_DIR"), "/", $file));
        }
    };
}

generated! {
    /// Between the nodes of one Region.
    pub(crate) raft, "kms.raft.v1.rs"
}
generated! {
    /// Between Regions.
    pub(crate) region, "kms.region.v1.rs"
}
generated! {
    /// For operators.
    pub admin, "kms.admin.v1.rs"
}
