//! What a node tells a monitoring system, in the text format of Prometheus [PROM:exposition]. Names no key, no caller and
//! no account; its labels are Regions of the directory and words of this program.

use kms_state::State;
use std::{fmt::Write, sync::Arc};

use crate::{
    group::Group,
    readiness::Readiness,
    region_driver::{LinkStatus, PeerStatus, RegionHandle},
};

/// Where the figures come from.
pub(crate) struct Metrics {
    pub(crate) group: Group,
    pub(crate) region: RegionHandle,
    pub(crate) readiness: Arc<Readiness>,
}

impl Metrics {
    /// The page of the moment.
    pub(crate) fn page(&self) -> String {
        let mut page = Page::default();
        let state = self.group.applied().state.clone();
        self.node(&mut page, &state);
        directory(&mut page, &state);
        if let Some(link) = self.region.link() {
            leader(&mut page, &link);
        }
        peers(&mut page, self.region.peers().iter().map(|(region, status)| (region.as_str(), status)));
        page.0
    }

    fn node(&self, page: &mut Page, state: &State) {
        let status = self.group.status();
        let version = env!("CARGO_PKG_VERSION");
        page.family("meridian_build_info", Kind::Gauge, "Always 1; the version is in the label.");
        page.sample("meridian_build_info", &[("version", version)], 1.0);
        page.gauge(
            "meridian_node_ready",
            "1 while the node may be sent calls.",
            flag(self.readiness.is_ready()),
        );
        page.gauge(
            "meridian_node_admitted",
            "1 while the node takes part in its Region; 0 for long when it went back to an earlier state of its disk.",
            flag(self.group.is_admitted()),
        );
        page.gauge(
            "meridian_node_leader",
            "1 while the node leads its Region.",
            flag(self.group.is_leader()),
        );
        page.gauge("meridian_raft_term", "Raft term.", whole(status.term));
        let applied = whole(status.last_applied_index.unwrap_or_default());
        page.gauge("meridian_raft_applied_index", "Last applied log index.", applied);
        let time = whole(state.region_time().as_millis()) / 1e3;
        page.gauge("meridian_region_time_seconds", "Region time, in seconds since the epoch.", time);
    }
}

fn directory(page: &mut Page, state: &State) {
    let Some(directory) = state.directory() else { return };
    let voters = directory.voters.len() as u64;
    page.gauge(
        "meridian_region_directory_generation",
        "The directory in force.",
        whole(directory.generation),
    );
    page.gauge("meridian_region_voters", "Regions that vote.", whole(voters));
    page.gauge(
        "meridian_region_directory_proposed",
        "1 while a change of the directory is accepted here and not known to be agreed on.",
        flag(state.next_directory().is_some()),
    );
    page.gauge(
        "meridian_region_directory_reading",
        "1 while what was agreed on before the last change is read from other Regions.",
        flag(state.is_survey_open()),
    );
    page.gauge(
        "meridian_region_excluded",
        "1 when the Region was removed or went back to an earlier state; it does not serve.",
        flag(!state.counts()),
    );
    page.gauge(
        "meridian_region_isolated_peers",
        "Regions with which an operator has stopped the letters; the Region itself stands for all.",
        whole(state.isolated().count() as u64),
    );
}

fn leader(page: &mut Page, link: &LinkStatus) {
    let LinkStatus { unsettled_keys, rotations, alarm_counts, letters, .. } = link;
    page.gauge(
        "meridian_region_unsettled_keys",
        "Keys whose control record is being agreed on.",
        whole(*unsettled_keys),
    );
    page.gauge(
        "meridian_region_rotations_waiting",
        "Rotations that wait for other Regions.",
        whole(rotations.len() as u64),
    );
    let longest = rotations.iter().map(|rotation| rotation.waiting_ms).max().unwrap_or_default();
    page.gauge(
        "meridian_region_rotation_wait_seconds",
        "How long the longest of them has waited.",
        whole(longest) / 1e3,
    );
    page.family(
        "meridian_region_letters_total",
        Kind::Counter,
        "Letters of other Regions, by what became of them.",
    );
    page.sample("meridian_region_letters_total", &[("result", "taken")], whole(letters.0));
    page.sample("meridian_region_letters_total", &[("result", "refused")], whole(letters.1));
    page.family("meridian_region_alarms_total", Kind::Counter, "Alarms since this node leads, by kind.");
    for (alarm, count) in alarm_counts {
        page.sample("meridian_region_alarms_total", &[("alarm", alarm)], whole(*count));
    }
}

