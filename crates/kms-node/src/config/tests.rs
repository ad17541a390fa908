use super::*;
use kms_crypto::SigningKey;

/// A node of a development cluster; `replace` puts another text in the place of one of its lines.
fn node(replace: Option<(&str, &str)>) -> Result<NodeConfig, toml::de::Error> {
    let key = hex::encode(SigningKey::from_seed([1; 32].into()).verifying().0);
    let id = "0123456789abcdef0123456789abcdef";
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
    for address in ["10.0.0.1:2", "0.0.0.0:2", "localhost:2"] {
        let quoted = format!("\"{address}\"");
        for place in ["cluster = ", "nodes = ["] {
            let (from, to) = (format!("{place}\"127.0.0.1:2\""), format!("{place}{quoted}"));
            let Ok(config) = node(Some((&from, &to))) else { continue };
            assert_eq!(config.check(), Err(ConfigError::LocalNotLoopback(address.into())), "{place}");
        }
    }
    let member = node(Some(("cluster = \"127.0.0.1:2\"\napi", "cluster = \"192.0.2.1:2\"\napi"))).unwrap();
    assert_eq!(member.check(), Err(ConfigError::LocalNotLoopback("192.0.2.1:2".into())));
}
