//! What may happen in a run, and how often.

use crate::{Budget, Cost, Goal, Log, Rule, goal};

/// One family of runs.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// The voting Regions; `w` is a witness.
    pub voters: &'static [&'static str],
    /// The active members at the beginning; the first one is the primary.
    pub members: &'static [&'static str],
    /// When log entries are applied.
    pub log: Log,
    /// How often each event may happen.
    pub budget: Budget,
    /// Regions whose leader may die.
    pub crashing: &'static [&'static str],
    /// Regions that may be lost.
    pub losable: &'static [&'static str],
    /// Members that were evicted just before the beginning and do not know it.
    pub unaware: &'static [&'static str],
    /// Regions that are lost from the beginning.
    pub gone: &'static [&'static str],
    /// Regions that may be restored to their first state.
    pub restored: &'static [&'static str],
    /// Whether the others talk to a restored Region although it is of another incarnation than they know.
    pub restored_are_heard: bool,
    /// Regions that no hint reaches: they learn by pulling, when time passes.
    pub deaf: &'static [&'static str],
    /// Regions for whose leader time may pass.
    pub waiting: &'static [&'static str],
    /// Regions whose clients and operators change what is shared, as far as they are primary.
    pub calling: &'static [&'static str],
    /// Regions whose Region time may move on.
    pub aging: &'static [&'static str],
    /// Regions that an operator may promote.
    pub promoting: &'static [&'static str],
    /// Members that may be evicted.
    pub evicted: &'static [&'static str],
    /// Regions that may become members.
    pub joining: &'static [&'static str],
    /// Members that a handoff may name.
    pub successors: &'static [&'static str],
    /// Regions whose key may be scheduled for deletion.
    pub deleting: &'static [&'static str],
    /// Regions whose operators may change the directory.
    pub changing: &'static [&'static str],
    /// Regions that may be removed and, once lost, come back as a new incarnation.
    pub removing: &'static [&'static str],
    /// Letters about directories arrive at once, if they arrive.
    pub prompt_directory: bool,
    /// One state in so many is followed to its end after the last fault.
    pub followed: u64,
    /// Regions whose clients import material; the key has imported material then.
    pub importing: &'static [&'static str],
    /// Rules that the scenario is known to break, with its reason in `about`.
    pub excused: &'static [Rule],
    /// What must be reached.
    pub goals: &'static [Goal],
}

const EMPTY: Scenario = Scenario {
    name: "",
    about: "",
    voters: &["a", "b", "w"],
    members: &["a", "b"],
    log: Log::Immediate,
    budget: Budget::NONE,
    crashing: &[],
    losable: &[],
    unaware: &[],
    gone: &[],
    restored: &[],
    restored_are_heard: false,
    deaf: &["w"],
    waiting: &[],
    calling: &["a", "b", "c"],
    aging: &["a", "b", "c", "w"],
    promoting: &[],
    evicted: &[],
    joining: &[],
    successors: &[],
    deleting: &[],
    changing: &[],
    removing: &[],
    prompt_directory: false,
    followed: 256,
    importing: &[],
    excused: &[],
    goals: &[],
};

/// Every scenario with the budget of `bound`: 1 is for every test run, 2 and 3 for an afternoon.
pub fn scenarios(bound: u8) -> Vec<Scenario> {
    vec![
        loss(bound),
        abort(bound),
        rotation(bound),
        candidates(bound),
        contest(bound),
        deserted(bound),
        members(bound),
        rejoin(bound),
        join(bound),
        handoff(bound),
        deletion(bound),
        late(bound),
        grave(bound),
        restore(bound),
        reunion(bound),
        force(bound),
        slow_log(bound),
        tamper(bound),
        directory(bound),
        pair(bound),
        replace(bound),
        comeback(bound),
        estranged(bound),
        orphan(bound),
        heir(bound),
        imports(bound),
    ]
}

/// The scenario with this name.
pub fn scenario(name: &str, bound: u8) -> Option<Scenario> {
    scenarios(bound).into_iter().find(|scenario| scenario.name == name)
}

