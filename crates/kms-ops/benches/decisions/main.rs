//! What a decision costs: medians in nanoseconds of `prepare`, from the verified call to the answer, with everything
//! that authorization looks at. `cargo bench -p kms-ops` measures the release profile; one argument keeps the rows whose
//! name contains it.
//!
//! DescribeKey does nothing else than decide; Encrypt shows the decision beside the cryptography that it guards.

mod documents;
mod region;

use kms_policy::{Policy, PolicyKind};
use kms_state::CredentialRef;
use kms_types::{GrantOperation, limits};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use documents::{identity_policy, key_policy, long_key_policy};
use region::{FOREIGN, OWN, Site, root};

type Failure = Box<dyn std::error::Error>;

const ROW_TIME: Duration = Duration::from_millis(400);
const BATCH_TIME: Duration = Duration::from_micros(50);
const LEAST_SAMPLES: usize = 5;
const MOST_SAMPLES: usize = 2000;
/// Statements that make a key policy of 32 KiB and an identity policy of 6,144 characters.
const KEY_POLICY_BYTES: usize = limits::MAX_POLICY_BYTES;
const IDENTITY_POLICY_CHARS: usize = 6144;

/// Prints one row per measurement, if it is wanted.
struct Table {
    filter: Option<String>,
}

impl Table {
    /// Measures batches of at least [`BATCH_TIME`] for [`ROW_TIME`] and prints the median of their means.
    fn row(&self, name: &str, mut operation: impl FnMut()) {
        if self.filter.as_ref().is_some_and(|filter| !name.contains(filter)) {
            return;
        }
        let once = time(1, &mut operation);
        let batch = u32::try_from(BATCH_TIME.as_nanos() / once.as_nanos().max(1)).unwrap_or(1).max(1);
        let (mut samples, mut spent) = (Vec::new(), Duration::ZERO);
        while samples.len() < LEAST_SAMPLES || (spent < ROW_TIME && samples.len() < MOST_SAMPLES) {
            let taken = time(batch, &mut operation);
            spent += taken;
            samples.push(taken.as_nanos() / u128::from(batch));
        }
        samples.sort_unstable();
        println!("{name:<64} {:>12}", samples.get(samples.len() / 2).copied().unwrap_or_default());
    }
}

fn time(times: u32, operation: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| operation());
    start.elapsed()
}

fn main() -> Result<(), Failure> {
    let table = Table { filter: std::env::args().skip(1).find(|word| !word.starts_with("--")) };
    println!("{:<64} {:>12}", "decision", "ns");
    default_policy(&table)?;
    long_policy(&table)?;
    identity_policies(&table)?;
    grants(&table)?;
    compilation(&table);
    Ok(())
}

/// A row that checks once, before it is measured, that the decision is the one meant.
fn decision(
    table: &Table,
    site: &mut Site,
    name: &str,
    (caller, key): (&CredentialRef, &str),
    allowed: bool,
) -> Result<(), Failure> {
    if site.describe(caller, key) != allowed {
        return Err(format!("`{name}` is decided otherwise").into());
    }
    table.row(name, || {
        black_box(site.describe(caller, key));
    });
    Ok(())
}

fn default_policy(table: &Table) -> Result<(), Failure> {
    let mut site = Site::new()?;
    let (key, user) = (site.key(None)?, site.user("ann")?);
    site.user_policy("ann", "use", &identity_policy(0))?;
    let stranger = site.user("eve")?;
    decision(table, &mut site, "default policy, root", (&root(OWN)?, &key), true)?;
    decision(table, &mut site, "default policy, user with one policy", (&user, &key), true)?;
    decision(table, &mut site, "default policy, user without one, denied", (&stranger, &key), false)?;
    decision(table, &mut site, "default policy, another account, denied", (&root(FOREIGN)?, &key), false)?;
    table.row("default policy, root, Encrypt of 16 bytes", || {
        black_box(site.encrypt(OWN, &key, 0));
    });
    Ok(())
}

/// Nothing but the last statement of the policy allows, so that each is looked at.
fn long_policy(table: &Table) -> Result<(), Failure> {
    let mut site = Site::new()?;
    let document = long_key_policy(KEY_POLICY_BYTES);
    let size = format!("key policy of {} bytes", document.len());
    let key = site.key(Some(document))?;
    decision(table, &mut site, &format!("{size}, last statement"), (&root(OWN)?, &key), true)?;
    decision(table, &mut site, &format!("{size}, denied"), (&root(FOREIGN)?, &key), false)
}

fn identity_policies(table: &Table) -> Result<(), Failure> {
    let mut site = Site::new()?;
    let (key, user) = (site.key(None)?, site.user("ann")?);
    let document = identity_policy(IDENTITY_POLICY_CHARS);
    for number in 0..10 {
        site.attached_policy("ann", &format!("p{number}"), &document)?;
    }
    let name = format!("user with 10 managed policies of {} bytes", document.len());
    decision(table, &mut site, &name, (&user, &key), true)
}

/// As many grants as a key may have: to another account, each under a context of its own and one shared pair.
fn grants(table: &Table) -> Result<(), Failure> {
    let mut site = Site::new()?;
    let foreign = root(FOREIGN)?;
    let key = site.key(None)?;
    let operations = [GrantOperation::Encrypt, GrantOperation::DescribeKey];
    for count in [1, limits::MAX_GRANTS_PER_KEY] {
        let plural = if count == 1 { "grant" } else { "grants" };
        site.fill(&key, count, &operations)?;
        let named = |what: &str| format!("{count} {plural}, {what}");
        decision(table, &mut site, &named("allowed by a grant"), (&foreign, &key), true)?;
        decision(table, &mut site, &named("allowed by the key policy"), (&root(OWN)?, &key), true)?;
        decision(table, &mut site, &named("another account, denied"), (&root(region::THIRD)?, &key), false)?;
        for (what, pair, allowed) in [
            ("Encrypt allowed by a grant with a constraint", 0, true),
            ("Encrypt denied by all constraints", limits::MAX_GRANTS_PER_KEY, false),
        ] {
            if site.encrypt(FOREIGN, &key, pair) != allowed {
                return Err(what.into());
            }
            table.row(&named(what), || {
                black_box(site.encrypt(FOREIGN, &key, pair));
            });
        }
    }
    Ok(())
}

/// What the first decision after a policy was put pays once, and every decision would pay if policies were not kept
/// compiled.
fn compilation(table: &Table) {
    for (name, kind, document) in [
        ("the default key policy", PolicyKind::Key, key_policy(&[])),
        ("a key policy of 32 KiB", PolicyKind::Key, long_key_policy(KEY_POLICY_BYTES)),
        ("an identity policy", PolicyKind::Identity, identity_policy(0)),
        ("a managed policy of 6 KB", PolicyKind::Identity, identity_policy(IDENTITY_POLICY_CHARS)),
    ] {
        table.row(&format!("compiling {name}"), || {
            black_box(Policy::parse(kind, &document).is_ok());
        });
    }
}
