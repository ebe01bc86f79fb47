//! `pointsman demo`.

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::sync::broadcast;

use super::command::{CommandOutcome, LogStyle, block_on, start_log};
use super::out::say;
use crate::cli::scene::Scene;
use crate::config::Plan;
use crate::events::Event;
use crate::operator::Operator;
use crate::operator::error::ErrorCode;
use crate::operator::send::{SendReport, SendRequest};
use crate::server::Server;
use crate::server::signals::{Hangup, Signals};

/// Makes a folder with two complete stations, sends a file, swaps a policy, sends another.
#[derive(Debug, Args)]
pub(super) struct DemoCommand {
    /// The folder to make; where it is there already, one with a number behind its name is made: nothing is removed.
    #[arg(long, default_value = "pointsman-demo", value_name = "FOLDER")]
    dir: PathBuf,
    /// End after the two files instead of leaving the stations up.
    #[arg(long)]
    once: bool,
}

impl DemoCommand {
    pub(super) fn run(self) -> CommandOutcome {
        start_log(LogStyle::Quiet)?;
        let scene = Scene::set(&self.dir)?;
        if !scene.root.ends_with(&self.dir) {
            say!(
                "{} is there already, and stays as it is.",
                self.dir.display()
            );
        }
        block_on(play(&scene, self.once))
    }
}

async fn play(scene: &Scene, once: bool) -> CommandOutcome {
    step(&format!(
        "Made two stations with certificates, passwords and policies in {}",
        scene.root.display()
    ));
    let nordwerk = Server::start(Plan::load(&scene.nordwerk)?).await?;
    let mueller = Server::start(Plan::load(&scene.mueller)?).await?;
    for (name, server) in [
        ("nordwerk, the car maker,", &nordwerk),
        ("mueller, the supplier,", &mueller),
    ] {
        for (address, _) in server.addresses() {
            say!("   {name} listens on {address} with TLS");
        }
    }
    let printing = tokio::spawn(print_events(nordwerk.events(), mueller.events()));
    let (customer, supplier) = (nordwerk.operator(), mueller.operator());
    let inbox = &customer.plan().storage.inbox;

    step("mueller sends a despatch advice (EDIFACT DESADV) to nordwerk");
    say!(
        "   signed with mueller's key, compressed, and encrypted so that only nordwerk can open it; mueller asks for a signed receipt"
    );
    send(&supplier, &scene.sample, "DESADV.4711").await?;
    step("The routing policy is swapped while both stations run");
    swap(&customer, &scene.other_route).await?;
    step("mueller sends a second one: another policy decides, and it lands elsewhere");
    send(&supplier, &scene.sample, "DESADV.4712").await?;
    step("What lies in nordwerk's inbox now");
    show(inbox, inbox);

    if !once {
        invite(scene);
        Signals::listen(Hangup::Ends)?.asked().await;
    }
    printing.abort();
    tokio::join!(nordwerk.drain(), mueller.drain());
    Ok(())
}

fn step(what: &str) {
    say!("");
    say!("== {what}");
}

async fn send(operator: &Operator, file: &Path, name: &str) -> CommandOutcome {
    let request = SendRequest {
        partner: "nordwerk".to_owned(),
        file: Some(file.to_owned()),
        name: Some(name.to_owned()),
        description: "Despatch advice LS8004711".to_owned(),
        ..SendRequest::default()
    };
    let sent = operator.send(&request).await?.make().await;
    // What is told comes over a channel: let it be told before the next step.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    match sent? {
        SendReport::Acknowledged { receipt } => {
            say!("   the receipt is the car maker's, for this very file: {receipt}");
            Ok(())
        }
        SendReport::Sent | SendReport::NothingWaits => Err(ErrorCode::NotSent
            .because("the file went, and no receipt came")
            .into()),
    }
}

async fn swap(operator: &Operator, component: &Path) -> CommandOutcome {
    let swapped = operator.swap_policy("route", component, |_, _| {}).await?;
    say!(
        "   route: sha256:{:.12} -> sha256:{:.12}, generation {}",
        swapped.previous,
        swapped.digest,
        swapped.generation
    );
    Ok(())
}

/// Prints both stations' events as sentences.
async fn print_events(
    mut nordwerk: broadcast::Receiver<Event>,
    mut mueller: broadcast::Receiver<Event>,
) {
    loop {
        let (who, event) = tokio::select! {
            Ok(event) = nordwerk.recv() => ("nordwerk", event),
            Ok(event) = mueller.recv() => ("mueller ", event),
            else => return,
        };
        if !matches!(event, Event::Progress { .. }) {
            say!("   {who}  {event}");
        }
    }
}

fn show(inbox: &Path, folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            show(inbox, &path);
        } else {
            let octets = path.metadata().map_or(0, |meta| meta.len());
            say!(
                "   {} ({octets} octets)",
                path.strip_prefix(inbox).unwrap_or(&path).display()
            );
        }
    }
}

fn invite(scene: &Scene) {
    let program = std::env::current_exe().map_or_else(
        |_| "pointsman".to_owned(),
        |path| path.display().to_string(),
    );
    let root = scene.root.display();
    say!("");
    say!("== Both stations stay up until Ctrl-C. In another terminal, try:");
    say!(
        "   export PATH=\"{}:$PATH\"",
        Path::new(&program)
            .parent()
            .unwrap_or(Path::new("."))
            .display()
    );
    say!(
        "   pointsman send {root}/DESADV.edi --as DELFOR.1 --to nordwerk -c {root}/mueller/pointsman.yaml"
    );
    say!("   pointsman transfers list -c {root}/nordwerk/pointsman.yaml");
    say!(
        "   pointsman policy swap route {root}/nordwerk/policies/route.wasm -c {root}/nordwerk/pointsman.yaml"
    );
    say!("   pointsman status -c {root}/nordwerk/pointsman.yaml");
    say!("   pointsman check -c {root}/nordwerk/pointsman.yaml");
}
