use super::*;
use kms_crypto::SigningKey;

/// A node of a development cluster; `replace` puts another text in the place of one of its lines.
fn node(replace: Option<(&str, &str)>) -> Result<NodeConfig, toml::de::Error> {
    let key = hex::encode(SigningKey::from_seed([1; 32].into()).verifying().0);
    let id = "5f0c7a52-3f0e-4a57-9a53-7b2f2f2b6f10";
    let text = format!(
        r#"
deployment = "{id}"
region = "us-east-1"
node = 1
role = "data"
incarnation = "{id}"
data_dir = "/nonexistent"
signing_key = "/nonexistent"
listen = {{ api = "127.0.0.1:1", cluster = "127.0.0.1:2" }}
tls = {{ ca = "/ca", cert = "/cert", key = "/key" }}
root_key = {{ file = "/root" }}
local = {{ virtual_clock = true }}
[[member]]
id = 1
cluster = "127.0.0.1:2"
api = "127.0.0.1:1"
[[voter]]
name = "us-east-1"
role = "data"
incarnation = "{id}"
verifying_key = "{key}"
nodes = ["127.0.0.1:2"]
[[credential]]
access_key_id = "test"
secret_access_key = "test"
account = "000000000000"
"#
    );
    let text = match replace {
        Some((from, to)) => {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        }
        None => text,
    };
    toml::from_str(&text)
}

#[test]
fn a_local_cluster_may_have_a_virtual_clock() {
    let config = node(None).unwrap();
    assert_eq!(config.check(), Ok(()));
    assert_eq!(config.clock(), RegionClock::VIRTUAL);
}

#[test]
fn a_normal_node_has_a_real_clock() {
    for (from, to) in
        [("local = { virtual_clock = true }\n", ""), ("virtual_clock = true", "virtual_clock = false")]
    {
        assert_eq!(node(Some((from, to))).unwrap().clock(), RegionClock::Real);
    }
    assert!(node(Some(("local = { virtual_clock = true }", "virtual_clock = true"))).is_err(), "unknown key");
}

#[test]
fn a_local_cluster_is_on_loopback_everywhere() {
    let refused = |from: &str, to: &str| node(Some((from, to))).unwrap().check().unwrap_err();
    for address in ["10.0.0.1:2", "0.0.0.0:2", "[2001:db8::1]:2"] {
        for place in ["cluster = ", "nodes = ["] {
            let (from, to) = (format!("{place}\"127.0.0.1:2\""), format!("{place}\"{address}\""));
            assert_eq!(refused(&from, &to), ConfigError::LocalNotLoopback(address.into()), "{place}");
        }
    }
    let named = refused("nodes = [\"127.0.0.1:2\"", "nodes = [\"localhost:2\"");
    assert_eq!(
        named,
        ConfigError::LocalNotLoopback("localhost:2".into()),
        "a name may come to mean another host"
    );
    let member = node(Some(("cluster = \"127.0.0.1:2\"\napi", "cluster = \"192.0.2.1:2\"\napi"))).unwrap();
    assert_eq!(member.check(), Err(ConfigError::LocalNotLoopback("192.0.2.1:2".into())));
}

#[test]
fn limits_are_awss_unless_the_configuration_names_others() {
    let plain = node(None).unwrap();
    assert_eq!(plain.settings(), Settings::default());
    assert_eq!((plain.request_rates, plain.usage_interval_s), (RequestRates::default(), 30));
    let limits = "quotas = { keys_per_account = 7 }\n\
        request_rates = { mode = \"aws\", per_second = { CreateKey = 0.5 } }\n\
        aws_managed_services = [\"s3\"]\nusage_interval_s = 1\nlocal =";
    let config = node(Some(("local =", limits))).unwrap();
    assert_eq!(config.check(), Ok(()));
    let settings = config.settings();
    assert_eq!(settings.quotas, Quotas { keys_per_account: 7, ..Quotas::default() });
    assert!(settings.managed_services.contains("s3"));
    assert_eq!(config.request_rates.per_second.get("CreateKey"), Some(&0.5));
}

#[test]
fn limits_that_mean_nothing_are_refused() {
    for (text, expected) in [
        ("quotas = { policy_bytes = 32769 }", ConfigError::PolicyQuota(32_769)),
        ("request_rates = { per_second = { Encrypt = 1.0 } }", ConfigError::RequestRate("Encrypt".into())),
        (
            "request_rates = { per_second = { CreateKey = -1.0 } }",
            ConfigError::RequestRate("CreateKey".into()),
        ),
        ("aws_managed_services = [\"a/b\"]", ConfigError::ManagedService("a/b".into())),
        ("usage_interval_s = 0", ConfigError::UsageInterval(0)),
        ("usage_interval_s = 61", ConfigError::UsageInterval(61)),
    ] {
        let config = node(Some(("local =", &format!("{text}\nlocal =")))).unwrap();
        assert_eq!(config.check(), Err(expected), "{text}");
    }
    assert!(node(Some(("local =", "quotas = { keys = 7 }\nlocal ="))).is_err(), "unknown quota");
}
