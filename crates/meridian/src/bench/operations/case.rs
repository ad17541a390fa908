//! A row's two halves: the library call with material of this process, and the request with a key of the Region.

use kms_crypto::{
    DomainKey, SealRequest, agreement, ciphertext, kem, key_pair, mac, material_id, rsa_oaep,
    signature::{self, Message},
};
use kms_types::{
    DataKeyPairSpec, EncapsulationAlgorithm, EncryptionAlgorithm, EncryptionContext, Entropy,
    KeyAgreementAlgorithm, KeyId, KeyIdKind, KeySpec, MacAlgorithm, MessageType, SigningAlgorithm,
};
use serde_json::{Value, json};
use std::hint::black_box;

use crate::{
    bench::operations::{
        library::Call,
        plan::{Plan, Work},
        server::{Local, Server, blob},
    },
    entropy::OsEntropy,
    failure::Failure,
};

/// What is signed and authenticated, and the plaintext where the size does not matter.
const MESSAGE: [u8; 64] = [7; 64];
const ACCOUNT: &str = "000000000000";

/// Both halves.
pub(super) struct Case {
    /// The library call.
    pub(super) library: Call,
    /// What a cache of open keys could save: unwrapping the material, which the node does before the library call, and
    /// parsing a private key, which is part of it. None where no secret of the key is used.
    pub(super) opening: Option<Call>,
    /// The body of the request.
    pub(super) body: Value,
}

/// Makes the keys, ciphertexts, signatures and so on that the row needs.
pub(super) async fn build(plan: &Plan, server: &mut Server) -> Result<Case, Failure> {
    let key = server.key(plan.spec, plan.usage()).await?;
    let local = server.material(plan.spec)?;
    let opening = plan.uses_secret().then(|| unwrapping(&local));
    let library = library(plan.work, plan.spec, local)?;
    Ok(Case { library, opening, body: body(plan.work, &key, server).await? })
}

/// The public half stands for parsing: it is computed from the parsed key and little else.
fn unwrapping(local: &Local) -> Call {
    let (domain, key_id) =
        (DomainKey::generate(1, &mut OsEntropy), KeyId::from_random(KeyIdKind::SingleRegion, [1; 16]));
    let (spec, id) = (local.material.spec(), material_id(&key_id, &local.material));
    let wrapped = domain.wrap(&key_id, &id, &local.material, &mut OsEntropy);
    Box::new(move || {
        let opened = domain.unwrap_key(&key_id, spec, &id, &wrapped);
        opened.is_ok_and(|material| black_box(material.public_key()).is_ok())
    })
}

async fn body(work: Work, key: &str, server: &mut Server) -> Result<Value, Failure> {
    let message = blob(&MESSAGE);
    Ok(match work {
        Work::Encrypt(bytes) => json!({ "KeyId": key, "Plaintext": blob(&vec![7; bytes]) }),
        Work::Decrypt(bytes) => json!({ "CiphertextBlob": sealed(server, key, bytes).await? }),
        Work::ReEncrypt => {
            json!({ "CiphertextBlob": sealed(server, key, MESSAGE.len()).await?, "DestinationKeyId": key })
        }
        Work::GenerateDataKey | Work::GenerateDataKeyWithoutPlaintext => {
            json!({ "KeyId": key, "KeySpec": "AES_256" })
        }
        Work::GenerateDataKeyPair(pair) | Work::GenerateDataKeyPairWithoutPlaintext(pair) => {
            json!({ "KeyId": key, "KeyPairSpec": pair.as_str() })
        }
        Work::GenerateRandom => json!({ "NumberOfBytes": 32 }),
        Work::EncryptRsa(algorithm) => {
            json!({ "KeyId": key, "Plaintext": message, "EncryptionAlgorithm": algorithm.as_str() })
        }
        Work::DecryptRsa(algorithm) => {
            let algorithm = algorithm.as_str();
            let body = json!({ "KeyId": key, "Plaintext": message, "EncryptionAlgorithm": algorithm });
            let sealed = server.made("Encrypt", body, "/CiphertextBlob").await?;
            json!({ "KeyId": key, "CiphertextBlob": sealed, "EncryptionAlgorithm": algorithm })
        }
        Work::Sign(algorithm) => signing(key, algorithm),
        Work::Verify(algorithm) => {
            let signature = server.made("Sign", signing(key, algorithm), "/Signature").await?;
            with(signing(key, algorithm), "Signature", signature)
        }
        Work::GenerateMac(algorithm) => authenticating(key, algorithm),
        Work::VerifyMac(algorithm) => {
            let tag = server.made("GenerateMac", authenticating(key, algorithm), "/Mac").await?;
            with(authenticating(key, algorithm), "Mac", tag)
        }
        Work::DeriveSharedSecret => {
            let public_key = server.made("GetPublicKey", json!({ "KeyId": key }), "/PublicKey").await?;
            json!({ "KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": public_key })
        }
        Work::Encapsulate => encapsulating(key),
        Work::Decapsulate => {
            let made = server.made("Encapsulate", encapsulating(key), "/SharedSecretCiphertextBlob").await?;
            with(encapsulating(key), "SharedSecretCiphertextBlob", made)
        }
    })
}

