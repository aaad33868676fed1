//! The arguments of `forebay serve`, and what they make of the settings.

use clap::Args;

use super::broker::BrokerConfig;
use super::settings::{BrokerSettings, ConfigError, GivenSetting, Origin, Warning, decode_file};
use super::value::parse_size;

/// What applies where no file is given: Kafka's own `server.properties`, as far as it differs from
/// the defaults, on this machine only.
const SHIPPED: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("controller.listener.names", "CONTROLLER"),
    ("listeners", "PLAINTEXT://127.0.0.1:9092"),
    ("log.dirs", "./forebay-data"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
];

/// Run a broker.
///
/// Without arguments: on 127.0.0.1:9092, with its data in ./forebay-data, one shard for each CPU.
/// Every setting of a Kafka broker can be given with --set or in a file with --config; an option
/// here is a short way of setting the one it names, and counts more than --set, which counts more
/// than the file.
#[derive(Args, Clone, Debug, Default, Eq, PartialEq)]
pub struct ServeArguments {
    /// Where the data is kept (log.dirs); several directories are separated by commas
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,

    /// Where to listen (listeners): HOST:PORT, or NAME://HOST:PORT,… for several; an empty HOST
    /// means every interface
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,

    /// What clients are told to connect to (advertised.listeners), if it is not what --listen
    /// says: HOST:PORT, or NAME://HOST:PORT,…
    #[arg(long, value_name = "ADDRESS")]
    pub advertise: Option<String>,

    /// How many shards to run, each a thread with a CPU of its own (forebay.shards)
    #[arg(long, value_name = "COUNT")]
    pub shards: Option<u16>,

    /// Which CPUs to run on, such as 0-3,6 (forebay.cpus)
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,

    /// How much memory to use, such as 4GiB (forebay.memory.bytes)
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub memory: Option<String>,

    /// Where to serve /metrics and /health over HTTP: HOST:PORT (forebay.http.listen)
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<String>,

    /// A server.properties of Kafka to take settings from; Kafka's defaults apply to what it
    /// leaves out
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,

    /// A setting, such as log.retention.hours=24; may be given many times
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_assignment)]
    pub set: Vec<(String, String)>,

    /// Do not start if a setting is unknown or has no effect, instead of warning
    #[arg(long)]
    pub strict_config: bool,
}

/// What a broker starts with.
#[derive(Clone, Debug)]
pub struct Startup {
    /// All that was set, for later changes and for those who ask.
    pub settings: BrokerSettings,
    /// What it comes to.
    pub config: BrokerConfig,
    /// One line each for the operator.
    pub warnings: Vec<Warning>,
}

impl ServeArguments {
    /// The settings that these arguments and `file_text`, the contents of the file that
    /// [`ServeArguments::config`] names, come to on a machine called `host_name`.
    ///
    /// # Errors
    /// Every setting with which the broker cannot start, one line each. With `--strict-config`
    /// each warning is one as well.
    pub fn resolve(
        &self,
        file_text: Option<&str>,
        host_name: &str,
    ) -> Result<Startup, Vec<ConfigError>> {
        let mut given = match file_text {
            Some(text) => decode_file(self.config.as_deref().unwrap_or("--config"), text)?,
            None => shipped(),
        };
        given.extend(self.set.iter().map(|(name, value)| GivenSetting {
            origin: Origin::Option("--set"),
            name: name.clone(),
            value: value.clone(),
        }));
        given.extend(self.options());
        forget_shadowed_addresses(&mut given);

        let mut warnings = Vec::new();
        let settings = BrokerSettings::from_given(given, host_name, &mut warnings)?;
        let config = settings.config()?;
        warn_of_replication(&settings, &config, &mut warnings);
        if self.strict_config && !warnings.is_empty() {
            return Err(warnings
                .into_iter()
                .map(|Warning { origin, message }| ConfigError { origin, message })
                .collect());
        }
        Ok(Startup {
            settings,
            config,
            warnings,
        })
    }

