//! Answers in hex, by what gives them.

/// The answers of one curve.
#[derive(Clone, Copy)]
pub(super) struct CurveAnswers {
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub(super) public_key_hash: &'static str,
    /// A signature in DER.
    pub(super) signature: &'static str,
    /// Empty for a curve without key agreement.
    pub(super) shared_secret: &'static str,
}

pub(super) const RSA_PKCS1: &str = concat!(
    "215e5636a6c56a4a1a15513b223c46c244a9ede7156522a7ce26011bc598ae9fb127bf98c5d21e729073a49f81ecbbbd",
    "76ac5f94a45b6eda8747886c6641c4e51d047534ec1ae29d37cb5da9a8784b938e396564ac50d87dae9e5a0c505f3fdc",
    "2c50ec394d02fdd6361540a52553e69b37957c4284308a517deb4ffd8bcf186f7a95c95049ed9e4703dd34d48057a728",
    "bf77ed08a5c18443ddb233096d4a94133f04d2e2176ea8ed5cd194c67d1a92ad78ed4a9a54ceaa9f067ec251f5f0cf56",
    "d59d54dc708b9d41b3ddbeaa4a00f609ea09d7d5a3d62bb684c4fbe304e966cf13672aa9cc145f3616f734f577c3062e",
    "fe922095732bb962066f5d2e5386ac54",
);
pub(super) const RSA_PSS: &str = concat!(
    "618226301326788897b34132876b5ffc1171d68465eecadfe92760e825344339f88f9df64355bed4d23259675ededcae",
    "634d3a77f55940d08d4bc993788bed30e16891cbae3e7bdee52d90b44a6e5fe9348c7a1ef48fbd419f62ae253492d129",
    "fba4310a65a87e7c8dba03074135ee2552c1a1a011cbf20f8aa00d1a06bfad6a4677b4de2e5d3bf40973c4b81ae32526",
    "1a02b3ee93281bfe9c1a3fa2edeb35a2223fa8cf82cad7e4b892275169102754a85145bb2eec94946caa46ff59f78825",
    "4a1ca00278a90e29f98e91917f46430ae2956601014bc3906fd4f7fb34139884eca1690d5396c2793e107664c733ded6",
    "c4fe672b289da530461d922db4c74933",
);
pub(super) const RSA_OAEP_SHA_1: &str = concat!(
    "0780e9819889c00c97a652d5cd37d18fd88b26397fef09b4dd2cee1ca036e719069d5a46e0e9feffffdb56e1b5567f8d",
    "22d86e624d12b43abddc3d9f3d8603334ecaff183fbea2d0908bab7f49c2e43107cf6be1d6465f6e3330d8d16f8c2223",
    "aa87eab58c019f10437f9585da19da6fa8ffb59a8f1ce6c3875db9678f48b37b21f6b50c5098cc4f477dd3a51f65cb95",
    "9c70c1a5c52cf2494f04d1d2b30f863ce9fd6660f74b27c5e01fcd35fe860525789801ed8d35a035e1778d902a2cab1a",
    "5b87d2068a4231865ecac732895e2fb4f5cfbf9b7ba48b0f207f9f7371c632bd6a32cba4fe24a38b263deb8de3128d97",
    "d86b2782ae69c7cfb8dd9d2b41e803df",
);
pub(super) const RSA_OAEP_SHA_256: &str = concat!(
    "0f9aa671fa1b85594ba1f7779423005afd561fea6fe95a47722b726e2d2a4c1cd01779a0afad4bb9c24dda8ebcb0eff7",
    "b58ea78896dfdd3d91d62243ed49c889d69487c7476bc4097dcaecfc3cbadaeb3e9bb19a53e25d0b1db4d79a42a1a229",
    "8359445dadae754e8b8d705864abf0390c0bffd853125bc4d311b54705400ff3ce412055e2736fdcb0163e71a59ec67e",
    "9d43ee9508385c04af228eee69ab1a1916014162ecd4323ce44d2457daf3f8e0e7ba56e62ed1acafacec66290d128603",
    "e33ae09c97deaeacc26f027cbfb54b47fceedf2b8ae869839341d7fb578060caec2f2485c9aff884fc6b0c40d60fb2af",
    "f7530358464660365a8df25175f00855",
);
pub(super) const ED25519PH: &str = concat!(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aa",
    "a10b8c61e636062aaad11c2a26083406",
);
pub(super) const P256: CurveAnswers = CurveAnswers {
    public_key_hash: "f1d59449b727165de732bf283338122b99628a615918fedc67d878fffcf47da7",
    signature: concat!(
        "30460221008824819c71e8d955fdc2785f6cae37aea6aef207a585536a12cfd9e966e8b6bd022100dafd540d34106428",
        "eec80057200eecd871a4c98f9e27081141dedc5a11a7836b",
    ),
    shared_secret: "44c59af08e6bf0496ce2a9233289432dcb208300e97aba65e871603df2b86b3b",
};
pub(super) const P384: CurveAnswers = CurveAnswers {
    public_key_hash: "6e3046e17105f73a712cc80d36b3c33a9338f21be61bffd2cc057f30b1ac8f2c",
    signature: concat!(
        "3064023009ae46c3c2a3f0b9c1b768e19eceddd7da69cdc5c27d63df535668735dbdfd504207b0943509a6c1ab0535e1",
        "0503f14f0230636a46bac5271d6a11bfd8ada9c70e42145d720cfcddf0e4c08b55fa46f84aea13ceedc48facbc3984a4",
        "3b8a5e4d2f90",
    ),
    shared_secret: "ada7cca7b7a20009fa934f373d1f40515524caa1a6c01cbf21f393997fe314ebef5803c9ad1ac37646ed9c6d8c3c9629",
};
pub(super) const P521: CurveAnswers = CurveAnswers {
    public_key_hash: "80362f41c8c4965c195e8b06bde637954894e5589223766d9bea476e733fd850",
    signature: concat!(
        "30818802420196fa91d82ec0e5caa31cf22b5ff0105b94ab76b87cd908d151cf2a1e946c02156aecfadd625ac0a0cbdc",
        "b1fc79cf9890ae2d7ee749aa209e4cf6b4efcdc3e13ce60242016601bb3c8b934e941139462afcdd3064137c986bd4f9",
        "ea47c8a51b8d99c799cf6dfba4270540511a9540adbdbf502c3418a0ba9bac099ccbb1d4425b0c6b1fbe79",
    ),
    shared_secret: concat!(
        "0045aa77c190822a31d1108d9168896f3e9c51357b8d433f09ae64c4a8b13005d12510599effadfa0126fdbcd2c58aaa",
        "0b5a49c01c1312a6c8813f9e122a08a15f44",
    ),
};
pub(super) const P256K1: CurveAnswers = CurveAnswers {
    public_key_hash: "f79769ad521add48e80320a22c37dd1f4885012dc0ad82d945f62dad654d3050",
    signature: concat!(
        "3046022100cd926771e599a1848aeec07d5b7fe5a3e95cf7fef76d94bb8cc233518a4cee41022100b179e191fa76d94e",
        "0b41f4bd2f6e0b94e88824c4f005dca647d232522873c57a",
    ),
    shared_secret: "",
};
/// SHA-256 of the public key and of the signature.
pub(super) const ML_DSA_44: (&str, &str) = (
    "837832708c5236d951581f1fddf2b79991b3424a0486d16da1ddad0fd69701be",
    "150c1aeddb08fabc4c4005ce55a21944fec2495eed9223a39f77203447a8d66c",
);
pub(super) const ML_DSA_65: (&str, &str) = (
    "b8b62131bfbe84433efb2273d7f5b87f7a22854a2cfd366fc2aead86d837c52d",
    "03e40b1056d5db903483e38299ca2a9feca8fbe5eaad1ed146175c5c2051d672",
);
pub(super) const ML_DSA_87: (&str, &str) = (
    "07e57c4f14dbad1267f621ec3777b4e2e6c4fbc4c22fbb87510ff8e0b3c6a642",
    "bd8c204295e947b1dbce2b4ac163b95975cd38e1cac204858c04aa46a012cbc8",
);
/// SHA-256 of the public key, and of ciphertext and secret.
pub(super) const ML_KEM_512: (&str, &str) = (
    "0e3c8b89b54202d2545f7aba2e2aaa3cffa7b6191919ad738fab35b4f313cf71",
    "7771901281f911cf9e70844725ae6a52c620aaf6340e2ff80957580a53eafce3",
);
pub(super) const ML_KEM_768: (&str, &str) = (
    "c23e23dd3d485a9256cda09358a4a286e00b373db10761eadf99f710649ca31c",
    "1e2af351cdd1fe9814745cec009a727ddb1956a031758b77eec6a02858b497a1",
);
pub(super) const ML_KEM_1024: (&str, &str) = (
    "d2b7480ae006a14b37c1e8a8e45ea39022e32a9b1a7b90d594c84d869c6ac420",
    "47c83e11eff21d84efe2ae7b8f046d1fb1b92e345d63e2fcc103a96bfd01b9e6",
);
