//! `forebay format`: makes the directories of a node those of a cluster, as `kafka-storage format`
//! does.
//!
//! Owns: when directories may be formatted, and what is told of it.
//! Promises: what is formatted already is left as it is; a directory that holds anything else is
//! refused; an interrupted format goes on where it stopped.
//! Knows nothing of: a running broker. What a format writes is `metadata`'s.
//! Lives in: one process, one thread. Start at [`run`].

mod features;
mod voters;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::admin::Failure;
use crate::config::{Startup, parse_assignment};
use crate::log::storage::{DirectoryIndex, StorageOwner};
use crate::metadata::{
    FormatPlan, Founding, MetadataLogSettings, NodeSettings, membership_of, metadata_version_name,
    plan_format_with,
};
use crate::model::Uuid;
use crate::runtime::{PlainDisk, wall_ms};
use crate::stdx::Random;
use crate::verify::Directories;

use voters::parse_voters;

/// Make the directories of a node those of a cluster, before its first start
///
/// `forebay serve` does this itself where the settings name no quorum. Where they do, an operator
/// has to say which cluster the node is of, so that a wrong address or a disk that is not mounted
/// is noticed before anything is written.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  forebay format --cluster-id MkU3OEVBNTcwNTJENDM2Qg --config server.properties
  forebay format --config server.properties          a new cluster with this one controller
  forebay format --cluster-id ID --config server.properties \\
      --initial-controllers 1@kafka1:9093:DIR1,2@kafka2:9093:DIR2,3@kafka3:9093:DIR3

`forebay random-uuid` draws the id of a new cluster, and those of directories, which all of these
nodes have to be told alike.

`forebay cluster describe` prints the id of a cluster that runs. Ends with status 0 if the
directories are formatted, and else with 1.")]
pub struct FormatArguments {
    /// The id of the cluster; only a node that is its one controller may draw that itself
    #[arg(long, short = 't', value_name = "ID")]
    pub cluster_id: Option<String>,

    /// The server.properties that the node will run with
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<String>,

    /// Where the data will be (log.dirs); several directories are separated by commas
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,

    /// A setting of the node, as for `forebay serve`
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_assignment)]
    pub set: Vec<(String, String)>,

    /// The node is a controller, and begins a metadata quorum of its own
    #[arg(long, short = 's', group = "quorum")]
    pub standalone: bool,

    /// The controllers that the metadata quorum begins with, each as ID@HOST:PORT:DIRECTORY-ID; all
    /// of them are formatted with the same list
    #[arg(long, short = 'I', value_name = "LIST", group = "quorum")]
    pub initial_controllers: Option<String>,

    /// The node is to join a metadata quorum: it learns from that who votes
    #[arg(long, short = 'N', group = "quorum")]
    pub no_initial_controllers: bool,

    /// The release whose metadata.version a new cluster begins with, as 4.2 or 4.2-IV1
    #[arg(long, short = 'r', value_name = "RELEASE")]
    pub release_version: Option<String>,

    /// The level of a feature that a new cluster begins with; may be given several times
    #[arg(long, short, value_name = "NAME=LEVEL", value_parser = parse_assignment)]
    pub feature: Vec<(String, String)>,

    /// Leave directories alone that are formatted, and format the others
    #[arg(long, short = 'g')]
    pub ignore_formatted: bool,

    /// Print JSON for programs: its fields keep their names and meaning
    #[arg(long)]
    pub json: bool,
}

/// An id that nobody else has.
pub fn draw_id(random: &mut Random) -> Uuid {
    loop {
        if let Some(id) = Uuid::from_random(random.next_bytes16()) {
            return id;
        }
    }
}

