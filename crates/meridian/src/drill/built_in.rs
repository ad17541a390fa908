//! The drills that come with the program: definition files like anybody's, embedded.

use crate::{
    drill::definition::{Definition, DefinitionError},
    failure::{Failure, io_error},
};

/// A drill that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its definition.
    pub text: &'static str,
}

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(BuiltIn { name: $name, text: include_str!(concat!("built_in/", $name, ".toml")) }),+]
    };
}

/// All of them, in the order in which one would try them.
pub const ALL: &[BuiltIn] = built_in![
    "region-loss",
    "primary-failover",
    "leader-loss",
    "rolling-restart",
    "node-replace",
    "region-return",
    "partition",
    "split-promotion",
    "unsafe-promotion",
    "rotation-under-fault",
    "restore",
];

/// The built-in drill of this name, or the definition in the file of this name.
pub fn find(name: &str) -> Result<Definition, Failure> {
    let not_a_drill = |source: DefinitionError| Failure::NotADrill { name: name.to_owned(), source };
    if let Some(known) = ALL.iter().find(|known| known.name == name) {
        return Definition::parse(known.text).map_err(not_a_drill);
    }
    let path = std::path::Path::new(name);
    if !path.exists() && !name.contains(['/', '.']) {
        let names: Vec<&str> = ALL.iter().map(|known| known.name).collect();
        return Err(Failure::Usage(format!(
            "there is no drill and no file `{name}`; drills: {}",
            names.join(", ")
        )));
    }
    let text = std::fs::read_to_string(path).map_err(io_error("read", path))?;
    Definition::parse(&text).map_err(not_a_drill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_drill_is_one_and_has_the_name_of_its_file() {
        for known in ALL {
            let definition =
                Definition::parse(known.text).unwrap_or_else(|error| panic!("{}: {error}", known.name));
            assert_eq!(definition.name, known.name);
            assert_eq!(definition.targets.rpo, Some(0), "{}: nothing acknowledged may be lost", known.name);
        }
    }

    #[test]
    fn unknown_name_is_answered_with_the_known_ones() {
        let failure = find("region-los").unwrap_err().explain();
        assert!(failure.contains("region-loss"), "{failure}");
    }
}