fn loss(bound: u8) -> Scenario {
    Scenario {
        name: "loss",
        about: "The primary rotates, is lost at any moment, and another Region is promoted.",
        budget: Budget::of(&[
            (Cost::Rotate, bound),
            (Cost::Promote, 1),
            (Cost::Loss, 1),
            (Cost::Evict, bound - 1),
            (Cost::Crash, bound - 1),
            (Cost::Short, bound - 1),
            (Cost::Repeat, bound - 1),
        ]),
        crashing: &["b"],
        losable: &["a"],
        waiting: &["b"],
        promoting: &["b"],
        evicted: &["a"],
        goals: &[goal::ROTATED, goal::PROMOTED_AFTER_LOSS, goal::ROTATED_AFTER_LOSS, goal::ADOPTED_UNKNOWN],
        ..EMPTY
    }
}

fn abort(bound: u8) -> Scenario {
    Scenario {
        name: "abort",
        about: "The primary is lost with staged material that nobody else has; a new one waits long enough and gives it up.",
        budget: Budget::of(&[
            (Cost::Rotate, bound),
            (Cost::Promote, 1),
            (Cost::Loss, 1),
            (Cost::Long, 1),
            (Cost::Short, bound - 1),
        ]),
        losable: &["a"],
        waiting: &["b"],
        promoting: &["b"],
        goals: &[goal::PROMOTED_AFTER_LOSS, goal::ABORTED],
        ..EMPTY
    }
}

fn rotation(bound: u8) -> Scenario {
    Scenario {
        name: "rotation",
        about: "Rotations while letters are late and come twice, and the leaders die.",
        budget: Budget::of(&[
            (Cost::Rotate, bound),
            (Cost::Crash, bound),
            (Cost::Repeat, 1),
            (Cost::Short, bound - 1),
        ]),
        crashing: &["a", "b"],
        waiting: &["a", "b"],
        goals: &[goal::ROTATED, goal::ROTATED_EVERYWHERE],
        ..EMPTY
    }
}

fn candidates(bound: u8) -> Scenario {
    Scenario {
        name: "candidates",
        about: "Two Regions are promoted at the same time.",
        voters: &["a", "b", "c"],
        members: &["a", "b", "c"],
        budget: Budget::of(&[
            (Cost::Promote, 2),
            (Cost::Rotate, bound - 1),
            (Cost::Short, bound - 1),
            (Cost::Crash, bound - 1),
        ]),
        crashing: &["b", "c"],
        waiting: &["b", "c"],
        promoting: &["b", "c"],
        goals: &[goal::PROMOTED, goal::CONTENDED, goal::SECOND_PROMOTION],
        ..EMPTY
    }
}

fn contest(bound: u8) -> Scenario {
    Scenario {
        name: "contest",
        about: "Two Regions are promoted at the same time, while the primary rotates.",
        budget: Budget::of(&[(Cost::Promote, 2), (Cost::Rotate, bound), (Cost::Repeat, bound - 1)]),
        goals: &[goal::PROMOTED, goal::CONTENDED, goal::SECOND_PROMOTION],
        ..candidates(bound)
    }
}

fn deserted(bound: u8) -> Scenario {
    Scenario {
        name: "deserted",
        about: "A promotion stops midway, its leader dead or its Region lost; the others find the end of it (ADR 0024).",
        budget: Budget::of(&[
            (Cost::Promote, 1),
            (Cost::Crash, 1),
            (Cost::Loss, 1),
            (Cost::Long, bound),
            (Cost::Rotate, bound - 1),
            (Cost::Repeat, bound - 1),
        ]),
        crashing: &["b"],
        losable: &["b"],
        waiting: &["w"],
        promoting: &["b"],
        followed: 16,
        goals: &[goal::PROMOTED, goal::DESERTED, goal::RECLAIMED],
        ..EMPTY
    }
}

fn members(bound: u8) -> Scenario {
    Scenario {
        name: "members",
        about: "A member is evicted, and becomes one again, during a rotation.",
        voters: &["a", "c", "w"],
        members: &["a", "c"],
        budget: Budget::of(&[
            (Cost::Evict, 1),
            (Cost::Replicate, 1),
            (Cost::Rotate, 1),
            (Cost::Crash, bound - 1),
            (Cost::Short, bound - 1),
            (Cost::Repeat, bound - 1),
        ]),
        crashing: &["a"],
        waiting: &["a", "c"],
        evicted: &["c"],
        joining: &["c"],
        goals: &[goal::EVICTED, goal::ROTATED_WITHOUT_EVICTED, goal::EVICTED_SEALS_ON, goal::REJOINED],
        ..EMPTY
    }
}

