//! The command line: `emam ingest`, `emam search`, `emam serve` and so on.
//!
//! There is one for three languages: the program `emam`, Python's `python -m emam` and npm's `emam`
//! all hand their arguments to [`main`]. Each command is a call of a handle of the
//! [`Library`](crate::Library) and a way to print what it gives; nothing is decided here.
//!
//! Records go to standard output, as text for people or with `--json` exactly as every binding
//! gets them: one JSON value, or one a line for lists and streams. Notes, progress and errors go to
//! standard error, errors with `--json` as [`ErrorInfo`](crate::ErrorInfo), one a line.
//!
//! | exit code | |
//! |---|---|
//! | 0 | done; a server that was told to stop |
//! | 1 | failed; what was done stays done |
//! | 2 | the command cannot be understood |
//! | 130 | interrupted (Ctrl-C, SIGTERM); work under way goes on when the library is next opened |

mod archive;
mod aws;
mod call;
mod consolidate;
mod doctor;
mod events;
mod export;
mod ingest;
mod names;
mod output;
mod render;
mod runs;
mod search;
mod serve;
mod session;
mod show;
mod stop;
mod text;
mod timeline;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use output::{Failure, Out};
use session::Session;
use stop::Stop;

use crate::error::Error;
use crate::library::Provider;

/// A media asset management engine on the command line.
#[derive(Debug, Parser)]
#[command(name = "emam", bin_name = "emam", version, no_binary_name = true)]
#[command(after_help = AFTER_HELP)]
struct Cli {
    /// The library's folder; else the one EMAM_LIBRARY names, else the present one.
    #[arg(long, global = true, value_name = "DIR")]
    library: Option<PathBuf>,

    /// Prints records as JSON, one a line, and errors as JSON too.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 not understood, 130 interrupted.

Examples:
  emam ingest --library media A001.mov cards/     take files and folders in
  emam --library media search rain --kind video   find
  emam --library media search rain --json | jq -r .asset.title
  emam doctor                                     see whether everything is there";

#[derive(Debug, Subcommand)]
enum Command {
    Ingest(ingest::Arguments),
    Search(search::Arguments),
    Show(show::Arguments),
    Runs(runs::Arguments),
    Export(export::Arguments),
    Timeline(timeline::Arguments),
    Render(render::Arguments),
    Consolidate(consolidate::Arguments),
    Archive(archive::Arguments),
    Events(events::Arguments),
    Call(call::Arguments),
    Serve(serve::Arguments),
    Doctor(doctor::Arguments),
}

/// Does what a command line says and gives the code to exit with. `arguments` are those after the
/// program's name.
///
/// Runs on the caller's Tokio runtime, which needs all its drivers and more than one thread; prints
/// to standard output and error. Ctrl-C and SIGTERM close the library and then this returns; a
/// second one ends the process at once. The caller should exit by the code without waiting for
/// the runtime's threads: one may be reading from the terminal.
pub async fn main(arguments: Vec<OsString>) -> u8 {
    main_with(arguments, None).await
}

/// As [`main`], with libraries on the backends of `provider` where the settings ask for them.
pub async fn main_with(arguments: Vec<OsString>, provider: Option<Arc<dyn Provider>>) -> u8 {
    if arguments.first().is_some_and(|first| first == "aws") {
        return aws::run(&arguments);
    }
    let out = Out::new(arguments.iter().any(|argument| argument == "--json"));
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&out, &error),
    };
    let session = Session::new(cli.library, provider, out);
    let stop = Stop::listen(&session.out);
    // To be stopped is how a server ends, and it sees to that itself.
    let serves = matches!(cli.command, Command::Serve(_));
    let outcome = tokio::select! {
        outcome = Box::pin(run(&session, cli.command, &stop)) => outcome,
        () = stop.asked(), if !serves => Err(Failure::Interrupted),
    };
    if matches!(outcome, Err(Failure::Interrupted)) {
        session.tell_what_is_left().await;
    }
    session.close().await;
    session.out.end(outcome)
}

async fn run(session: &Session, command: Command, stop: &Stop) -> Result<(), Failure> {
    match command {
        Command::Ingest(arguments) => ingest::run(session, arguments).await,
        Command::Search(arguments) => search::run(session, arguments).await,
        Command::Show(arguments) => show::run(session, arguments).await,
        Command::Runs(arguments) => runs::run(session, arguments).await,
        Command::Export(arguments) => export::run(session, arguments).await,
        Command::Timeline(arguments) => timeline::run(session, arguments).await,
        Command::Render(arguments) => render::run(session, arguments).await,
        Command::Consolidate(arguments) => consolidate::run(session, arguments).await,
        Command::Archive(arguments) => archive::run(session, arguments).await,
        Command::Events(arguments) => events::run(session, arguments).await,
        Command::Call(arguments) => call::run(session, arguments).await,
        Command::Serve(arguments) => serve::run(session, arguments, stop).await,
        Command::Doctor(_) => doctor::run(session).await,
    }
}

/// Help and the version are asked for in the same way as one goes wrong.
fn not_understood(out: &Out, error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // Nobody is left to tell where this cannot be printed.
        let _ = error.print();
        return 0;
    }
    if out.json {
        let text = error.render().to_string();
        let message = text.trim().trim_start_matches("error: ").to_owned();
        out.error(&Error::invalid("cli.arguments", message));
    } else {
        let _ = error.print();
    }
    2
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_its_words() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {argument}", command.get_name());
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }
}
