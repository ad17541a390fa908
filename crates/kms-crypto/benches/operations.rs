//! What each cryptographic operation costs: medians in nanoseconds, as a table with ratios to sealing 64 bytes.
//!
//! `cargo bench -p kms-crypto` measures the release profile; one argument keeps the rows whose name contains it.

use kms_crypto::{
    DomainKey, EnvelopeBinding, KeyMaterial, ReceiverKey, SealRequest, ciphertext, cms, commitment,
    import::{ImportTerms, WrappingKey},
    kem, key_pair, mac, material_id, rsa_oaep, seal_envelope,
    signature::{self, Message},
};
use kms_types::{
    DataKeyPairSpec, DeploymentId, EncapsulationAlgorithm, EncryptionAlgorithm, EncryptionContext, Entropy,
    Epoch, Incarnation, KeyAgreementAlgorithm, KeyId, KeyIdKind, KeySpec, KeyUsage, MessageType,
    RecordVersion, SigningAlgorithm, Timestamp, WrappingAlgorithm, WrappingKeySpec,
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use std::{
    cell::RefCell,
    hint::black_box,
    time::{Duration, Instant},
};

type Failure = Box<dyn std::error::Error>;

struct Seeded(ChaCha20Rng);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// The rows measured so far, and which are wanted.
struct Table {
    filter: Option<String>,
    entropy: RefCell<Seeded>,
    rows: Vec<(String, u64)>,
}

const ROW_TIME: Duration = Duration::from_millis(400);
const BATCH_TIME: Duration = Duration::from_micros(50);
const LEAST_SAMPLES: usize = 5;
const MOST_SAMPLES: usize = 2000;
const BASE: &str = "SYMMETRIC_DEFAULT seal 64 bytes";

impl Table {
    /// Measures batches of at least [`BATCH_TIME`] for [`ROW_TIME`] and keeps the median of their means.
    fn row(&mut self, name: &str, mut operation: impl FnMut(&mut Seeded)) {
        if self.filter.as_ref().is_some_and(|filter| !name.contains(filter) && name != BASE) {
            return;
        }
        let mut entropy = self.entropy.borrow_mut();
        let once = time(1, &mut || operation(&mut entropy));
        let batch = u32::try_from(BATCH_TIME.as_nanos() / once.as_nanos().max(1)).unwrap_or(1).max(1);
        let (mut samples, mut spent) = (Vec::new(), Duration::ZERO);
        while samples.len() < LEAST_SAMPLES || (spent < ROW_TIME && samples.len() < MOST_SAMPLES) {
            let taken = time(batch, &mut || operation(&mut entropy));
            spent += taken;
            samples.push(taken.as_nanos() / u128::from(batch));
        }
        samples.sort_unstable();
        let median = samples.get(samples.len() / 2).copied().unwrap_or_default();
        drop(entropy);
        self.rows.push((name.to_owned(), u64::try_from(median).unwrap_or(u64::MAX)));
    }

    fn print(&self) {
        let base = self.rows.iter().find(|(name, _)| name == BASE).map_or(1, |(_, ns)| *ns).max(1);
        println!("{:<52} {:>14} {:>10}", "operation", "ns", "ratio");
        for (name, ns) in &self.rows {
            println!("{name:<52} {ns:>14} {:>10.2}", *ns as f64 / base as f64);
        }
    }
}

fn time(times: u32, operation: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| operation());
    start.elapsed()
}

fn main() -> Result<(), Failure> {
    let filter = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let entropy = RefCell::new(Seeded(ChaCha20Rng::seed_from_u64(1)));
    let mut table = Table { filter, entropy, rows: Vec::new() };
    symmetric(&mut table)?;
    macs(&mut table)?;
    signatures(&mut table)?;
    encryption(&mut table)?;
    key_establishment(&mut table)?;
    generation(&mut table);
    import(&mut table)?;
    table.row("self-test at start", |_| {
        black_box(kms_crypto::self_test().is_ok());
    });
    table.print();
    Ok(())
}

fn generate(table: &Table, spec: KeySpec) -> Result<KeyMaterial, Failure> {
    Ok(KeyMaterial::generate(spec, &mut *table.entropy.borrow_mut())?)
}

fn public_key(material: &KeyMaterial) -> Result<Vec<u8>, Failure> {
    material.public_key()?.ok_or_else(|| "the spec has no public key".into())
}