fn rejoin(bound: u8) -> Scenario {
    Scenario {
        name: "rejoin",
        about: "A rotation waits for a member that is lost, while another is evicted and becomes one again.",
        voters: &["a", "b", "c"],
        members: &["a", "b", "c"],
        budget: Budget::of(&[
            (Cost::Evict, 1),
            (Cost::Replicate, 1),
            (Cost::Rotate, 1),
            (Cost::Short, bound - 1),
            (Cost::Repeat, bound - 1),
        ]),
        gone: &["b"],
        waiting: &["a", "c"],
        evicted: &["c"],
        joining: &["c"],
        goals: &[goal::EVICTED, goal::REJOINED, goal::JOINED_DURING_ROTATION],
        ..EMPTY
    }
}

fn join(bound: u8) -> Scenario {
    Scenario {
        name: "join",
        about: "A Region joins during a rotation, and the primary may be lost.",
        voters: &["a", "b", "c"],
        members: &["a", "b"],
        budget: Budget::of(&[
            (Cost::Replicate, 1),
            (Cost::Rotate, 1),
            (Cost::Promote, bound - 1),
            (Cost::Loss, bound - 1),
        ]),
        losable: &["a"],
        promoting: &["b"],
        joining: &["c"],
        goals: &[goal::JOINED, goal::JOINED_DURING_ROTATION, goal::ROTATED],
        ..EMPTY
    }
}

fn handoff(bound: u8) -> Scenario {
    Scenario {
        name: "handoff",
        about: "UpdatePrimaryRegion, while the leaders of both sides die and the old primary may wait long enough.",
        budget: Budget::of(&[
            (Cost::Handoff, 1),
            (Cost::Crash, bound),
            (Cost::Long, 1),
            (Cost::Rotate, bound - 1),
            (Cost::Repeat, bound - 1),
        ]),
        crashing: &["a", "b"],
        waiting: &["a"],
        successors: &["b"],
        goals: &[goal::UPDATING, goal::HANDED_OVER, goal::TAKEN_BACK],
        ..EMPTY
    }
}

fn deletion(bound: u8) -> Scenario {
    Scenario {
        name: "deletion",
        about: "Primary and replica are scheduled for deletion in any order and their windows end, or they are cancelled.",
        budget: Budget::of(&[
            (Cost::Schedule, 2),
            (Cost::Window, 2 + bound),
            (Cost::Cancel, 1),
            (Cost::Rotate, bound - 1),
        ]),
        deleting: &["a", "b"],
        goals: &[goal::PRIMARY_WAITS, goal::CANCELLED, goal::DESTROYED],
        ..EMPTY
    }
}

fn late(bound: u8) -> Scenario {
    Scenario {
        name: "late",
        about: "The key is destroyed, and a member that missed its own eviction hears of it months later.",
        budget: Budget::of(&[
            (Cost::Schedule, 1),
            (Cost::Window, 3),
            (Cost::Short, bound),
            (Cost::Promote, bound - 1),
        ]),
        waiting: &["b"],
        promoting: &["b"],
        unaware: &["b"],
        deleting: &["a"],
        goals: &[goal::DESTROYED, goal::AWAY_WHILE_DESTROYED, goal::BURIED_LATE, goal::GONE_EVERYWHERE],
        ..EMPTY
    }
}

fn grave(bound: u8) -> Scenario {
    Scenario {
        name: "grave",
        about: "A member that does not know that it was evicted is promoted unsafely, while the key is destroyed.",
        budget: Budget::of(&[
            (Cost::Schedule, 1),
            (Cost::Window, 2),
            (Cost::Force, 1),
            (Cost::Long, 1),
            (Cost::Short, bound - 1),
        ]),
        waiting: &["b"],
        aging: &["a", "w"],
        promoting: &["b"],
        unaware: &["b"],
        deleting: &["a"],
        goals: &[goal::DESTROYED, goal::FORCED, goal::BURIED_LATE],
        ..EMPTY
    }
}

fn restore(bound: u8) -> Scenario {
    Scenario {
        name: "restore",
        about: "A Region is restored to an earlier state. Its incarnation is new, so nobody listens to it: it does not vote.",
        voters: &["a", "b", "c"],
        members: &["a", "b", "c"],
        budget: Budget::of(&[
            (Cost::Restore, 1),
            (Cost::Rotate, bound.min(1)),
            (Cost::Promote, 1),
            (Cost::Evict, bound - 1),
        ]),
        restored: &["c"],
        promoting: &["b"],
        evicted: &["c"],
        // C1 asks every active member, and the restored one is one until it is evicted.
        excused: &[Rule::C1],
        goals: &[goal::RESTORED, goal::RESTORED_BEHIND, goal::PROMOTED],
        ..EMPTY
    }
}

