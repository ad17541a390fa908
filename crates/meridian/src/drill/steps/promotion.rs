//! Steps that give keys another primary: by the operators' command after a loss, by UpdatePrimaryRegion when planned.

use kms_transport::admin_messages as messages;
use kms_types::Region;
use serde_json::json;
use std::time::{Duration, Instant};

use crate::{
    admin::{Operator, PromotedKey},
    drill::{
        catch_up,
        definition::{Expect, Promote, UpdatePrimary},
        scene::DrillKey,
        stage::{Moved, Stage},
        steps::missed,
    },
    failure::Failure,
};

const PAUSE: Duration = Duration::from_millis(100);

impl Stage<'_> {
    pub(super) async fn promote(&mut self, wanted: &Promote) -> Result<(), Failure> {
        let (from, to) = (self.region(&wanted.from)?, self.region(&wanted.to)?);
        match wanted.expect {
            Expect::Refused => self.promotion_is_refused(wanted, &from, &to).await,
            Expect::Done => self.promote_all(wanted, &from, &to).await,
        }
    }

    /// Asks the leader of `to` until it is primary of every key that `from` led. What counts is what its API shows: an
    /// attempt without an answer may have done it.
    async fn promote_all(&mut self, wanted: &Promote, from: &Region, to: &Region) -> Result<(), Failure> {
        let keys = self.keys.led_by(from);
        let (until, mut attempts) = (Instant::now() + wanted.within.duration(), 1);
        while let Err(failure) = self.promoted_everywhere(wanted, from, to, &keys).await {
            if Instant::now() > until {
                return Err(failure);
            }
            attempts += 1;
            tokio::time::sleep(PAUSE).await;
        }
        let how = if wanted.without_majority { "without a majority, " } else { "" };
        self.observer.event(format!("{to} is primary: {how}{} keys in {attempts} attempts", keys.len()));
        self.took_over(from, to, keys).await
    }

    /// Asks for the promotion and then looks at every key.
    async fn promoted_everywhere(
        &self,
        wanted: &Promote,
        from: &Region,
        to: &Region,
        keys: &[DrillKey],
    ) -> Result<(), Failure> {
        let asked = self.ask_to_promote(wanted, from, to).await;
        for key in keys {
            let seen = catch_up::shared(&self.callers, to, key).await;
            if seen.is_none_or(|seen| seen.primary != to.as_str()) {
                let said = asked?;
                let about = said.into_iter().find(|said| said.key == key.id).map(|said| said.detail);
                return Err(missed(format!("`{}` is not led by {to}: {about:?}", key.id)));
            }
        }
        Ok(())
    }

    async fn ask_to_promote(
        &self,
        wanted: &Promote,
        from: &Region,
        to: &Region,
    ) -> Result<Vec<PromotedKey>, Failure> {
        let operator = Operator::of_cluster(&self.scene.dir)?;
        let plan = self.scene.region(to).ok_or_else(|| missed(format!("there is no {to}")))?;
        let confirmed = wanted.without_majority && wanted.confirm;
        let request = messages::RegionPromoteRequest {
            what: Some(messages::region_promote_request::What::LostRegion(from.to_string())),
            unsafe_without_majority: wanted.without_majority,
            confirmation: if confirmed { to.to_string() } else { String::new() },
        };
        let mut client = operator.connect_leader(&plan).await?;
        let reply =
            client.region_promote(request).await.map_err(|error| Failure::Admin(error.to_string()))?;
        Ok(reply.keys.into_iter().map(PromotedKey::from).collect())
    }

    async fn promotion_is_refused(
        &mut self,
        wanted: &Promote,
        from: &Region,
        to: &Region,
    ) -> Result<(), Failure> {
        let keys = self.keys.led_by(from);
        let words = match self.ask_to_promote(wanted, from, to).await {
            Ok(said) => {
                if let Some(promoted) = said.iter().find(|key| key.promoted) {
                    return Err(missed(format!("`{}` was promoted, and had to be refused", promoted.key)));
                }
                let about = |said: &&PromotedKey| keys.iter().any(|key| key.id == said.key);
                said.iter()
                    .find(about)
                    .map_or_else(|| "no reason was given".to_owned(), |said| said.detail.clone())
            }
            Err(failure) => failure.explain(),
        };
        self.observer.event(format!("{to} refuses: {words}"));
        match wanted.saying.as_ref().filter(|part| !words.contains(part.as_str())) {
            Some(part) => Err(missed(format!("the refusal does not say `{part}`: {words}"))),
            None => Ok(()),
        }
    }

    /// Writes down that `to` leads `keys`, and looks after rotations that met it.
    async fn took_over(&mut self, from: &Region, to: &Region, keys: Vec<DrillKey>) -> Result<(), Failure> {
        for key in keys {
            self.keys.led(&key.id, to);
            self.moved.retain(|moved| moved.key.id != key.id);
            self.moved.push(Moved { key: DrillKey { primary: to.clone(), ..key }, from: from.clone() });
        }
        self.figures.promotion_ms = self.since_fault_ms();
        self.changes.settle(to).await.map_err(|error| missed(error.to_string()))
    }

    /// UpdatePrimaryRegion for every key that `from` leads. A rotation that is under way must end first.
    pub(super) async fn update_primary(&mut self, wanted: &UpdatePrimary) -> Result<(), Failure> {
        let (from, to) = (self.region(&wanted.from)?, self.region(&wanted.to)?);
        self.disturbance_begins();
        let until = Instant::now() + wanted.within.duration();
        let (begin, mut slowest) = (Instant::now(), Duration::ZERO);
        for key in self.keys.led_by(&from) {
            let begin = Instant::now();
            self.update_one(&key, &from, &to, until).await?;
            slowest = slowest.max(begin.elapsed());
            self.took_over(&from, &to, vec![key]).await?;
        }
        let (total, slowest) = (begin.elapsed().as_millis(), slowest.as_millis());
        self.figures.promotion_ms = u64::try_from(total).ok();
        self.observer
            .event(format!("{to} is primary of every key after {total} ms, the slowest took {slowest} ms"));
        Ok(())
    }

    async fn update_one(
        &self,
        key: &DrillKey,
        from: &Region,
        to: &Region,
        until: Instant,
    ) -> Result<(), Failure> {
        let body = json!({ "KeyId": key.id, "PrimaryRegion": to });
        loop {
            let asked = self.callers.once(from, "UpdatePrimaryRegion", body.clone()).await;
            // Also without an answer: it may have been done.
            let mut seen = catch_up::shared(&self.callers, to, key).await;
            while asked.is_ok() && !leads(seen.as_ref(), to) && Instant::now() < until {
                tokio::time::sleep(PAUSE / 5).await;
                seen = catch_up::shared(&self.callers, to, key).await;
            }
            if leads(seen.as_ref(), to) {
                return Ok(());
            }
            if Instant::now() > until {
                let said = asked.map_or_else(|error| error.to_string(), |_| format!("{seen:?}"));
                return Err(missed(format!("`{}` is not led by {to} in time: {said}", key.id)));
            }
            self.observer.count(|counts| counts.retries += 1);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn leads(seen: Option<&catch_up::Shared>, region: &Region) -> bool {
    seen.is_some_and(|seen| seen.primary == region.as_str() && seen.state == "Enabled")
}
