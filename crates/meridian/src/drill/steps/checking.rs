//! Steps that look: at every ciphertext, at every acknowledged change, at what a Region refuses.

use crate::{
    drill::{
        catch_up, definition::Try, ledger::Missing, report::Checkpoint, scene::DrillKey, stage::Stage,
        steps::missed, verify::sweep,
    },
    failure::Failure,
};

impl Stage<'_> {
    /// Opens every ciphertext in every Region that answers, and looks for every acknowledged change.
    pub(super) async fn check(&mut self, name: &str) -> Result<(), Failure> {
        let live = self.live();
        let sealed = self.observer.every_sealed();
        let text = format!("{name}: opening {} ciphertexts in {} Regions", sealed.len(), live.len());
        let at_ms = self.observer.event(text);
        let found = sweep(&self.callers, sealed, &live).await;
        self.observer.event(format!("{} decrypts, {} failed", found.decrypts, found.failed));
        let fine = format!("{} ciphertexts, {} decrypts", found.ciphertexts, found.decrypts);
        self.checks.none(
            format!("every ciphertext opens in every live Region {name}"),
            &found.failures,
            fine,
        );
        let missing = self.changes.missing(&live, &self.faults.cut()).await;
        self.observer.event(format!("{} acknowledged changes missing", missing.len()));
        let words: Vec<String> = missing.iter().map(in_words).collect();
        self.checks.none(format!("no acknowledged change is missing {name}"), &words, "nothing is missing");
        let (failed, lost) = (found.failed, missing.len());
        self.checkpoints.push(Checkpoint { name: name.to_owned(), at_ms, sweep: found, missing: lost });
        self.rpo.missing_during_loss.extend(missing);
        if failed > 0 && self.stop.undecryptable {
            return Err(missed(format!("{failed} ciphertexts do not open")));
        }
        if lost > 0 && self.stop.missing_change {
            return Err(missed(format!("{lost} acknowledged changes are missing")));
        }
        Ok(())
    }

    /// Tries every kind of shared change in a Region that must not make any.
    pub(super) async fn try_change(&mut self, attempt: &Try) -> Result<(), Failure> {
        let region = self.region(&attempt.region)?;
        let led = self.keys.led_by(&region);
        let taken = self.moved.iter().filter(|moved| moved.from == region).map(|moved| moved.key.clone());
        let keys: Vec<DrillKey> = led.into_iter().chain(taken).collect();
        if keys.is_empty() {
            return Err(missed(format!("{region} leads no key and led none")));
        }
        let (acknowledged, refused) = catch_up::try_changes(&self.callers, &region, &keys).await;
        self.observer.event(format!(
            "{} shared changes tried in {region}, {} acknowledged",
            acknowledged.len() + refused.len(),
            acknowledged.len()
        ));
        let fine = format!("{} changes refused or unanswered", refused.len());
        self.checks.none(format!("{region} acknowledges no shared change"), &acknowledged, fine);
        Ok(())
    }
}

fn in_words(missing: &Missing) -> String {
    let Missing { subject, region, expected, found } = missing;
    format!("{:?} of `{}` in {region}: {found} instead of {expected:?}", subject.property, subject.key)
}