fn reunion(bound: u8) -> Scenario {
    Scenario {
        name: "reunion",
        about: "Regions restored to different points hear each other (failure case 18): tombstones win, registers meet again.",
        budget: Budget::of(&[
            (Cost::Schedule, 1),
            (Cost::Window, 2),
            (Cost::Restore, bound),
            (Cost::Short, bound),
        ]),
        restored: &["a", "b", "w"],
        restored_are_heard: true,
        waiting: &["a", "b"],
        aging: &["a", "w"],
        unaware: &["b"],
        deleting: &["a"],
        excused: &[
            Rule::C1,
            Rule::C2,
            Rule::C3,
            Rule::C5,
            Rule::C6,
            Rule::D1,
            Rule::D2,
            Rule::D3,
            Rule::D4,
            Rule::Rule1,
        ],
        goals: &[goal::RESTORED, goal::RESTORED_AFTER_TOMBSTONE],
        ..EMPTY
    }
}

fn force(bound: u8) -> Scenario {
    Scenario {
        name: "force",
        about: "A Region that reaches nobody is promoted unsafely; the others evict it and rotate; then both sides meet.",
        budget: Budget::of(&[
            (Cost::Force, 1),
            (Cost::Long, 1),
            (Cost::Rotate, 1),
            (Cost::Evict, 1),
            (Cost::Short, 1),
            (Cost::Promote, bound - 1),
        ]),
        calling: &["a"],
        waiting: &["b"],
        promoting: &["b"],
        evicted: &["b"],
        goals: &[goal::FORCED, goal::SPLIT, goal::MERGED],
        ..EMPTY
    }
}

fn slow_log(bound: u8) -> Scenario {
    Scenario {
        name: "slow-log",
        about: "As `loss`, with a log in which entries wait, and leaders that die between proposal and outcome.",
        log: Log::Slow,
        budget: Budget::of(&[
            (Cost::Rotate, 1),
            (Cost::Crash, 1),
            (Cost::Promote, bound - 1),
            (Cost::Loss, bound - 1),
        ]),
        crashing: &["a", "b"],
        losable: &["a"],
        promoting: &["b"],
        goals: &[goal::ROTATED],
        ..EMPTY
    }
}

fn tamper(bound: u8) -> Scenario {
    Scenario {
        name: "tamper",
        about: "Envelopes with other bytes than the record's commitment reach the register (failure case 22).",
        budget: Budget::of(&[(Cost::Rotate, bound), (Cost::Corrupt, 1), (Cost::Short, 1)]),
        waiting: &["b"],
        goals: &[goal::ROTATED],
        ..EMPTY
    }
}

fn directory(bound: u8) -> Scenario {
    Scenario {
        name: "directory",
        about: "Two Regions remove a third at the same time, and leaders die (rule 12).",
        budget: Budget::of(&[
            (Cost::Directory, 2),
            (Cost::Crash, 1),
            (Cost::Short, 1),
            (Cost::Rotate, bound - 1),
            (Cost::Loss, bound - 1),
        ]),
        crashing: &["a"],
        losable: &["w"],
        waiting: &["a", "b"],
        changing: &["a", "b"],
        removing: &["w"],
        goals: &[goal::DIRECTORY_CONTENDED, goal::DIRECTORY_CHANGED, goal::REMOVED_KNOWS],
        ..EMPTY
    }
}

fn pair(bound: u8) -> Scenario {
    Scenario {
        name: "pair",
        about: "Of two Regions one removes the other, during a rotation (rule 12).",
        voters: &["a", "b"],
        budget: Budget::of(&[(Cost::Directory, 1), (Cost::Rotate, 1), (Cost::Short, bound - 1)]),
        waiting: &["a", "b"],
        changing: &["a"],
        removing: &["b"],
        goals: &[goal::DIRECTORY_CHANGED, goal::ROTATED_ALONE, goal::REMOVED_KNOWS],
        ..EMPTY
    }
}

fn replace(bound: u8) -> Scenario {
    Scenario {
        name: "replace",
        about: "The witness is lost and comes back with an empty disk during rotation and promotion; the primary is lost, too.",
        budget: Budget::of(&[
            (Cost::Rotate, 1),
            (Cost::Promote, 1),
            (Cost::Loss, 2),
            (Cost::Directory, 2),
            (Cost::Found, 1),
            (Cost::Short, bound - 1),
        ]),
        losable: &["a", "w"],
        waiting: &["b"],
        promoting: &["b"],
        changing: &["a"],
        removing: &["w"],
        prompt_directory: true,
        deaf: &[],
        goals: &[goal::REPLACED, goal::PROMOTED],
        ..EMPTY
    }
}

