//! `listeners`, `advertised.listeners` and what is spoken on each.

use ::core::net::IpAddr;

/// One of the addresses that the broker listens on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listener {
    /// The listener's name, in capitals.
    pub name: String,
    /// The host name or address to bind; `None` for all interfaces.
    pub host: Option<String>,
    /// The port; zero for one that the kernel chooses.
    pub port: u16,
    /// What is spoken below Kafka's protocol.
    pub security_protocol: SecurityProtocol,
    /// The host and port that others are told; `None` for a listener that nobody is told of. Port
    /// zero stands for the port that was bound.
    pub advertised: Option<(String, u16)>,
    /// True if it belongs to the controller: clients of the broker are never told of it.
    pub is_controller: bool,
    /// True if brokers are to talk to each other on it (`inter.broker.listener.name`).
    pub is_inter_broker: bool,
    /// `listener.name.NAME.max.connections`, by default that of the broker.
    pub max_connections: u32,
    /// `listener.name.NAME.max.connection.creation.rate`, by default that of the broker.
    pub max_connection_creation_rate: u32,
}

/// What is spoken on a listener below Kafka's protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecurityProtocol {
    /// Nothing.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL.
    SaslPlaintext,
    /// SASL within TLS.
    SaslSsl,
}

impl SecurityProtocol {
    const ALL: [Self; 4] = [
        Self::Plaintext,
        Self::Ssl,
        Self::SaslPlaintext,
        Self::SaslSsl,
    ];

    /// Kafka's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Kafka's number of it, as in the records of a broker's registration.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Plaintext => 0,
            Self::Ssl => 1,
            Self::SaslPlaintext => 2,
            Self::SaslSsl => 3,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }
}

/// What the settings say about listeners, before it was made sense of.
#[derive(Clone, Debug)]
pub(super) struct ListenerTexts {
    /// False for a process that is a controller only.
    pub is_broker: bool,
    /// `listeners`
    pub listeners: Vec<String>,
    /// `advertised.listeners`
    pub advertised: Option<Vec<String>>,
    /// `listener.security.protocol.map`
    pub protocol_map: String,
    /// `controller.listener.names`
    pub controller_names: Vec<String>,
    /// `inter.broker.listener.name`
    pub inter_broker_name: Option<String>,
    /// `security.inter.broker.protocol`, if somebody set it.
    pub inter_broker_protocol: Option<String>,
}

/// Make sense of `texts`; `host_name` is advertised for a listener on all interfaces. An error
/// comes with the setting that is to blame.
pub(super) fn resolve_listeners(
    texts: &ListenerTexts,
    host_name: &str,
) -> Result<Vec<Listener>, (&'static str, String)> {
    let map = parse_protocol_map(&texts.protocol_map)
        .map_err(|reason| ("listener.security.protocol.map", reason))?;
    let endpoints = parse_endpoints(&texts.listeners).map_err(|reason| ("listeners", reason))?;
    check_distinct(&endpoints).map_err(|reason| ("listeners", reason))?;
    let advertised = match &texts.advertised {
        None => None,
        Some(texts) => {
            Some(parse_endpoints(texts).map_err(|reason| ("advertised.listeners", reason))?)
        }
    };
    if let Some(stranger) = advertised
        .iter()
        .flatten()
        .find(|told| !endpoints.iter().any(|endpoint| endpoint.name == told.name))
    {
        let name = &stranger.name;
        let reason = format!("{name} is advertised, but no listener has this name");
        return Err(("advertised.listeners", reason));
    }
    let mut listeners = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        listeners.push(resolve_listener(
            endpoint,
            texts,
            &map,
            advertised.as_deref(),
            host_name,
        )?);
    }
    if texts.is_broker {
        mark_inter_broker(texts, &mut listeners)?;
    } else if let Some(other) = listeners.iter().find(|listener| !listener.is_controller) {
        let reason = format!(
            "{} is not among controller.listener.names, and a controller has no other listeners",
            other.name
        );
        return Err(("listeners", reason));
    }
    Ok(listeners)
}

fn resolve_listener(
    endpoint: Endpoint,
    texts: &ListenerTexts,
    map: &[(String, SecurityProtocol)],
    advertised: Option<&[Endpoint]>,
    host_name: &str,
) -> Result<Listener, (&'static str, String)> {
    let Some(&(_, security_protocol)) = map.iter().find(|(name, _)| *name == endpoint.name) else {
        let name = &endpoint.name;
        let reason = format!("listener.security.protocol.map does not say what {name} speaks");
        return Err(("listeners", reason));
    };
    if security_protocol != SecurityProtocol::Plaintext {
        let (name, protocol) = (&endpoint.name, security_protocol.name());
        let reason = format!("{name} is to speak {protocol}, which does not exist yet");
        return Err(("listeners", reason));
    }
    let is_controller = texts
        .controller_names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(&endpoint.name));
    let own = advertised
        .into_iter()
        .flatten()
        .find(|told| told.name == endpoint.name);
    let (blamed, told) = match own {
        Some(told) => ("advertised.listeners", Some(told)),
        // A broker's listener that is missing in a given list is not advertised; a controller's
        // need not be in it.
        None if advertised.is_some() && !is_controller => ("advertised.listeners", None),
        None => ("listeners", Some(&endpoint)),
    };
    let advertised = told.map(|told| {
        let host = told.host.clone().unwrap_or_else(|| host_name.to_owned());
        (host, told.port)
    });
    if let Some((host, port)) = &advertised
        && is_any_address(host)
        && !is_controller
    {
        let reason = format!(
            "{host}:{port} would be advertised, which no client can connect to: \
             set advertised.listeners"
        );
        return Err((blamed, reason));
    }
    Ok(Listener {
        name: endpoint.name,
        host: endpoint.host,
        port: endpoint.port,
        security_protocol,
        advertised,
        is_controller,
        is_inter_broker: false,
        max_connections: u32::MAX,
        max_connection_creation_rate: u32::MAX,
    })
}

