//! The command line: one file per subcommand. Prints, asks, exits; decides nothing.
mod admin;
mod ask;
mod audit;
mod backup;
mod cases;
mod check_config;
mod client_file;
mod consent;
mod demo;
mod erasure;
mod ingest;
mod init;
mod keys;
mod notices;
mod period;
mod pki;
mod print;
mod query;
mod serve;
mod suspend;
mod witness;

use crate::{app::AppError, audit::OpenError, channel::DenylistError, keyring, source::VaultError};
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Documented in `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused by the gateway, or the work failed
  2  the command line is wrong
  3  the configuration or a file is wrong
  4  a proof does not hold: a receipt, a key list, the log, or the records that the log names
  5  the gateway cannot be reached";

#[derive(Parser)]
#[command(
    name = "tollgate",
    version,
    about = "Credit-data exchange gateway: derived signals only, sealed, consented, provable",
    after_help = EXIT_CODES
)]
struct Cli {
    /// Print one JSON object (the last line of standard output) instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make keys and data, start a gateway, ask as a bank, verify: everything in one go.
    Demo(demo::Args),
    /// Run the gateway.
    Serve(serve::Args),
    /// Make an empty data directory with its keys.
    Init(init::Args),
    /// Certificates and keys for development.
    Pki(pki::Args),
    /// Load records into an idle data directory.
    Ingest(ingest::Args),
    /// Ask about a person, as a partner; the receipt is verified before anything is printed.
    Query(query::Args),
    /// Grant, confirm, withdraw and list consents.
    Consent(consent::Args),
    /// Requests of persons about their own data: the case list, as a compliance officer.
    Cases(cases::Args),
    /// Erase people, and say what holds it, as a compliance officer.
    Erasure(erasure::Args),
    /// Corrections of records behind answers that you got, as a partner.
    Notices(notices::Args),
    /// Verify and export the log, a receipt or two checkpoints.
    Audit(audit::Args),
    /// Changes that need two people: propose, approve, reject, list; and how it stands with the gateway.
    Admin(admin::Args),
    /// Shut out a member, a certificate or a key at once, as somebody of role security.
    Suspend(suspend::Args),
    /// The gateway's keys: their state, the emergency that ends one, and where their root comes from.
    Keys(keys::Args),
    /// Back up a gateway that runs, check backups by restoring them, restore one.
    Backup(backup::Args),
    /// Keys of a witness, which cosigns checkpoints of other logs.
    Witness(witness::Args),
    /// Say whether a configuration would start, without starting.
    CheckConfig(check_config::Args),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// How a command ended other than well.
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    pub(crate) fn work(message: impl ToString) -> Self {
        Self::new(1, message)
    }
    pub(crate) fn file(message: impl ToString) -> Self {
        Self::new(3, message)
    }
    pub(crate) fn proof(message: impl ToString) -> Self {
        Self::new(4, message)
    }
    pub(crate) fn connection(message: impl ToString) -> Self {
        Self::new(5, message)
    }
    fn is_of_connection(&self) -> bool {
        self.code == 5
    }
    fn new(code: u8, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

impl Failure {
    /// A script that watches the gateway must tell a file to mend from data that is damaged.
    pub(crate) fn app(error: AppError) -> Self {
        match &error {
            AppError::Config(_)
            | AppError::Trust(_)
            | AppError::Credential(_)
            | AppError::DataDir(_)
            | AppError::Keyring(_)
            | AppError::Witness(_)
            | AppError::Backup(_)
            | AppError::Vault(VaultError::OtherCatalogue(_)) => Self::file(error),
            AppError::Log(
                OpenError::Journal(_)
                | OpenError::Entry { .. }
                | OpenError::Shorter { .. }
                | OpenError::Head
                | OpenError::Key
                | OpenError::Root(_),
            )
            | AppError::BehindWitness(_)
            | AppError::KeyringBehind(_)
            | AppError::ArchiveBad(_)
            | AppError::BackupBad(_)
            | AppError::NotReached { .. }
            | AppError::Denylist(DenylistError::Damaged)
            | AppError::Vault(VaultError::Shorter(_)) => Self::proof(error),
            _ => Self::work(error),
        }
    }
}

type Outcome = Result<(), Failure>;

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    let outcome = match cli.command {
        Command::Demo(args) => demo::run(args, json),
        Command::Serve(args) => serve::run(args),
        Command::Init(args) => init::run(&args, json),
        Command::Pki(args) => pki::run(args, json),
        Command::Ingest(args) => ingest::run(&args, json),
        Command::Query(args) => query::run(args, json),
        Command::Consent(args) => consent::run(args, json),
        Command::Cases(args) => cases::run(args, json),
        Command::Erasure(args) => erasure::run(args, json),
        Command::Notices(args) => notices::run(args, json),
        Command::Audit(args) => audit::run(args, json),
        Command::Admin(args) => admin::run(args, json),
        Command::Suspend(args) => suspend::run(args, json),
        Command::Keys(args) => keys::run(args, json),
        Command::Backup(args) => backup::run(args, json),
        Command::Witness(args) => witness::run(&args, json),
        Command::CheckConfig(args) => check_config::run(&args, json),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tollgate", &mut std::io::stdout());
            Ok(())
        }
    };
    keyring::end_tokens();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::failure(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// A runtime for commands that talk.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::work)
}
