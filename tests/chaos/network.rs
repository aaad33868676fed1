//! Machines without machines: network namespaces that are connected by a bridge, have names of
//! their own, and can be cut off. Nothing of them outlives the test, also when that panics.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::support::Program;

/// The host that the clients run on.
pub const CLIENT: &str = "client";

/// Every host, by its place in the network.
const HOSTS: [&str; 4] = ["kafka1", "kafka2", "kafka3", CLIENT];

const BRIDGE: &str = "forebay-chaos";

/// What nobody has: it swallows what is sent to it.
const NOBODY: &str = "02:00:00:00:00:01";

/// A link with this limit takes a second for what else takes a millisecond.
const SLOW: [&str; 7] = ["tbf", "rate", "2mbit", "burst", "32k", "latency", "400ms"];

/// The network namespace of a host.
pub fn namespace(host: &str) -> String {
    format!("forebay-{host}")
}

/// The address of a host.
pub fn address(host: &str) -> String {
    let place = HOSTS.iter().position(|one| *one == host);
    format!("10.77.31.{}", place.expect("it is one of them") + 1)
}

/// The end of a host's cable that is in the bridge.
fn port(host: &str) -> String {
    format!("fb-{host}")
}

/// The files under `/etc` that a host has for itself.
fn files(host: &str) -> PathBuf {
    PathBuf::from("/etc/netns").join(namespace(host))
}

/// The hosts and what connects them.
pub struct Network {
    /// One at a time on a machine.
    _lock: File,
}

fn ip(args: &[&str]) {
    Program::new("ip", 20).args(args).run().succeeded();
}

fn in_host(host: &str, args: &[&str]) {
    let name = namespace(host);
    ip(&[&["netns", "exec", name.as_str()][..], args].concat());
}

impl Network {
    /// The network; why there can be none otherwise.
    pub fn build() -> Result<Self, String> {
        let lock = File::create("/tmp/forebay-chaos.lock").map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        for program in ["ip", "tc"] {
            let found = Program::new(program, 5).args(["-V"]).run();
            if found.status != Some(0) {
                return Err(format!("{program} (iproute2) is missing"));
            }
        }
        // What an earlier run has left that was killed.
        remove();
        let probe = Program::new("ip", 20).args(["link", "add", BRIDGE, "type", "bridge"]);
        let probe = probe.run();
        if probe.status != Some(0) {
            return Err("it needs root, and may make no network".to_owned());
        }
        let network = Self { _lock: lock };
        ip(&["link", "set", BRIDGE, "up"]);
        ip(&["address", "add", "10.77.31.254/24", "dev", BRIDGE]);
        HOSTS.iter().for_each(|host| connect(host));
        Ok(network)
    }

    /// The host neither hears nor is heard.
    pub fn cut(&self, host: &str) {
        ip(&["link", "set", &port(host), "down"]);
    }

    /// The host hears, but is not heard by the others.
    pub fn mute(&self, host: &str) {
        for other in HOSTS.iter().filter(|other| **other != host) {
            let at = address(other);
            let nobody = ["lladdr", NOBODY, "dev", "eth0", "nud", "permanent"];
            in_host(
                host,
                &[&["ip", "neigh", "replace", &at][..], &nobody].concat(),
            );
        }
    }

    /// Little passes between the host and the others.
    pub fn slow(&self, host: &str) {
        let port = port(host);
        let tc = Program::new("tc", 20).args(["qdisc", "add", "dev", &port, "root"]);
        tc.args(SLOW).run().succeeded();
        let outward = ["tc", "qdisc", "add", "dev", "eth0", "root"];
        in_host(host, &[&outward[..], &SLOW].concat());
    }

    /// The host is connected as at the start, whatever was done to it.
    pub fn heal(&self, host: &str) {
        ip(&["link", "set", &port(host), "up"]);
        let name = namespace(host);
        let inside = |args: &[&str]| {
            let args = [&["netns", "exec", name.as_str()][..], args].concat();
            Program::new("ip", 20).args(args).run()
        };
        for other in HOSTS.iter().filter(|other| **other != host) {
            // There is none if it was not muted.
            inside(&["ip", "neigh", "del", &address(other), "dev", "eth0"]);
        }
        inside(&["tc", "qdisc", "del", "dev", "eth0", "root"]);
        let port = port(host);
        let tc = Program::new("tc", 20).args(["qdisc", "del", "dev", &port, "root"]);
        tc.run();
    }
}

fn connect(host: &str) {
    let (name, port) = (namespace(host), port(host));
    let hosts = HOSTS.iter().map(|one| format!("{} {one}\n", address(one)));
    let hosts = format!("127.0.0.1 localhost\n{}", hosts.collect::<String>());
    fs::create_dir_all(files(host)).expect("root may write there");
    fs::write(files(host).join("hosts"), hosts).expect("root may write there");
    ip(&["netns", "add", &name]);
    let cable = ["type", "veth", "peer", "name", "eth0", "netns", &name];
    ip(&[&["link", "add", &port][..], &cable].concat());
    ip(&["link", "set", &port, "master", BRIDGE, "up"]);
    let at = format!("{}/24", address(host));
    in_host(host, &["ip", "link", "set", "lo", "up"]);
    in_host(host, &["ip", "address", "add", &at, "dev", "eth0"]);
    in_host(host, &["ip", "link", "set", "eth0", "up"]);
}

fn remove() {
    for host in HOSTS {
        drop(fs::remove_dir_all(files(host)));
        let gone = Program::new("ip", 20).args(["netns", "del", &namespace(host)]);
        gone.run();
        // It goes with its other end, but a moment later.
        Program::new("ip", 20)
            .args(["link", "del", &port(host)])
            .run();
    }
    Program::new("ip", 20).args(["link", "del", BRIDGE]).run();
    // It stays if others have something there.
    drop(fs::remove_dir("/etc/netns"));
}

impl Drop for Network {
    fn drop(&mut self) {
        remove();
    }
}