async fn sealed(server: &Server, key: &str, bytes: usize) -> Result<String, Failure> {
    let body = json!({ "KeyId": key, "Plaintext": blob(&vec![7; bytes]) });
    server.made("Encrypt", body, "/CiphertextBlob").await
}

fn signing(key: &str, algorithm: SigningAlgorithm) -> Value {
    let message = blob(&MESSAGE);
    json!({ "KeyId": key, "Message": message, "MessageType": "RAW", "SigningAlgorithm": algorithm.as_str() })
}

fn authenticating(key: &str, algorithm: MacAlgorithm) -> Value {
    json!({ "KeyId": key, "Message": blob(&MESSAGE), "MacAlgorithm": algorithm.as_str() })
}

fn encapsulating(key: &str) -> Value {
    json!({ "KeyId": key, "EncapsulationAlgorithm": EncapsulationAlgorithm::MlKem.as_str() })
}

fn with(mut body: Value, member: &str, value: String) -> Value {
    if let Some(object) = body.as_object_mut() {
        object.insert(member.to_owned(), value.into());
    }
    body
}

fn library(work: Work, spec: KeySpec, local: Local) -> Result<Call, Failure> {
    Ok(match work {
        Work::Encrypt(bytes) => sealing(local, move |_| vec![7; bytes]),
        Work::Decrypt(bytes) => opening(local, bytes)?,
        Work::ReEncrypt => {
            let (mut open, mut seal) =
                (opening(local.clone(), MESSAGE.len())?, sealing(local, |_| MESSAGE.to_vec()));
            Box::new(move || open() && seal())
        }
        Work::GenerateDataKey | Work::GenerateDataKeyWithoutPlaintext => {
            sealing(local, |entropy| random(entropy).to_vec())
        }
        Work::GenerateDataKeyPair(pair) | Work::GenerateDataKeyPairWithoutPlaintext(pair) => {
            sealing_pair(local, pair)
        }
        Work::GenerateRandom => Box::new(|| black_box(random(&mut OsEntropy)) != [0; 32]),
        Work::EncryptRsa(algorithm) => Box::new(move || {
            black_box(rsa_oaep::encrypt(spec, &local.public_key, algorithm, &MESSAGE)).is_ok()
        }),
        Work::DecryptRsa(algorithm) => decrypting(spec, local, algorithm)?,
        Work::Sign(algorithm) => Box::new(move || {
            black_box(signature::sign(&local.material, algorithm, message(), &mut OsEntropy)).is_ok()
        }),
        Work::Verify(algorithm) => verifying(spec, local, algorithm)?,
        Work::GenerateMac(algorithm) => {
            Box::new(move || black_box(mac::generate(&local.material, algorithm, &MESSAGE)).is_ok())
        }
        Work::VerifyMac(algorithm) => {
            let tag = mac::generate(&local.material, algorithm, &MESSAGE).map_err(failed)?;
            Box::new(move || black_box(mac::verify(&local.material, algorithm, &MESSAGE, &tag)).is_ok())
        }
        Work::DeriveSharedSecret => Box::new(move || {
            let (algorithm, peer) = (KeyAgreementAlgorithm::Ecdh, &local.public_key);
            black_box(agreement::derive_shared_secret(&local.material, algorithm, peer)).is_ok()
        }),
        Work::Encapsulate => Box::new(move || black_box(encapsulated(spec, &local)).is_ok()),
        Work::Decapsulate => {
            let made = encapsulated(spec, &local).map_err(failed)?;
            let algorithm = EncapsulationAlgorithm::MlKem;
            Box::new(move || {
                black_box(kem::decapsulate(&local.material, algorithm, &made.ciphertext)).is_ok()
            })
        }
    })
}

