//! Definitions: what is read, and what is refused with which line.

use super::*;

const HEAD: &str = "version = 1\nname = \"mine\"\ndescription = \"x\"\n";

fn with_steps(steps: &str) -> String {
    format!("{HEAD}steps = [\n{steps}\n]\n[parts]\nlost = 1\nheir = \"eu-west-1\"\n")
}

fn refusal(text: &str) -> String {
    Definition::parse(text).unwrap_err().to_string()
}

#[test]
fn steps_are_read_in_order_with_line_and_text() {
    let text = with_steps("  { hold = \"1.5s\" },\n  # a remark\n  { kill = \"lost/leader\" },");
    let definition = Definition::parse(&text).unwrap();
    let steps: Vec<_> =
        definition.steps().map(|step| (step.number, step.line, step.text.to_owned())).collect();
    assert_eq!(steps, [(1, 5, "hold = \"1.5s\"".to_owned()), (2, 7, "kill = \"lost/leader\"".to_owned())]);
    assert_eq!(definition.held_ms(), 1_500);
}

#[test]
fn everything_but_name_and_steps_has_a_default() {
    let definition = Definition::parse(&with_steps("{ hold = \"1s\" }")).unwrap();
    assert_eq!((definition.load.rate, definition.load.keys), (20, 4));
    assert_eq!(definition.targets, Targets::default());
    assert_eq!(definition.stop, StopConditions::default());
    assert_eq!(definition.parts["heir"], Part::Named("eu-west-1".parse().unwrap()));
}

#[test]
fn error_of_a_value_names_line_and_column() {
    for (step, says) in [
        ("{ hold = \"soon\" }", "`soon` is no time"),
        ("{ kill = \"lost/first\" }", "PART/NODE"),
        ("{ explode = \"lost\" }", "unknown variant `explode`"),
        ("{ promote = { from = \"lost\", too = \"heir\" } }", "unknown field `too`"),
        ("{ wait-until = { condition = \"agreement\" } }", "missing field `within`"),
        ("{ wait-until = { condition = \"peace\", within = \"1s\" } }", "unknown variant `peace`"),
        ("{ explode = \"lost\" }", "expected one of `hold`, `kill`"),
        ("{ loss = { between = [\"lost\", \"heir\"], share = \"5\" } }", "5% or 0.1%"),
        ("{ rate = { between = [\"lost\", \"heir\"], at = \"1Mbit\" } }", "1mbit, 500kbit"),
        ("{ skew = { of = \"lost\", by = \"late\" } }", "+90s, -5m or 0"),
        ("{ latency = { preset = \"mars\" } }", "`aws`"),
        ("{ latency = { round-trips = [[\"lost\", \"heir\", \"far\"]] } }", "80ms"),
        ("{ delay = { between = [\"lost\"], by = \"80ms\" } }", "length 2"),
        ("{ probe = { at = \"lost\", call = \"sing\" } }", "expected one of `encrypt`, `decrypt`"),
        ("{ probe = { at = \"lost\", call = \"decrypt\", expect = \"maybe\" } }", "`not-served`"),
        ("{ advance-clock = \"soon\" }", "400d"),
    ] {
        let text = refusal(&with_steps(&format!("  {{ hold = \"1s\" }},\n  {step},")));
        assert!(text.contains("line 6") && text.contains(says), "{step}: {text}");
    }
}