fn comeback(bound: u8) -> Scenario {
    Scenario {
        name: "comeback",
        about: "A member is lost, comes back with an empty disk, and gets the key again (failure case 17).",
        voters: &["a", "b", "c"],
        members: &["a", "b", "c"],
        budget: Budget::of(&[
            (Cost::Loss, 1),
            (Cost::Directory, 2),
            (Cost::Found, 1),
            (Cost::Replicate, 1),
            (Cost::Rotate, bound - 1),
            (Cost::Short, 1),
        ]),
        losable: &["c"],
        waiting: &["a"],
        calling: &["a"],
        changing: &["a"],
        removing: &["c"],
        joining: &["c"],
        prompt_directory: true,
        goals: &[goal::REPLACED, goal::REPLACED_IS_MEMBER],
        ..EMPTY
    }
}

fn estranged(bound: u8) -> Scenario {
    Scenario {
        name: "estranged",
        about: "A member is removed and would come back with an empty disk before the primary hears of the removal.",
        voters: &["a", "b", "c", "w"],
        members: &["a", "b", "c"],
        budget: Budget::of(&[
            (Cost::Loss, 1),
            (Cost::Directory, 2),
            (Cost::Found, bound),
            (Cost::Short, bound - 1),
            (Cost::Rotate, bound - 1),
        ]),
        losable: &["c"],
        waiting: &["b"],
        calling: &["a"],
        changing: &["b"],
        removing: &["c"],
        deaf: &["a"],
        prompt_directory: true,
        goals: &[goal::DIRECTORY_CHANGED, goal::ESTRANGED],
        ..EMPTY
    }
}

fn orphan(bound: u8) -> Scenario {
    Scenario {
        name: "orphan",
        about: "The only holder of a key is lost while it replicates it, is removed by who may not know of the replica, and comes back with an empty disk.",
        voters: &["a", "b", "c"],
        members: &["a"],
        budget: Budget::of(&[
            (Cost::Replicate, 1),
            (Cost::Loss, 1),
            (Cost::Directory, 2),
            (Cost::Promote, 1),
            (Cost::Found, bound - 1),
            (Cost::Short, bound),
        ]),
        losable: &["a"],
        waiting: &["c"],
        calling: &["a"],
        joining: &["b"],
        promoting: &["b"],
        changing: &["c"],
        removing: &["a"],
        deaf: &["c"],
        prompt_directory: true,
        goals: &[goal::GIVEN_UP, goal::GIVEN_UP_JOINING, goal::KEPT],
        ..EMPTY
    }
}

fn heir(bound: u8) -> Scenario {
    Scenario {
        name: "heir",
        about: "The primary is lost during a rotation; it is removed, and a member promoted, in any order.",
        voters: &["a", "b", "c"],
        members: &["a", "c"],
        budget: Budget::of(&[
            (Cost::Loss, 1),
            (Cost::Directory, 1),
            (Cost::Promote, 1),
            (Cost::Rotate, 1),
            (Cost::Short, bound),
        ]),
        losable: &["a"],
        waiting: &["b", "c"],
        calling: &["a"],
        promoting: &["c"],
        changing: &["b"],
        removing: &["a"],
        deaf: &[],
        prompt_directory: true,
        goals: &[goal::DIRECTORY_CHANGED, goal::PROMOTED],
        ..EMPTY
    }
}

fn imports(bound: u8) -> Scenario {
    Scenario {
        name: "imports",
        about: "A key with imported material gets another one in every Region, and is rotated to it.",
        budget: Budget::of(&[
            (Cost::Import, 2),
            (Cost::Rotate, 1),
            (Cost::Loss, bound - 1),
            (Cost::Promote, bound - 1),
            (Cost::Short, bound - 1),
            (Cost::Crash, bound - 1),
        ]),
        crashing: &["b"],
        losable: &["a"],
        waiting: &["b"],
        promoting: &["b"],
        importing: &["a", "b"],
        goals: &[goal::IMPORT_PENDING, goal::IMPORTED_EVERYWHERE, goal::ROTATED],
        ..EMPTY
    }
}