fn mark_inter_broker(
    texts: &ListenerTexts,
    listeners: &mut [Listener],
) -> Result<(), (&'static str, String)> {
    let (setting, name) = match (&texts.inter_broker_name, &texts.inter_broker_protocol) {
        (Some(_), Some(_)) => {
            let reason = "set either this or security.inter.broker.protocol, not both".to_owned();
            return Err(("inter.broker.listener.name", reason));
        }
        (Some(name), None) => ("inter.broker.listener.name", name.to_ascii_uppercase()),
        (None, Some(protocol)) => ("security.inter.broker.protocol", protocol.clone()),
        (None, None) => (
            "inter.broker.listener.name",
            SecurityProtocol::Plaintext.name().to_owned(),
        ),
    };
    let is_candidate =
        |listener: &Listener| listener.advertised.is_some() && !listener.is_controller;
    let mut candidates = listeners.iter_mut().filter(|one| is_candidate(one));
    if let Some(own) = candidates.find(|candidate| candidate.name == name) {
        own.is_inter_broker = true;
        return Ok(());
    }
    let mut names = listeners
        .iter()
        .filter(|one| is_candidate(one))
        .map(|listener| listener.name.as_str());
    let first = names.next().map_or_else(
        || "no listener is advertised".to_owned(),
        |first| {
            let all = names.fold(first.to_owned(), |all, name| format!("{all}, {name}"));
            format!("the advertised listeners are {all}")
        },
    );
    Err((
        setting,
        format!("{name} is no advertised listener; {first}"),
    ))
}

/// NAME://HOST:PORT
#[derive(Clone, Debug, Eq, PartialEq)]
struct Endpoint {
    name: String,
    host: Option<String>,
    port: u16,
}

fn parse_endpoints(texts: &[String]) -> Result<Vec<Endpoint>, String> {
    texts.iter().map(|text| parse_endpoint(text)).collect()
}

fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
    let malformed = || format!("{text} is not of the form NAME://HOST:PORT");
    let (name, address) = text.split_once("://").ok_or_else(malformed)?;
    if name.is_empty() {
        return Err(malformed());
    }
    let (host, port) = parse_host_and_port(address).ok_or_else(malformed)?;
    Ok(Endpoint {
        name: name.to_ascii_uppercase(),
        host: (!host.is_empty()).then_some(host),
        port,
    })
}

/// HOST:PORT, where the host may be empty, or an IPv6 address in brackets.
pub(super) fn parse_host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let is_host = bare.chars().all(|character| {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '%' | '.' | '_' | ':')
    });
    // Without the brackets, the colons of an IPv6 address and the one before the port look alike.
    if !is_host || (bare.len() == host.len() && host.contains(':')) {
        return None;
    }
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    Some((bare.to_owned(), digits.then(|| port.parse().ok())??))
}

fn check_distinct(endpoints: &[Endpoint]) -> Result<(), String> {
    if endpoints.is_empty() {
        return Err("at least one listener is needed".to_owned());
    }
    for (index, one) in endpoints.iter().enumerate() {
        for other in &endpoints[..index] {
            if one.name == other.name {
                return Err(format!(
                    "there are two listeners with the name {}",
                    one.name
                ));
            }
            if one.port != 0 && one.port == other.port && !are_two_families(one, other) {
                let (port, one, other) = (one.port, &one.name, &other.name);
                return Err(format!("{other} and {one} both want port {port}"));
            }
        }
    }
    Ok(())
}

/// True if one is an IPv4 address and the other an IPv6 address: only these may share a port.
fn are_two_families(one: &Endpoint, other: &Endpoint) -> bool {
    let family = |endpoint: &Endpoint| {
        let address: IpAddr = endpoint.host.as_deref()?.parse().ok()?;
        Some(address.is_ipv4())
    };
    matches!((family(one), family(other)), (Some(one), Some(other)) if one != other)
}

fn is_any_address(host: &str) -> bool {
    host.parse::<IpAddr>()
        .is_ok_and(|address| address.is_unspecified())
}

fn parse_protocol_map(text: &str) -> Result<Vec<(String, SecurityProtocol)>, String> {
    let mut map = Vec::new();
    for entry in text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        let (name, protocol) = entry
            .rsplit_once(':')
            .ok_or_else(|| format!("{entry} is not of the form NAME:PROTOCOL"))?;
        let protocol = SecurityProtocol::from_name(protocol.trim())
            .ok_or_else(|| format!("there is no security protocol {}", protocol.trim()))?;
        map.push((name.trim().to_ascii_uppercase(), protocol));
    }
    Ok(map)
}