    /// The settings that the short options stand for.
    fn options(&self) -> Vec<GivenSetting> {
        let shards = self.shards.map(|count| count.to_string());
        let listen = self.listen.as_deref().map(with_listener_name);
        let advertise = self.advertise.as_deref().map(with_listener_name);
        [
            ("--data-dir", "log.dirs", &self.data_dir),
            ("--listen", "listeners", &listen),
            ("--advertise", "advertised.listeners", &advertise),
            ("--shards", "forebay.shards", &shards),
            ("--cpus", "forebay.cpus", &self.cpus),
            ("--memory", "forebay.memory.bytes", &self.memory),
            ("--http-listen", "forebay.http.listen", &self.http_listen),
        ]
        .into_iter()
        .filter_map(|(option, name, value)| {
            Some(GivenSetting {
                origin: Origin::Option(option),
                name: name.to_owned(),
                value: value.clone()?,
            })
        })
        .collect()
    }
}

fn shipped() -> Vec<GivenSetting> {
    SHIPPED
        .iter()
        .map(|(name, value)| GivenSetting {
            origin: Origin::Shipped,
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        })
        .collect()
}

/// Who says on the command line where to listen does not want the addresses that the file
/// advertises for its own listeners.
fn forget_shadowed_addresses(given: &mut Vec<GivenSetting>) {
    let is_option = |setting: &GivenSetting, name| {
        matches!(setting.origin, Origin::Option(_)) && setting.name == name
    };
    if given.iter().any(|setting| is_option(setting, "listeners")) {
        given.retain(|setting| {
            setting.name != "advertised.listeners" || matches!(setting.origin, Origin::Option(_))
        });
    }
}

/// A topic cannot have more replicas than the cluster has brokers, and one that this broker begins
/// alone has one at first: one line for all settings that ask for more.
fn warn_of_replication(
    settings: &BrokerSettings,
    config: &BrokerConfig,
    warnings: &mut Vec<Warning>,
) {
    let factors = [
        (
            "offsets.topic.replication.factor",
            config.offsets_topic_replication_factor,
            "consumer groups will not work",
        ),
        (
            "default.replication.factor",
            config.default_replication_factor,
            "no topic can be created without a factor of its own",
        ),
    ];
    let impossible: Vec<_> = factors
        .into_iter()
        .filter(|(_, factor, _)| *factor > 1)
        .collect();
    let is_alone = config.roles.broker && !config.is_broker_that_joins();
    let Some((first, ..)) = impossible.first().filter(|_| is_alone) else {
        return;
    };
    let named = impossible
        .iter()
        .map(|(name, factor, consequence)| format!("{name}={factor} ({consequence})"));
    let named = named.collect::<Vec<_>>().join(" and ");
    let them = if impossible.len() == 1 { "it" } else { "both" };
    warnings.push(Warning {
        origin: settings.origin_of(first),
        message: format!("{named}: there is only one broker, so set {them} to 1"),
    });
}

/// The addresses in `text`, those without a listener's name under the name PLAINTEXT.
fn with_listener_name(text: &str) -> String {
    text.split(',')
        .map(str::trim)
        .map(|address| match address.contains("://") {
            true => address.to_owned(),
            false => format!("PLAINTEXT://{address}"),
        })
        .collect::<Vec<_>>()
        .join(",")
}

fn parse_memory(text: &str) -> Result<String, String> {
    parse_size(text).map(|_| text.to_owned())
}

pub(crate) fn parse_assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("a setting is given as KEY=VALUE".to_owned()),
    }
}

impl Default for BrokerConfig {
    /// What `forebay serve` without arguments runs with.
    fn default() -> Self {
        match ServeArguments::default().resolve(None, "localhost") {
            Ok(startup) => startup.config,
            Err(errors) => panic!("the settings without arguments are good: {errors:?}"),
        }
    }
}
