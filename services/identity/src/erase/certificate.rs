//! The certificate of an erasure: what was done, signed, without anything of the person.

use super::plan::Erasure;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use spine::keys::{Keys, Signature, verify_signature};
use spine::{Error, Position};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What was done. Times are microseconds since the Unix epoch, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The form of this certificate.
    pub version: u32,
    pub id: Uuid,
    pub tenant: String,
    /// The reference that was given with the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    pub customers: BTreeSet<Uuid>,
    pub threads: BTreeSet<Uuid>,
    pub leads: BTreeSet<String>,
    /// Threads that stay as they are, though a lead of each was erased: the same contact detail was written there.
    /// Whether it is the same person is for a person to decide.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub others: BTreeSet<Uuid>,
    /// The keys without which nobody opens what the log holds of the person.
    pub keys: BTreeSet<String>,
    /// Where `Erased` stands in the log, by subject.
    pub erased: BTreeMap<String, Position>,
    /// Raw requests that were overwritten.
    pub inbound: BTreeSet<String>,
    /// Messages of the lead feed that were overwritten.
    pub feed: BTreeSet<u64>,
    /// Readers whose tables were purged.
    pub readers: BTreeSet<String>,
    /// Fillings of read models that were dropped.
    pub models: BTreeSet<String>,
    /// Files in which nothing deleted is left, relative to the data folder.
    pub files: BTreeSet<String>,
    /// What may still hold deleted bytes, and until when.
    pub remains: Vec<String>,
    pub asked_at: i64,
    pub at: i64,
}

/// A certificate with its signature. The signature is over the certificate's bytes as they stand here, so they
/// are to be kept as they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Signed {
    pub certificate: Box<RawValue>,
    pub signature: Signature,
}

pub(super) const VERSION: u32 = 1;

/// Signs what the erasure did.
pub(super) fn sign(keys: &Keys, erasure: &Erasure, remains: Vec<String>, at: i64) -> Result<Signed, Error> {
    let plan = erasure.plan.clone();
    let certificate = Certificate {
        version: VERSION,
        id: erasure.id,
        tenant: erasure.tenant.clone(),
        reason: erasure.reason.clone(),
        customers: plan.customers,
        threads: plan.threads,
        leads: plan.leads,
        others: plan.others,
        keys: plan.keys,
        erased: plan.erased,
        inbound: plan.inbound,
        feed: plan.feed,
        readers: plan.readers,
        models: plan.models,
        files: plan.files,
        remains,
        asked_at: erasure.asked_at,
        at,
    };
    let certificate = serde_json::value::to_raw_value(&certificate).map_err(Error::Unwritable)?;
    let signature = keys.sign(certificate.get().as_bytes());
    Ok(Signed { certificate, signature })
}

/// The certificate, if the installation with this public key (in base64url) signed exactly it.
pub fn verify(signed: &Signed, public_key: &str) -> Option<Certificate> {
    let bytes = signed.certificate.get().as_bytes();
    let genuine = signed.signature.public_key == public_key && verify_signature(bytes, &signed.signature);
    genuine.then(|| serde_json::from_slice(bytes).ok()).flatten()
}