fn symmetric(table: &mut Table) -> Result<(), Failure> {
    let material = generate(table, KeySpec::SymmetricDefault)?;
    let key_id = KeyId::from_random(KeyIdKind::MultiRegion, [1; 16]);
    let context = EncryptionContext::new([("purpose".to_owned(), "benchmark".to_owned())].into());
    let material_id = material_id(&key_id, &material);
    let request = SealRequest { key_id, material_id, binding: "000000000000", context: &context };
    for length_bytes in [64, 4096] {
        let plaintext = vec![7; length_bytes];
        table.row(&format!("SYMMETRIC_DEFAULT seal {length_bytes} bytes"), |entropy| {
            black_box(ciphertext::seal(&request, &material, &plaintext, entropy).is_ok());
        });
        let blob = ciphertext::seal(&request, &material, &plaintext, &mut *table.entropy.borrow_mut())?;
        table.row(&format!("SYMMETRIC_DEFAULT open {length_bytes} bytes"), |_| {
            black_box(ciphertext::open(&request, &material, &blob).is_ok());
        });
    }
    let domain = DomainKey::generate(1, &mut *table.entropy.borrow_mut());
    let wrapped = domain.wrap(&key_id, &material_id, &material, &mut *table.entropy.borrow_mut());
    table.row("domain key wrap material", |entropy| {
        black_box(domain.wrap(&key_id, &material_id, &material, entropy));
    });
    table.row("domain key unwrap material", |_| {
        black_box(domain.unwrap_key(&key_id, material.spec(), &material_id, &wrapped).is_ok());
    });
    envelopes(table, &material, key_id)
}

fn envelopes(table: &mut Table, material: &KeyMaterial, key: KeyId) -> Result<(), Failure> {
    let receiver = ReceiverKey::generate(&mut *table.entropy.borrow_mut());
    let from: kms_types::Region = "us-east-1".parse()?;
    let binding = EnvelopeBinding {
        deployment: DeploymentId::from_random([1; 16]),
        from: from.clone(),
        from_incarnation: Incarnation::from_random([2; 16]),
        to: "eu-west-1".parse()?,
        to_incarnation: Incarnation::from_random([3; 16]),
        key,
        spec: material.spec(),
        material: material_id(&key, material),
        commitment: commitment(&key, material),
        version: RecordVersion { epoch: Epoch { counter: 1, region: from }, n: 1 },
        expires_at: Timestamp::from_millis(1),
    };
    let envelope = seal_envelope(receiver.public(), &binding, material, &mut *table.entropy.borrow_mut())?;
    table.row("Region envelope seal", |entropy| {
        black_box(seal_envelope(receiver.public(), &binding, material, entropy).is_ok());
    });
    table.row("Region envelope open", |_| {
        black_box(receiver.open(&binding, &envelope).is_ok());
    });
    Ok(())
}

fn macs(table: &mut Table) -> Result<(), Failure> {
    for spec in [KeySpec::Hmac224, KeySpec::Hmac256, KeySpec::Hmac384, KeySpec::Hmac512] {
        let material = generate(table, spec)?;
        for algorithm in spec.mac_algorithms(KeyUsage::GenerateVerifyMac) {
            let tag = mac::generate(&material, *algorithm, &[7; 64])?;
            table.row(&format!("{algorithm} generate 64 bytes"), |_| {
                black_box(mac::generate(&material, *algorithm, &[7; 64]).is_ok());
            });
            table.row(&format!("{algorithm} verify 64 bytes"), |_| {
                black_box(mac::verify(&material, *algorithm, &[7; 64], &tag).is_ok());
            });
        }
    }
    Ok(())
}

const SIGNING: [KeySpec; 11] = [
    KeySpec::Rsa2048,
    KeySpec::Rsa3072,
    KeySpec::Rsa4096,
    KeySpec::EccNistP256,
    KeySpec::EccNistP384,
    KeySpec::EccNistP521,
    KeySpec::EccSecgP256k1,
    KeySpec::EccNistEdwards25519,
    KeySpec::MlDsa44,
    KeySpec::MlDsa65,
    KeySpec::MlDsa87,
];

fn signatures(table: &mut Table) -> Result<(), Failure> {
    for spec in SIGNING {
        let material = generate(table, spec)?;
        let public_key = public_key(&material)?;
        for &algorithm in spec.signing_algorithms(KeyUsage::SignVerify) {
            for &message_type in algorithm.message_types() {
                signature_rows(table, &material, &public_key, algorithm, message_type)?;
            }
        }
    }
    Ok(())
}

