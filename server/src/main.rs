//! The `engram` command: the whole lab, a worker anywhere, a run in the terminal, a terminal of a server, data and tokens.

mod cli;
mod client;
mod commands;
mod settings;
mod usage;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let settings = match settings::load() {
        Ok(settings) => settings,
        Err(error) => return failed(&error, 2),
    };
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return failed(&usage::explain(&error, &settings), 2),
        // Help and version are answers, not errors.
        Err(error) => error.exit(),
    };
    let outcome = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(options) => commands::serve(options),
        Command::Worker(options) => commands::worker(options),
        Command::Run(options) => commands::run(options),
        Command::Submit(options) => client::submit(options),
        Command::Fork(options) => client::fork(options),
        Command::Ls(options) => client::ls(options),
        Command::Watch(options) => client::watch(options),
        Command::Logs(options) => client::logs(options),
        Command::Cancel(options) => client::cancel(options),
        Command::Share(options) => client::share(options),
        Command::Data(command) => commands::data(command),
        Command::Token(command) => commands::token(command),
        Command::Completions { shell } => commands::completions(shell),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if client::is_closed_pipe(&error) => ExitCode::FAILURE,
        Err(error) => failed(&error, client::exit_code(&error)),
    }
}

/// One sentence, and the exit code. This is the program's answer, so it goes to standard error, not to the log.
fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("engram: {error:#}");
    ExitCode::from(code)
}