fn peers<'a>(page: &mut Page, peers: impl Iterator<Item = (&'a str, &'a PeerStatus)> + Clone) {
    let each = |page: &mut Page, name, help, value: fn(&PeerStatus) -> Option<f64>| {
        page.family(name, Kind::Gauge, help);
        for (region, status) in peers.clone() {
            if let Some(value) = value(status) {
                page.sample(name, &[("peer", region)], value);
            }
        }
    };
    each(
        page,
        "meridian_region_peer_silence_seconds",
        "Time since the peer's last valid letter.",
        |status| status.last_heard_ms.map(|ms| whole(ms) / 1e3),
    );
    each(
        page,
        "meridian_region_peer_lag_entries",
        "Entries of the peer's log that are not known here.",
        |status| status.lag.map(whole),
    );
    each(
        page,
        "meridian_region_peer_canary_age_seconds",
        "Time since all that the peer had committed was known here.",
        |status| Some(whole(status.canary_age_ms) / 1e3),
    );
    each(page, "meridian_region_peer_rotations_waiting", "Rotations that wait for the peer.", |status| {
        Some(whole(status.rotations_held_up.len() as u64))
    });
    let name = "meridian_region_peer_letters_refused_total";
    page.family(name, Kind::Counter, "Letters in the peer's name that were refused, by reason.");
    for (region, status) in peers {
        for (reason, count) in &status.refused {
            page.sample(name, &[("peer", region), ("reason", reason)], whole(*count));
        }
    }
}

fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

/// Exact up to 2^53, as every number of the format.
fn whole(number: u64) -> f64 {
    number as f64
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, Kind::Gauge, help);
        self.sample(name, &[], value);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn samples_are_written_as_the_format_wants_them() {
        let mut page = Page::default();
        page.gauge("meridian_a", "Something.", 1.5);
        page.sample("meridian_b_total", &[("peer", "eu-west-1"), ("reason", "a\"b\\c\nd")], 3.0);
        let expected = "# HELP meridian_a Something.\n# TYPE meridian_a gauge\nmeridian_a 1.5\n\
                        meridian_b_total{peer=\"eu-west-1\",reason=\"a\\\"b\\\\c\\nd\"} 3\n";
        assert_eq!(page.0, expected);
    }

    #[test]
    fn a_peer_has_its_lag_its_canary_and_its_refusals() {
        let mut page = Page::default();
        let status = PeerStatus {
            lag: Some(4),
            canary_age_ms: 2_500,
            refused: BTreeMap::from([("removed", 7)]),
            ..PeerStatus::default()
        };
        peers(&mut page, [("eu-west-1", &status)].into_iter());
        for line in [
            "meridian_region_peer_lag_entries{peer=\"eu-west-1\"} 4",
            "meridian_region_peer_canary_age_seconds{peer=\"eu-west-1\"} 2.5",
            "meridian_region_peer_letters_refused_total{peer=\"eu-west-1\",reason=\"removed\"} 7",
        ] {
            assert!(page.0.lines().any(|found| found == line), "{line}\n{}", page.0);
        }
        assert!(!page.0.contains("silence_seconds{"), "never heard");
    }

    #[test]
    fn alarms_are_counted_by_kind() {
        let mut page = Page::default();
        let link = LinkStatus { alarm_counts: [("peer-behind", 2)].into(), ..LinkStatus::default() };
        leader(&mut page, &link);
        assert!(page.0.contains("meridian_region_alarms_total{alarm=\"peer-behind\"} 2\n"));
    }
}
