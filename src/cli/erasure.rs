//! `tollgate erasure`: what people may have done with their data, as a compliance officer.
mod shown;
mod turn;

use super::{
    Failure, Outcome,
    audit::{
        moment::moment,
        search::{Whom, subject},
    },
    client_file, print, runtime,
};
use crate::{
    client::Staff,
    clock::{Clock, SystemClock},
    limits::ERASURES_MAX,
    wire::{
        Timestamp,
        v1::{self, HoldReason},
    },
};
use clap::Subcommand;
use std::{path::PathBuf, time::Duration};

/// Pause before a page is asked for again.
const WAIT: Duration = Duration::from_millis(200);
/// Pauses in a row: then somebody else asks with the same certificate.
const WAITS_MAX: u32 = 50;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Block a person's record at once, and have it erased as soon as nothing holds it. Again: how it stands.
    Request(One),
    /// Show how it stands with a person: the stage, its dates, and each reason that holds it.
    Show(One),
    /// Keep what there is of a person from being erased.
    Hold(Hold),
    /// End a hold.
    Release(Release),
    /// Show all erasures that are not complete, without the person.
    List(All),
    /// Erase what is ready now, and not within the day.
    RunNow(RunNow),
}

#[derive(clap::Args)]
struct One {
    /// The client's file of a compliance officer.
    #[arg(long, short = 'c')]
    client: PathBuf,
    #[command(flatten)]
    person: Person,
}

/// A person, who must be named.
#[derive(clap::Args)]
#[command(mut_group("Whom", |group| group.required(true)))]
struct Person {
    #[command(flatten)]
    whom: Whom,
}

#[derive(clap::Args)]
struct Hold {
    #[command(flatten)]
    one: One,
    /// Why: legal (a court, a regulator, an incident), dispute, retention (a law says how long).
    #[arg(long, value_parser = reason)]
    reason: HoldReason,
    /// Until when: a day (midnight UTC), or a time with its zone. Until it is released, if not given.
    #[arg(long, value_parser = moment)]
    until: Option<Timestamp>,
    /// The institution's own number for it, at most 64 characters without spaces: never a name.
    #[arg(long, default_value = "")]
    case: String,
}

#[derive(clap::Args)]
struct Release {
    #[command(flatten)]
    one: One,
    /// Number of the hold, as `show` says it.
    hold: u32,
}

#[derive(clap::Args)]
struct All {
    /// The client's file of a compliance officer.
    #[arg(long, short = 'c')]
    client: PathBuf,
}

#[derive(clap::Args)]
struct RunNow {
    #[command(flatten)]
    all: All,
    /// Wait until what is ready is erased, at most ten minutes. Each look is an entry in the log.
    #[arg(long)]
    wait: bool,
}

fn reason(text: &str) -> Result<HoldReason, String> {
    let found = HoldReason::from_str_name(&format!("HOLD_REASON_{}", text.to_ascii_uppercase()));
    found
        .filter(|reason| *reason != HoldReason::Unspecified)
        .ok_or_else(|| "write `legal`, `dispute` or `retention`".to_owned())
}

impl One {
    /// Reads who it is before anybody is connected to.
    async fn begin(self) -> Result<(Staff, v1::Subject), Failure> {
        let person = subject(self.person.whom)?;
        let person = person.ok_or_else(|| Failure::file("say who it is about with `--subject-file`"))?;
        Ok((client_file::connect_staff(&self.client).await?, person))
    }
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    runtime()?.block_on(async {
        let told = match args.act {
            Act::List(all) => return list(&client_file::connect_staff(&all.client).await?, json).await,
            Act::RunNow(asked) => {
                let staff = client_file::connect_staff(&asked.all.client).await?;
                return turn::run_now(&staff, asked.wait, json).await;
            }
            Act::Request(one) => {
                let (staff, person) = one.begin().await?;
                staff.request_erasure(person).await
            }
            Act::Show(one) => {
                let (staff, person) = one.begin().await?;
                staff.erasure(person).await
            }
            Act::Hold(hold) => {
                let (staff, person) = hold.one.begin().await?;
                let request = v1::PlaceHoldRequest {
                    subject: Some(person),
                    reason: hold.reason as i32,
                    until: hold.until,
                    case_number: hold.case,
                };
                staff.place_hold(request).await
            }
            Act::Release(release) => {
                let (staff, person) = release.one.begin().await?;
                staff.release_hold(person, release.hold).await
            }
        };
        let erasure = told.map_err(client_file::failure)?;
        match json {
            true => print::json(&shown::json(&erasure, SystemClock.now())),
            false => shown::show(&erasure, SystemClock.now()),
        }
        Ok(())
    })
}

async fn list(staff: &Staff, json: bool) -> Outcome {
    let (erasures, now) = (all(staff).await?, SystemClock.now());
    let waiting = erasures.iter().filter(|erasure| shown::is_ready(erasure, now)).count();
    if json {
        erasures
            .iter()
            .for_each(|erasure| print::json(&shown::json(erasure, now)));
        print::json(&serde_json::json!({ "erasures": erasures.len(), "ready": waiting }));
        return Ok(());
    }
    if !erasures.is_empty() {
        let rows: Vec<_> = erasures.iter().map(|erasure| shown::row(erasure, now)).collect();
        print::table(&shown::HEAD, &rows);
    }
    print::line(format!(
        "  {} erasures or holds that are not complete, {waiting} of them ready for the next turn of the epoch",
        erasures.len()
    ));
    Ok(())
}

/// All pages.
async fn all(staff: &Staff) -> Result<Vec<v1::Erasure>, Failure> {
    let (mut erasures, mut token, mut waited) = (Vec::new(), String::new(), 0);
    while erasures.len() <= ERASURES_MAX {
        let page = match staff.erasures(token.clone()).await {
            // Pages come faster than a member may ask for them.
            Err(error) if waited < WAITS_MAX && error.is_code("RATE_LIMITED") => {
                waited += 1;
                tokio::time::sleep(WAIT).await;
                continue;
            }
            page => page.map_err(client_file::failure)?,
        };
        waited = 0;
        token = page.next_page_token;
        let is_last = token.is_empty() || page.erasures.is_empty();
        erasures.extend(page.erasures);
        if is_last {
            return Ok(erasures);
        }
    }
    Err(Failure::work(
        "the list has more than a gateway keeps: is the client older than the gateway?",
    ))
}
