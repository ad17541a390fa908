//! The signed map of an attestation document.

use kms_types::Timestamp;
use minicbor::{Decoder, data::Type};
use std::collections::BTreeMap;

use super::AttestationDocument;

pub(super) struct Payload<'a> {
    pub(super) document: AttestationDocument,
    pub(super) certificate: &'a [u8],
    pub(super) cabundle: Vec<&'a [u8]>,
}

/// The bounds of the format [NITRO], certificates a little wider.
const MAX_FIELDS: u64 = 10;
const MAX_MODULE_ID_BYTES: usize = 1024;
const MAX_CERTIFICATE_BYTES: usize = 4096;
const MAX_CERTIFICATES: u64 = 16;
const MAX_PUBLIC_KEY_BYTES: usize = 1024;
const MAX_EXTRA_BYTES: usize = 1024;
const PCRS: u8 = 32;
const NITRO_TPM_PCRS: u8 = 24;

/// Every field at most once; those that a document cannot do without are missed at the end.
#[derive(Default)]
struct Fields<'a> {
    module_id: Option<&'a str>,
    digest: Option<&'a str>,
    timestamp: Option<u64>,
    pcrs: Option<BTreeMap<u8, Vec<u8>>>,
    nitro_tpm_pcrs: Option<BTreeMap<u8, Vec<u8>>>,
    certificate: Option<&'a [u8]>,
    cabundle: Option<Vec<&'a [u8]>>,
    public_key: Option<Option<&'a [u8]>>,
    user_data: Option<Option<&'a [u8]>>,
    nonce: Option<Option<&'a [u8]>>,
}

pub(super) fn parse(bytes: &[u8]) -> Option<Payload<'_>> {
    let mut reader = Decoder::new(bytes);
    let mut fields = Fields::default();
    let count = reader.map().ok()?.filter(|count| *count <= MAX_FIELDS)?;
    for _ in 0..count {
        fields.read(&mut reader)?;
    }
    (reader.position() == bytes.len()).then_some(())?;
    fields.finish()
}

impl<'a> Fields<'a> {
    fn read(&mut self, reader: &mut Decoder<'a>) -> Option<()> {
        match reader.str().ok()? {
            "module_id" => once(&mut self.module_id, text(reader)?),
            "digest" => once(&mut self.digest, reader.str().ok()?),
            "timestamp" => once(&mut self.timestamp, reader.u64().ok()?),
            "pcrs" => once(&mut self.pcrs, registers(reader, PCRS)?),
            "nitrotpm_pcrs" => once(&mut self.nitro_tpm_pcrs, registers(reader, NITRO_TPM_PCRS)?),
            "certificate" => once(&mut self.certificate, certificate(reader)?),
            "cabundle" => once(&mut self.cabundle, certificates(reader)?),
            "public_key" => once(&mut self.public_key, optional(reader, MAX_PUBLIC_KEY_BYTES)?),
            "user_data" => once(&mut self.user_data, optional(reader, MAX_EXTRA_BYTES)?),
            "nonce" => once(&mut self.nonce, optional(reader, MAX_EXTRA_BYTES)?),
            _ => None,
        }
    }

    fn finish(self) -> Option<Payload<'a>> {
        (self.digest? == "SHA384").then_some(())?;
        (self.pcrs.is_some() || self.nitro_tpm_pcrs.is_some()).then_some(())?;
        let owned = |field: Option<Option<&[u8]>>| field.flatten().map(<[u8]>::to_vec);
        let document = AttestationDocument {
            module_id: self.module_id?.to_owned(),
            timestamp: Timestamp::from_millis(self.timestamp?),
            pcrs: self.pcrs.unwrap_or_default(),
            nitro_tpm_pcrs: self.nitro_tpm_pcrs.unwrap_or_default(),
            public_key: owned(self.public_key).filter(|key| !key.is_empty()),
            user_data: owned(self.user_data),
            nonce: owned(self.nonce),
        };
        Some(Payload { document, certificate: self.certificate?, cabundle: self.cabundle? })
    }
}

/// Fills a field that is still empty.
fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

fn text<'a>(reader: &mut Decoder<'a>) -> Option<&'a str> {
    let text = reader.str().ok()?;
    (1..=MAX_MODULE_ID_BYTES).contains(&text.len()).then_some(text)
}

fn optional<'a>(reader: &mut Decoder<'a>, most_bytes: usize) -> Option<Option<&'a [u8]>> {
    if reader.datatype().ok()? == Type::Null {
        reader.null().ok()?;
        return Some(None);
    }
    let bytes = reader.bytes().ok()?;
    (bytes.len() <= most_bytes).then_some(Some(bytes))
}

fn registers(reader: &mut Decoder<'_>, most: u8) -> Option<BTreeMap<u8, Vec<u8>>> {
    let count = reader.map().ok()?.filter(|count| (1..=u64::from(most)).contains(count))?;
    let mut registers = BTreeMap::new();
    for _ in 0..count {
        let (index, value) = (reader.u8().ok()?, reader.bytes().ok()?);
        (index < most && matches!(value.len(), 32 | 48 | 64)).then_some(())?;
        registers.insert(index, value.to_vec()).is_none().then_some(())?;
    }
    Some(registers)
}

fn certificate<'a>(reader: &mut Decoder<'a>) -> Option<&'a [u8]> {
    let bytes = reader.bytes().ok()?;
    (1..=MAX_CERTIFICATE_BYTES).contains(&bytes.len()).then_some(bytes)
}

fn certificates<'a>(reader: &mut Decoder<'a>) -> Option<Vec<&'a [u8]>> {
    let count = reader.array().ok()?.filter(|count| (1..=MAX_CERTIFICATES).contains(count))?;
    (0..count).map(|_| certificate(reader)).collect()
}
