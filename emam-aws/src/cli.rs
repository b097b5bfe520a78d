//! The command line with AWS: all commands of [`emam_core::cli`], on an account where `EMAM_AWS`
//! names its settings, and `emam aws …` about the account itself.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use emam_core::model::PageRequest;
use emam_core::{Error, Result};

use crate::settings::AwsSettings;
use crate::{Account, AwsProvider, policy};

/// What `emam aws` takes.
#[derive(Debug, Parser)]
#[command(name = "emam aws", bin_name = "emam aws", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the least IAM policy the settings need, as JSON.
    Policy {
        /// The settings file: the stack's output `Settings`.
        #[arg(long, env = "EMAM_AWS", value_name = "FILE")]
        settings: PathBuf,
        /// Whose policy.
        #[arg(long = "for", value_enum, default_value_t = Whose::Worker)]
        whose: Whose,
        /// The folder of the originals a feeder may upload under; all of them when absent.
        #[arg(long, value_name = "PREFIX", default_value = "")]
        under: String,
    },
    /// Looks whether buckets and queue can be reached with the present credentials. Changes nothing.
    Check {
        /// The settings file: the stack's output `Settings`.
        #[arg(long, env = "EMAM_AWS", value_name = "FILE")]
        settings: PathBuf,
    },
}

/// Who needs a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    /// A process that works on runs.
    Worker,
    /// A panel or page that shows media.
    Panel,
    /// A feeder, which uploads and does nothing else.
    Feeder,
}

/// As [`emam_core::cli::main`], with AWS.
pub async fn main(arguments: Vec<OsString>) -> u8 {
    if arguments.first().is_none_or(|first| first != "aws") {
        return emam_core::cli::main_with(arguments, Some(Arc::new(AwsProvider))).await;
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell where this cannot be printed.
            let _ = error.print();
            return if error.use_stderr() { 2 } else { 0 };
        }
    };
    match Box::pin(run(cli.command)).await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("error: {}", error.report());
            1
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Policy { settings, whose, under } => {
            let settings = AwsSettings::from_file(settings)?;
            let policy = match whose {
                Whose::Worker => policy::policy(&settings),
                Whose::Panel => policy::panel(&settings),
                Whose::Feeder => policy::feeder(&settings, &under),
            };
            println!("{policy:#}");
            Ok(())
        }
        Command::Check { settings } => {
            let account = Account::connect(AwsSettings::from_file(settings)?).await?;
            let mut wrong = None;
            for (what, looked) in look(&account).await {
                match looked {
                    Ok(()) => println!("ok    {what}"),
                    Err(error) => {
                        println!("wrong {what}: {error}");
                        wrong.get_or_insert(error);
                    }
                }
            }
            wrong.map_or(Ok(()), Err)
        }
    }
}

/// One harmless request to each.
async fn look(account: &Account) -> Vec<(String, Result<(), Error>)> {
    let page = || PageRequest { limit: 1, ..PageRequest::default() };
    let buckets = &account.settings().buckets;
    let mut looked = Vec::new();
    for (role, bucket, storage) in [
        ("originals", &buckets.originals, account.originals()),
        ("proxies", &buckets.proxies, account.proxies()),
    ] {
        let listed = storage.list(None, page()).await.map(drop);
        looked.push((format!("bucket {} ({role})", bucket.name), listed));
    }
    #[cfg(feature = "events")]
    if let Some(url) = &account.settings().events.queue_url {
        let client = aws_sdk_sqs::Client::new(&account.context().of("sqs"));
        let asked = client.get_queue_attributes().queue_url(url).send().await;
        let asked = asked.map(drop).map_err(|cause| crate::error::error("aws.check", cause));
        looked.push((format!("queue {url}"), asked));
    }
    looked
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