/// Format the `directories` of the node with these settings. Ids are drawn from `random`, and must
/// be nobody else's.
#[must_use]
pub fn run(
    arguments: &FormatArguments,
    startup: &Startup,
    directories: &Directories,
    random: Random,
) -> ExitCode {
    match format(arguments, startup, directories, random) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn format(
    arguments: &FormatArguments,
    startup: &Startup,
    directories: &Directories,
    random: Random,
) -> Result<(), Failure> {
    if let Some(id) = &arguments.cluster_id {
        check_cluster_id(id)?;
    }
    let founding = founding(arguments, startup)?;
    let kraft_version = i16::from(!startup.config.quorum.are_several());
    let release = arguments.release_version.as_deref();
    let features = features::features(release, &arguments.feature, kraft_version);
    let features = features.map_err(Failure::Usage)?;
    for path in &directories.paths {
        std::fs::create_dir_all(path).map_err(|error| {
            Failure::Failed(format!("{} cannot be made: {error}", path.display()))
        })?;
    }
    let _locks = directories.lock()?;
    let mut disk = PlainDisk::new(directories.paths.clone());
    let mut settings = node_settings(arguments, startup, directories, random);
    let begins = (&founding, &features[..]);
    let plan = plan_format_with(&mut settings, begins, wall_ms(), |request| {
        disk.perform(request)
    });
    let FormatPlan {
        cluster_id,
        formatted,
        steps,
    } = plan.map_err(Failure::Failed)?;
    let mut all = directories.paths.iter().enumerate();
    let already = all.find(|(index, _)| !formatted.contains(index));
    if let Some((_, path)) = already.filter(|_| !arguments.ignore_formatted) {
        return Err(Failure::Failed(format!(
            "{} is formatted already: use --ignore-formatted to leave it alone and format the \
             others",
            path.display()
        )));
    }
    for request in steps {
        let done = disk.perform(request);
        done.map_err(|failure| Failure::Failed(failure.to_string()))?;
    }
    let places = formatted.iter().map(|index| &directories.paths[*index]);
    let places: Vec<String> = places.map(|path| path.display().to_string()).collect();
    if arguments.json {
        println!("{}", json!({"cluster_id": cluster_id, "formatted": places}));
        return Ok(());
    }
    for (index, path) in formatted.iter().zip(&places) {
        let is_metadata = *index == directories.metadata;
        println!("{}", line(is_metadata, Path::new(path), features[0].1));
    }
    if places.is_empty() {
        println!("All of the log directories are already formatted.");
    }
    println!("The cluster is {cluster_id}.");
    Ok(())
}

/// Whom the quorum begins with.
fn founding(arguments: &FormatArguments, startup: &Startup) -> Result<Founding, Failure> {
    let config = &startup.config;
    let founding = match &arguments.initial_controllers {
        Some(text) => {
            let listener = config.controller_listener_names.first();
            let listener = listener.map_or("CONTROLLER", String::as_str);
            let voters = parse_voters(text, listener);
            let wrong = |reason| Failure::Usage(format!("--initial-controllers: {reason}"));
            Founding::Voters(voters.map_err(wrong)?)
        }
        None if arguments.standalone => Founding::Alone,
        None if arguments.no_initial_controllers => Founding::Elsewhere,
        None => return Ok(Founding::AsConfigured),
    };
    if founding == Founding::Alone && !config.roles.controller {
        let reason = "--standalone is for a controller, which this node is not (process.roles)";
        return Err(Failure::Usage(reason.to_owned()));
    }
    if config.quorum.are_several() {
        return Err(Failure::Usage(
            "controller.quorum.voters says who votes, for ever: leave it out, and name the \
             controllers in controller.quorum.bootstrap.servers"
                .to_owned(),
        ));
    }
    Ok(founding)
}

fn line(has_metadata: bool, path: &Path, metadata_version: i16) -> String {
    let what = if has_metadata { "metadata" } else { "data" };
    let version = metadata_version_name(metadata_version);
    let path = path.display();
    format!("Formatting {what} directory {path} with metadata.version {version}.")
}

/// An id is written into `meta.properties` and sent as a text: Kafka's are 22 characters of
/// base 64, and its own tools take any word.
fn check_cluster_id(id: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=');
    if !id.is_empty() && id.chars().all(is_plain) {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{id:?} is no id of a cluster: it has letters, digits, - and _ only"
    )))
}

fn node_settings(
    arguments: &FormatArguments,
    startup: &Startup,
    directories: &Directories,
    random: Random,
) -> NodeSettings {
    let nobody = StorageOwner {
        slot: 0,
        incarnation: 0,
    };
    NodeSettings {
        settings: startup.settings.clone(),
        config: startup.config.clone(),
        metadata_directory: DirectoryIndex::at(directories.metadata),
        cluster_id: arguments.cluster_id.clone(),
        log: MetadataLogSettings::new(&startup.config),
        membership: membership_of(&startup.config),
        files_owner: nobody,
        log_owner: nobody,
        random,
    }
}
