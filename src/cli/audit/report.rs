//! `tollgate audit report`: everything about one person, as JSON with its proof and as a page for print.
use super::{
    document, moment,
    search::{Whom, subject},
    write,
};
use crate::{
    cli::{Failure, Outcome, client_file, print, runtime},
    domain::Language,
    evidence::{self, DocumentProof},
    wire::{Timestamp, v1},
};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's file of an officer.
    #[arg(long, short = 'c')]
    client: PathBuf,
    #[command(flatten)]
    person: Whom,
    /// Entries from here on: a day (midnight UTC), or a time with its zone.
    #[arg(long, value_parser = moment::moment)]
    from: Option<Timestamp>,
    /// Entries before this.
    #[arg(long, value_parser = moment::moment)]
    until: Option<Timestamp>,
    /// Why the report is made, for its entry: such as the number of the case. Not the person's name.
    #[arg(long, default_value = "")]
    reason: String,
    /// Language of the page: `en` or `zh`.
    #[arg(long, default_value = "zh")]
    language: String,
    /// The page to write, such as `report.html`; beside it `.json` and `.proof` are written.
    #[arg(long, short = 'o')]
    output: PathBuf,
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    let subject = subject(args.person)?
        .ok_or_else(|| Failure::file("say about whom: `--subject-file`, `--resident-id`, `--mobile` or `--opaque`"))?;
    let request = v1::ReportSubjectRequest {
        subject: Some(subject),
        from: args.from,
        until: args.until,
        reason: args.reason,
    };
    let (response, key) = runtime()?.block_on(async {
        let staff = client_file::connect_staff(&args.client).await?;
        let response = staff.report(request).await.map_err(client_file::failure)?;
        Ok::<_, Failure>((response, staff.key().clone()))
    })?;
    // Nothing is written that the log does not stand behind.
    let proof = DocumentProof::from_wire(response.proof.unwrap_or_default()).map_err(Failure::proof)?;
    let (report, proven) = evidence::verify_report(&response.document, &proof, &key).map_err(Failure::proof)?;
    let page = evidence::page(&response.document, &proof, Language::of(&args.language)).map_err(Failure::proof)?;
    let text = String::from_utf8(response.document).map_err(Failure::proof)?;
    write(&args.output.with_extension("json"), &text)?;
    write(&args.output.with_extension("proof"), &proof.encode())?;
    write(&args.output, &page)?;
    if json {
        let mut said = document::report_json(&report, &proven);
        if let Some(said) = said.as_object_mut() {
            said.insert("file".to_owned(), args.output.display().to_string().into());
        }
        print::json(&said);
        return Ok(());
    }
    document::show_report(&report, &proven);
    print::line(format!(
        "  in `{}`, with `.json` and `.proof` beside it",
        args.output.display()
    ));
    Ok(())
}
