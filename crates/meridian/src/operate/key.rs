//! `meridian key promote`: one key's primary, moved by an operator.

use clap::Subcommand;

use crate::{
    failure::Failure,
    operate::region::{PromoteKeyArgs, promote_key},
};

/// Commands of `meridian key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a Region the primary of a key whose primary Region is lost.
    #[command(after_help = "Examples:
  meridian key promote mrk-0123... --in eu-west-1
  meridian key promote mrk-0123... --in eu-west-1 --unsafe    only when no majority of Regions can be reached
While the primary lives, `aws kms update-primary-region` moves it without an operator.")]
    Promote(PromoteKeyArgs),
}

/// Runs the command.
pub async fn run(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Promote(args) => promote_key(args).await,
    }
}
