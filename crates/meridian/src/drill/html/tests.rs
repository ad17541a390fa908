//! The page as a whole: well-formed, complete, and safe against whatever is in a report.

use std::collections::BTreeMap;

use super::*;
use crate::drill::{
    latency::{Bucket, Series},
    observer::{Counts, Event, Gap},
    report::{Checkpoint, ClusterShape, FaultWindow, Figures, Rpo, StepRun, VERSION},
    verify::Sweep,
};

fn report() -> Report {
    let buckets = (0..40).map(|n| Bucket {
        from_ms: n * 250,
        served: 5,
        failed: usize::from(n == 12),
        p50_us: (n != 12).then_some(900 + n * 10),
        max_us: (n != 12).then_some(4_000),
    });
    Report {
        version: VERSION,
        drill: "region-loss".into(),
        description: "Lose a Region & <promote> another".into(),
        started: "2026-01-01T00:00:00Z".into(),
        seed: 42,
        command: "meridian drill region-loss --seed 42".into(),
        cluster: ClusterShape { regions: vec!["us-east-1".into()], witness: None, nodes_per_region: 3 },
        parts: BTreeMap::from([("lost".into(), "us-east-1".into())]),
        lost: Some("us-east-1".into()),
        promoted: None,
        figures: Figures { crypto_rto_ms: Some(1_234), ..Figures::default() },
        rpo: Rpo { acknowledged: 17, ..Rpo::default() },
        counts: Counts {
            encrypts: 321,
            errors: BTreeMap::from([("us-east-1 Encrypt X".into(), 3)]),
            ..Counts::default()
        },
        checkpoints: vec![Checkpoint {
            name: "in the end".into(),
            at_ms: 9_000,
            sweep: Sweep::default(),
            missing: 0,
        }],
        checks: vec![
            Check { name: "target: RPO".into(), held: true, detail: "0, at most 0".into() },
            Check {
                name: "every ciphertext opens".into(),
                held: false,
                detail: "<script>alert(1)</script>".into(),
            },
        ],
        passed: false,
        stopped: Some("step 2: it's \"over\"".into()),
        steps: vec![StepRun {
            number: 1,
            line: 4,
            step: "kill = \"lost\"".into(),
            from_ms: 1_000,
            to_ms: 2_000,
            outcome: StepOutcome::Failed,
        }],
        faults: vec![FaultWindow { what: "us-east-1: killed".into(), from_ms: 1_000, to_ms: None }],
        outages: BTreeMap::from([("us-east-1".into(), Gap { from_ms: 1_000, to_ms: 2_234 })]),
        latency: vec![Series {
            region: "us-east-1".parse().unwrap(),
            bucket_ms: 250,
            buckets: buckets.collect(),
        }],
        end_ms: 10_000,
        timeline: vec![Event { at_ms: 5, event: "begin".into() }],
    }
}

/// Every element that is opened is closed, in order; the answer is the elements that occur.
fn elements(page: &str) -> Vec<String> {
    const VOID: [&str; 1] = ["meta"];
    let (mut open, mut all): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for tag in page.split('<').skip(1).filter(|tag| !tag.starts_with('!')) {
        let inside = tag.split('>').next().unwrap();
        let name: String =
            inside.trim_start_matches('/').chars().take_while(|c| c.is_alphanumeric()).collect();
        if inside.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "near `{tag}`");
        } else {
            all.push(name.clone());
            if !inside.ends_with('/') && !VOID.contains(&name.as_str()) {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    all
}

#[test]
fn page_is_well_formed_and_draws_what_happened() {
    let page = page(&report());
    let all = elements(&page);
    let count = |name: &str| all.iter().filter(|element| *element == name).count();
    assert_eq!(count("svg"), 2, "the timeline and one Region's latency");
    // The hole at bucket 12 splits both lines.
    assert_eq!(count("polyline"), 4);
    assert_eq!(count("circle"), 1);
}

#[test]
fn page_needs_nothing_from_elsewhere_and_runs_nothing() {
    let page = page(&report());
    assert!(
        !elements(&page)
            .iter()
            .any(|element| ["script", "link", "img", "iframe"].contains(&element.as_str()))
    );
    assert!(
        !page.contains("http://")
            && !page.contains("https://")
            && !page.contains("@import")
            && !page.contains("url(")
    );
}

#[test]
fn text_of_the_report_is_escaped() {
    let page = page(&report());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("Lose a Region &amp; &lt;promote&gt; another"));
    assert!(page.contains("it&#39;s &quot;over&quot;"));
}

#[test]
fn page_shows_verdict_seed_command_targets_and_counts() {
    let page = page(&report());
    for text in [
        "FAILED",
        "42",
        "meridian drill region-loss --seed 42",
        "<h2>Targets</h2>",
        "RPO",
        "321",
        "1.2 s",
        "0 of 17",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn page_of_an_empty_drill_is_a_page() {
    let empty = Report {
        latency: vec![],
        steps: vec![],
        faults: vec![],
        outages: BTreeMap::new(),
        end_ms: 0,
        ..report()
    };
    elements(&page(&empty));
}