fn failed(error: kms_crypto::CryptoError) -> Failure {
    Failure::Bench(error.to_string())
}

fn random(entropy: &mut dyn Entropy) -> [u8; 32] {
    entropy.array()
}

fn message() -> Message<'static> {
    Message { message_type: MessageType::Raw, bytes: &MESSAGE }
}

fn encapsulated(spec: KeySpec, local: &Local) -> Result<kem::Encapsulated, kms_crypto::CryptoError> {
    kem::encapsulate(spec, &local.public_key, EncapsulationAlgorithm::MlKem, &mut OsEntropy)
}

/// A sealing key with the ids that its ciphertexts carry.
struct Sealer {
    local: Local,
    key_id: KeyId,
    context: EncryptionContext,
}

impl Sealer {
    fn new(local: Local) -> Self {
        let key_id = KeyId::from_random(KeyIdKind::SingleRegion, [1; 16]);
        Self { local, key_id, context: EncryptionContext::default() }
    }

    fn request(&self) -> SealRequest<'_> {
        let material_id = material_id(&self.key_id, &self.local.material);
        SealRequest { key_id: self.key_id, material_id, binding: ACCOUNT, context: &self.context }
    }

    fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, kms_crypto::CryptoError> {
        ciphertext::seal(&self.request(), &self.local.material, plaintext, &mut OsEntropy)
    }
}

fn sealing(local: Local, plaintext: impl Fn(&mut dyn Entropy) -> Vec<u8> + Send + 'static) -> Call {
    let sealer = Sealer::new(local);
    Box::new(move || black_box(sealer.seal(&plaintext(&mut OsEntropy))).is_ok())
}

fn opening(local: Local, bytes: usize) -> Result<Call, Failure> {
    let sealer = Sealer::new(local);
    let sealed = sealer.seal(&vec![7; bytes]).map_err(failed)?;
    Ok(Box::new(move || {
        black_box(ciphertext::open(&sealer.request(), &sealer.local.material, &sealed)).is_ok()
    }))
}

fn sealing_pair(local: Local, pair: DataKeyPairSpec) -> Call {
    let sealer = Sealer::new(local);
    Box::new(move || {
        let made = key_pair::generate(pair, &mut OsEntropy);
        made.is_ok_and(|made| black_box(sealer.seal(&made.private_key)).is_ok())
    })
}

fn decrypting(spec: KeySpec, local: Local, algorithm: EncryptionAlgorithm) -> Result<Call, Failure> {
    let sealed = rsa_oaep::encrypt(spec, &local.public_key, algorithm, &MESSAGE).map_err(failed)?;
    Ok(Box::new(move || black_box(rsa_oaep::decrypt(&local.material, algorithm, &sealed)).is_ok()))
}

fn verifying(spec: KeySpec, local: Local, algorithm: SigningAlgorithm) -> Result<Call, Failure> {
    let made = signature::sign(&local.material, algorithm, message(), &mut OsEntropy).map_err(failed)?;
    Ok(Box::new(move || {
        black_box(signature::verify(spec, &local.public_key, algorithm, message(), &made)).is_ok()
    }))
}