fn signature_rows(
    table: &mut Table,
    material: &KeyMaterial,
    public_key: &[u8],
    algorithm: SigningAlgorithm,
    message_type: MessageType,
) -> Result<(), Failure> {
    let spec = material.spec();
    let bytes = vec![7; algorithm.digest_bytes()];
    let message = Message { message_type, bytes: &bytes };
    let made = signature::sign(material, algorithm, message, &mut *table.entropy.borrow_mut())?;
    table.row(&format!("{spec} {algorithm} {message_type} sign"), |entropy| {
        black_box(signature::sign(material, algorithm, message, entropy).is_ok());
    });
    table.row(&format!("{spec} {algorithm} {message_type} verify"), |_| {
        black_box(signature::verify(spec, public_key, algorithm, message, &made).is_ok());
    });
    Ok(())
}

fn encryption(table: &mut Table) -> Result<(), Failure> {
    for spec in [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096] {
        let material = generate(table, spec)?;
        let public_key = public_key(&material)?;
        for algorithm in [EncryptionAlgorithm::RsaesOaepSha1, EncryptionAlgorithm::RsaesOaepSha256] {
            let block = rsa_oaep::encrypt(spec, &public_key, algorithm, &[7; 64])?;
            table.row(&format!("{spec} {algorithm} encrypt"), |_| {
                black_box(rsa_oaep::encrypt(spec, &public_key, algorithm, &[7; 64]).is_ok());
            });
            table.row(&format!("{spec} {algorithm} decrypt"), |_| {
                black_box(rsa_oaep::decrypt(&material, algorithm, &block).is_ok());
            });
        }
        table.row(&format!("{spec} envelope for a recipient"), |entropy| {
            black_box(cms::envelop(&public_key, &[7; 64], entropy).is_ok());
        });
    }
    Ok(())
}

fn key_establishment(table: &mut Table) -> Result<(), Failure> {
    for spec in [KeySpec::EccNistP256, KeySpec::EccNistP384, KeySpec::EccNistP521] {
        let (material, peer) = (generate(table, spec)?, public_key(&generate(table, spec)?)?);
        table.row(&format!("{spec} ECDH"), |_| {
            let secret =
                kms_crypto::agreement::derive_shared_secret(&material, KeyAgreementAlgorithm::Ecdh, &peer);
            black_box(secret.is_ok());
        });
    }
    for spec in [KeySpec::MlKem512, KeySpec::MlKem768, KeySpec::MlKem1024] {
        let material = generate(table, spec)?;
        let public_key = public_key(&material)?;
        let algorithm = EncapsulationAlgorithm::MlKem;
        let made = kem::encapsulate(spec, &public_key, algorithm, &mut *table.entropy.borrow_mut())?;
        table.row(&format!("{spec} encapsulate"), |entropy| {
            black_box(kem::encapsulate(spec, &public_key, algorithm, entropy).is_ok());
        });
        table.row(&format!("{spec} decapsulate"), |_| {
            black_box(kem::decapsulate(&material, algorithm, &made.ciphertext).is_ok());
        });
    }
    Ok(())
}

fn generation(table: &mut Table) {
    for &spec in KeySpec::ALL.iter().filter(|spec| !spec.is_china_only()) {
        table.row(&format!("{spec} generate material"), |entropy| {
            black_box(KeyMaterial::generate(spec, entropy).is_ok());
        });
    }
    for spec in
        [DataKeyPairSpec::EccNistP256, DataKeyPairSpec::EccNistEdwards25519, DataKeyPairSpec::MlKem768]
    {
        table.row(&format!("{spec} generate data key pair"), |entropy| {
            black_box(key_pair::generate(spec, entropy).is_ok());
        });
    }
}

fn import(table: &mut Table) -> Result<(), Failure> {
    let terms = ImportTerms {
        key: KeyId::from_random(KeyIdKind::MultiRegion, [1; 16]),
        algorithm: WrappingAlgorithm::RsaesOaepSha256,
        wrapping_key_spec: WrappingKeySpec::Rsa2048,
        expires_at: Timestamp::from_millis(1),
    };
    let domain = DomainKey::generate(1, &mut *table.entropy.borrow_mut());
    let wrapping_key = WrappingKey::generate(terms)?;
    let token = wrapping_key.to_token(&domain, &mut *table.entropy.borrow_mut())?;
    let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
    let encrypted = rsa_oaep::encrypt(KeySpec::Rsa2048, &wrapping_key.public_key()?, algorithm, &[7; 32])?;
    table.row("import token seal, RSA_2048", |entropy| {
        black_box(wrapping_key.to_token(&domain, entropy).is_ok());
    });
    table.row("import token open, RSA_2048", |_| {
        black_box(WrappingKey::from_token(&domain, &token).is_ok());
    });
    table.row("import unwrap material, RSA_2048", |_| {
        black_box(wrapping_key.unwrap_material(KeySpec::SymmetricDefault, &encrypted).is_ok());
    });
    Ok(())
}
