use super::*;

fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn rates(mode: RateMode, per_second: &[(&str, f64)]) -> Rates {
    let per_second = per_second.iter().map(|(name, rate)| ((*name).to_owned(), *rate)).collect();
    Rates::new(&RequestRates { mode, per_second })
}

fn admitted(rates: &Rates, caller: &str, operation: Operation, tries: usize) -> usize {
    let admit = |_: &usize| rates.admit(&State::new(), account(caller), operation, &Map::new());
    (0..tries).filter(admit).count()
}

#[test]
fn off_lets_everything_through() {
    let rates = rates(RateMode::Off, &[("CreateKey", 1.0)]);
    assert_eq!(admitted(&rates, "111122223333", Operation::CreateKey, 50), 50);
}

#[test]
fn an_account_uses_up_its_own_class_only() {
    let rates = rates(RateMode::Aws, &[("CreateKey", 3.0), ("symmetric_cryptography", 2.0)]);
    assert_eq!(admitted(&rates, "111122223333", Operation::CreateKey, 10), 3);
    assert_eq!(admitted(&rates, "999988887777", Operation::CreateKey, 10), 3);
    assert_eq!(admitted(&rates, "111122223333", Operation::CreateAlias, 5), 5, "AWS's default");
    assert_eq!(admitted(&rates, "111122223333", Operation::GenerateDataKey, 5), 2);
    assert_eq!(
        admitted(&rates, "111122223333", Operation::GenerateRandom, 5),
        0,
        "one class with GenerateDataKey"
    );
}

#[test]
fn iam_and_sts_have_classes_of_their_own() {
    let rates = rates(RateMode::Aws, &[("iam_change", 2.0), ("sts", 1.0)]);
    let admitted = |action, tries: usize| {
        (0..tries).filter(|_| rates.admit_query(account("111122223333"), action)).count()
    };
    assert_eq!(admitted(Action::CreateUser, 5), 2);
    assert_eq!(admitted(Action::DeleteUser, 5), 0, "one class with CreateUser");
    assert_eq!(admitted(Action::ListUsers, 20), 20);
    assert_eq!(admitted(Action::AssumeRole, 5), 1);
    assert_eq!(admitted(Action::GetCallerIdentity, 5), 0, "one class with AssumeRole");
}

#[test]
fn entries_name_classes_that_exist() {
    let wrong = |name: &str, rate| {
        let rates = RequestRates { mode: RateMode::Aws, per_second: [(name.to_owned(), rate)].into() };
        rates.wrong_entry().is_some()
    };
    assert!(!wrong("CreateKey", 1.0) && !wrong("rsa_cryptography", 0.0));
    assert!(wrong("Encrypt", 1.0), "part of a group");
    assert!(wrong("createkey", 1.0) && wrong("CreateKey", -1.0) && wrong("CreateKey", f64::NAN));
}

#[test]
fn data_key_pairs_are_counted_by_spec() {
    let class = |spec: &str| {
        let object = serde_json::json!({ "KeyPairSpec": spec });
        let object = object.as_object().unwrap();
        Class::of(&State::new(), account("111122223333"), Operation::GenerateDataKeyPair, object)
    };
    let slow = class("RSA_4096");
    assert_eq!((slow.name(), slow.aws_default()), ("data_key_pair_rsa_4096", 0.1));
    assert_ne!(class("ECC_NIST_P256"), slow);
}

#[test]
fn grouped_operations_are_exactly_those_that_are_classed_by_group() {
    for operation in Operation::ALL {
        let class = Class::of(&State::new(), account("111122223333"), *operation, &Map::new());
        let alone = matches!(class, Class::Operation(_));
        assert_eq!(Class::exists(operation.name()), alone, "{operation}");
        assert!(Class::exists(class.name()) && class.aws_default() > 0.0);
    }
}