#[test]
fn error_of_meaning_names_the_line_of_the_step() {
    for (step, says) in [
        ("{ kill = \"loser\" }", "`loser` is neither a Region nor a part; parts: `heir`, `lost`"),
        ("{ promote = { from = \"lost\", to = \"lost\" } }", "cannot take over from itself"),
        ("{ promote = { from = \"lost\", to = \"heir\", saying = \"x\" } }", "add `expect = \"refused\"`"),
        ("{ wait-until = { condition = \"serving\", within = \"1s\" } }", "add `in = \"...\"`"),
        (
            "{ wait-until = { condition = \"agreement\", in = \"lost\", within = \"1s\" } }",
            "leave `in = \"lost\"` out",
        ),
        ("{ begin-rotations = { in = \"lost\", share = 1.5 } }", "within 0 and 1"),
        ("{ check = \" \" }", "needs a name"),
        ("{ partition = { between = [\"lost/1\", \"lost/1\"] } }", "nothing between `lost/1` and itself"),
        ("{ partition = { between = [\"lost\", \"loser/2\"] } }", "`loser` is neither"),
        ("{ isolate = \"loser/leader\" }", "`loser` is neither"),
        ("{ delay = { between = [\"lost\", \"heir\"], by = \"0s\" } }", "`heal` ends one"),
        (
            "{ delay = { between = [\"lost\", \"heir\"], by = \"1ms\", jitter = \"2ms\" } }",
            "jitter is at most as long",
        ),
        ("{ loss = { between = [\"lost\", \"heir\"], share = \"100%\" } }", "a partition loses everything"),
        ("{ rate = { between = [\"lost\", \"heir\"], at = \"7bit\" } }", "at least 8 bits"),
        ("{ slow-replication = { between = [\"lost\", \"heir\"], by = \"2h\" } }", "at most an hour"),
        ("{ latency = { round-trips = [] } }", "is empty"),
        ("{ latency = { round-trips = [[\"lost\", \"lost\", \"1ms\"]] } }", "no way to itself"),
        ("{ latency = { round-trips = [[\"lost\", \"far\", \"1ms\"]] } }", "`far` is neither"),
        ("{ disk-full = \"loser\" }", "`loser` is neither"),
        ("{ skew = { of = \"loser\", by = \"+1s\" } }", "`loser` is neither"),
        ("{ probe = { at = \"loser\", call = \"encrypt\" } }", "`loser` is neither"),
    ] {
        let text = refusal(&with_steps(&format!("  {{ hold = \"1s\" }},\n  {step},")));
        assert!(text.starts_with("line 6: ") && text.contains(says), "{step}: {text}");
    }
}

#[test]
fn region_may_be_named_without_a_part() {
    assert!(Definition::parse(&with_steps("{ kill = \"ap-southeast-2/2\" }")).is_ok());
}

#[test]
fn file_as_a_whole_is_judged() {
    let steps = "steps = [{ hold = \"1s\" }]\n";
    for (text, says) in [
        (format!("{}{steps}", HEAD.replace("version = 1", "version = 2")), "version 2"),
        (format!("{}{steps}", HEAD.replace("mine", "../mine")), "no name"),
        (format!("{HEAD}steps = []\n"), "no steps"),
        (format!("{HEAD}{steps}[parts]\nus-east-1 = 1\n"), "no name for a part"),
        (format!("{HEAD}{steps}[parts]\na = 0\n"), "counted from 1"),
        (format!("{HEAD}{steps}[parts]\na = true\n"), "line 6"),
        (format!("{HEAD}{steps}[load]\nled-by = \"nobody\"\n"), "nobody"),
        (format!("{HEAD}{steps}[targets]\nrtoo = \"1s\"\n"), "unknown field `rtoo`"),
        (format!("{HEAD}{steps}[stop]\ntime-limit = \"1 day\"\n"), "line 6"),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.contains(says), "{text}\n{refusal}");
    }
}

#[test]
fn times_are_read_and_shown() {
    for (text, ms) in [("250ms", 250), ("20s", 20_000), ("1.5s", 1_500), ("10m", 600_000), ("5", 5_000)] {
        assert_eq!(text.parse(), Ok(Time::from_ms(ms)), "{text}");
    }
    for text in ["", "s", "-1s", "1e3s", "NaN", "1 s", "1d", "9999999h"] {
        assert!(text.parse::<Time>().is_err(), "{text}");
    }
    let shown = [250, 20_000, 1_500].map(|ms| Time::from_ms(ms).to_string());
    assert_eq!(shown, ["250 ms", "20 s", "1.500 s"]);
}

const DOCUMENT: &str = include_str!("../../../../../docs/operations/drills.md");

/// The steps in the first column of the document's tables.
fn documented_steps() -> Vec<&'static str> {
    let cells = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let spans = cells.flat_map(|cell| cell.split("`, `")).map(|step| step.trim_end_matches('`'));
    spans.filter(|step| step.contains(" = ")).collect()
}

#[test]
fn every_step_of_the_document_is_one_and_every_verb_has_one() {
    let steps = documented_steps();
    for step in &steps {
        let read = Definition::parse(&with_steps(&format!("{{ {step} }}")));
        assert!(read.is_ok(), "{step}: {}", read.unwrap_err());
    }
    let unknown = refusal(&with_steps("{ explode = \"lost\" }"));
    let verbs: Vec<&str> = unknown.split("expected one of ").nth(1).unwrap().split(", ").collect();
    assert!(verbs.len() > 30, "{unknown}");
    for verb in verbs {
        let verb = verb.trim().trim_matches('`');
        let begin = format!("{verb} = ");
        assert!(steps.iter().any(|step| step.starts_with(&begin)), "no example of `{verb}`");
    }
}

#[test]
fn every_definition_of_the_document_is_one() {
    let texts: Vec<&str> =
        DOCUMENT.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(texts.len(), 2);
    for text in texts {
        Definition::parse(text).unwrap();
    }
}
