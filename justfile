# The commands of the project by their short names; each is a script or a cargo command that works without just.

# Formats, lints, tidy, unit tests, documentation; writes nothing
check:
    ./tests/run --only fmt,clippy,tidy,cargo
    cargo xtask doc

# Formats and applies what clippy can mend
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged

# The rules of the source tree
tidy:
    cargo xtask tidy

# The Region protocol: known bugs are found; then one scenario as far as it goes in ten minutes
model scenario="loss" bound="2":
    ./tests/run --only model
    cargo run -p kms-model --release -- --scenario {{ scenario }} --bound {{ bound }}

# Whole deployments from seeds, with everything that can go wrong; a number repeats one seed and shows it
sim seed="":
    cargo run -p kms-sim --release -- {{ if seed == "" { "--seeds 1000" } else { "--trace --seed " + seed } }}

# boto3 and the aws CLI against real processes
e2e *pytest:
    ./tests/run --only e2e -- {{ pytest }}

# Real faults on real processes
chaos *pytest:
    ./tests/run --only chaos -- {{ pytest }}

# Everything, with the long variants
full:
    ./tests/run --full

# A Region is lost, under load; or another drill
drill name="region-loss" *flags:
    cargo run --release -p meridian -- drill run {{ name }} {{ flags }}

# What each cryptographic operation costs, and what each decision
bench *filter:
    cargo bench -p kms-crypto --bench operations -- {{ filter }}
    cargo bench -p kms-ops --bench decisions -- {{ filter }}
