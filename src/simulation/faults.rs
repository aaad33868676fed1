//! What can go wrong in a world, how often it does, and how often it did.

use std::collections::BTreeMap;

use crate::log::storage::StorageRequest;
use crate::log::{parse_future_folder, parse_partition_folder};
use crate::stdx::Random;

macro_rules! faults {
    ($($variant:ident $description:literal;)*) => {
        /// Something that goes wrong in a world.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Fault {
            $(#[doc = $description] $variant,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// One line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)*
                }
            }
        }
    };
}

faults! {
    StarvedShard "a shard gets no turn for long";
    LateMail "a message between shards takes long";
    SlowDisk "a request to the disk takes long";
    OvertakenRequest "a request to the disk ends before an older one";
    ShortReceive "less is received than has arrived";
    ShortSend "less is sent than was to be sent";
    StalledReader "a client does not read for a while";
    Disconnect "a connection ends";
    DisconnectInsideFrame "a connection ends inside a frame";
    Crash "the power goes";
    CrashBetweenEffects "the power goes between two effects of a turn";
    LostSector "a crash leaves a sector as it was before a write under way";
    KeptSector "a crash leaves a sector of a write under way as written";
    GarbageSector "a crash leaves garbage where nothing was written before";
    LostLength "a crash takes back the growth or the cut of a file";
    LostNameChange "a crash comes before a change of names under way";
    KeptNameChange "a crash comes after a change of names under way, before its completion";
    AbandonedReplacement "a crash leaves the new contents of a small file beside the old";
    FailedRead "a read fails";
    FailedWrite "a write, or another change of the disk, fails";
    NoSpace "the disk is full";
    LowRoom "there is less room than the broker keeps for itself";
    NoFileLeft "a shard has all the files open that it may have";
    Compaction "a compacted segment takes the place of others";
    Merging "a segment goes that is part of a compacted one";
    CrashBeforeNaming "a crash comes before a compacted segment has the name of one";
    ReplayedJournal "a start finds a journal that a crash has left";
    FoundCheckpoint "a start finds a checkpoint that says from where logs are read";
    Moved "a replica in one log directory takes the place of that in another";
    InterruptedMove "a start finds a replica that was about to take the place of another";
    GivenUp "a log directory is given up, since the disk failed";
    CleanStop "the operator stops the broker";
    OtherShardsCount "the broker starts with another number of shards";
    Halt "the broker halts, since the disk failed";
    LatePacket "bytes between two nodes take long";
    CutOneWay "nothing gets from one node to another, but the other way";
    CutBothWays "two nodes do not reach each other";
    Isolation "a node reaches no other";
    UnansweredDial "nobody answers when a node dials another";
    SilentDeath "a node is gone and those who had connections with it learn it late";
    PausedNode "a node stands still for a while";
    ClockJump "the wall clock of a node jumps";
    PowerCutOfAll "the power goes everywhere at once";
}

impl Fault {
    /// True for what happens only where there are several nodes.
    #[must_use]
    pub const fn is_of_clusters(self) -> bool {
        self as u8 >= Self::LatePacket as u8
    }
}

/// What became of the requests to the disk of one kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RequestCounts {
    /// All of them.
    pub asked: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that found no room; `None` if such a request takes none.
    pub full: Option<u64>,
}

impl RequestCounts {
    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.failed += other.failed;
        if let Some(count) = other.full {
            *self.full.get_or_insert_default() += count;
        }
    }
}

/// How often each fault happened.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FaultCounts {
    counts: BTreeMap<Fault, u64>,
    requests: BTreeMap<&'static str, RequestCounts>,
}

impl FaultCounts {
    /// It happened once more.
    pub fn add(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    /// A request was made of the disk, and this is to become of it.
    pub fn note_request(&mut self, request: &StorageRequest, became: RequestCounts) {
        let counts = self.requests.entry(request.operation()).or_default();
        counts.add(became);
    }

    /// What became of the requests to the disk, by their kind.
    #[must_use]
    pub const fn requests(&self) -> &BTreeMap<&'static str, RequestCounts> {
        &self.requests
    }

    /// Compaction changed the names of files by `request`, or something else did.
    pub fn note_compaction(&mut self, request: &StorageRequest) {
        match request {
            StorageRequest::Rename { from, .. } if from.relative.ends_with(".log.cleaned") => {
                self.add(Fault::Compaction);
            }
            // Retention gives a segment another name first.
            StorageRequest::Remove { path } if path.relative.ends_with(".log") => {
                self.add(Fault::Merging);
            }
            _ => {}
        }
    }

    /// A folder got another name by `request`: it may have been filled to take another's place.
    pub fn note_move(&mut self, request: &StorageRequest) {
        if let StorageRequest::Rename { from, to } = request
            && parse_future_folder(&from.relative).is_some()
            && parse_partition_folder(&to.relative).is_some()
        {
            self.add(Fault::Moved);
        }
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.counts.get(&fault).copied().unwrap_or(0)
    }

    /// How many kinds of faults happened at all.
    #[must_use]
    pub fn kinds(&self) -> u64 {
        self.counts.len() as u64
    }

    /// Add what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (fault, count) in &other.counts {
            *self.counts.entry(*fault).or_default() += count;
        }
        for (operation, counts) in &other.requests {
            self.requests.entry(operation).or_default().add(*counts);
        }
    }
}

/// How likely faults are in one world. Every world has its own mixture: a fault that is always
/// there hides what needs its absence.
#[derive(Clone, Debug)]
pub struct Chaos {
    /// False once the faults have stopped.
    pub is_on: bool,
    /// Of a thousand turns, those that come late.
    pub starved_turns: u64,
    /// Of a thousand messages, those that take long.
    pub late_mails: u64,
    /// Of a thousand requests to the disk, those that take long.
    pub slow_requests: u64,
    /// Of a thousand receives, those that are short.
    pub short_receives: u64,
    /// Of a thousand sends, those that are short.
    pub short_sends: u64,
    /// Of a thousand deliveries to a client, those after which it stops reading for a while.
    pub stalls: u64,
    /// Of ten thousand deliveries to a client, those after which the connection ends.
    pub disconnects: u64,
    /// Of a hundred thousand requests to the disk, those that fail.
    pub failed_requests: u64,
    /// Of a hundred thousand requests to the disk, those that find it full.
    pub full_requests: u64,
    /// The mean time between two crashes or stops, in milliseconds.
    pub life_ms: u64,
    /// Of a hundred ends of the broker, those that are clean.
    pub clean_stops: u64,
    /// Of ten looks at the room there is, those that find next to none.
    pub low_rooms: u64,
    /// What the disk does worse than anything else.
    pub weakness: Option<&'static Weakness>,
    /// What happens between nodes.
    pub between_nodes: BetweenNodes,
}

/// How likely faults are that need several nodes.
#[derive(Clone, Debug, Default)]
pub struct BetweenNodes {
    /// Of a thousand packets, those that take long.
    pub late_packets: u64,
    /// Of a hundred deaths of a node, those of which the others learn late.
    pub silent_deaths: u64,
    /// The mean time between two outages of machines or of the network, in milliseconds.
    pub outages_ms: u64,
    /// How long a node is down at most, in milliseconds.
    pub down_ms: u64,
}

/// A kind of requests of which the disk fails more.
#[derive(Debug, Eq, PartialEq)]
pub struct Weakness {
    operation: &'static str,
    /// Of a hundred thousand such requests, those that fail, and as many that find no room.
    requests: u64,
}

impl Weakness {
    /// One in four disks has none.
    fn from_random(random: &mut Random) -> Option<&'static Self> {
        let place = random.below(WEAKNESSES.len() as u64 * 4 / 3);
        WEAKNESSES.get(usize::try_from(place).expect("a small number"))
    }
}

const fn weak(operation: &'static str, percent: u64) -> Weakness {
    Weakness {
        operation,
        requests: percent * 1000,
    }
}

/// Of a hundred thousand requests that a broker makes once in its life, those that fail where
/// requests fail at all.
const RARE_FAILURES: u64 = 10_000;

/// What a disk may be weak at. What is seldom asked of it fails the more often.
const WEAKNESSES: &[Weakness] = &[
    weak("allocate", 10),
    weak("create folder", 10),
    weak("describe", 10),
    weak("list", 1),
    weak("open", 2),
    weak("read file", 1),
    weak("remove", 10),
    weak("rename", 20),
    weak("replace file", 2),
    weak("seal", 20),
    weak("sync", 50),
    weak("sync all", 50),
    weak("truncate", 20),
];

impl Chaos {
    /// A mixture.
    #[must_use]
    pub fn from_random(random: &mut Random) -> Self {
        let mut pick = |values: &[u64]| {
            let place = random.below(values.len() as u64);
            values[usize::try_from(place).expect("a small number")]
        };
        Self {
            is_on: true,
            starved_turns: pick(&[0, 0, 5, 50]),
            late_mails: pick(&[0, 5, 50, 300]),
            slow_requests: pick(&[0, 5, 50, 300]),
            short_receives: pick(&[0, 50, 500]),
            short_sends: pick(&[0, 50, 500]),
            stalls: pick(&[0, 5, 20]),
            disconnects: pick(&[0, 20, 100]),
            failed_requests: pick(&[0, 0, 0, 50, 500]),
            full_requests: pick(&[0, 0, 0, 50, 500]),
            life_ms: pick(&[300, 1_000, 3_000]),
            clean_stops: pick(&[0, 30, 70]),
            low_rooms: pick(&[0, 0, 3]),
            weakness: Weakness::from_random(random),
            between_nodes: BetweenNodes::default(),
        }
    }

    /// The mixture of a cluster: brokers live longer, and one disk fails at most, in some; in plain
    /// ones none.
    pub fn be_of_cluster(&mut self, random: &mut Random, is_plain: bool) {
        if is_plain || random.chance(1, 2) {
            self.have_sound_disks();
        }
        let mut pick = |values: &[u64]| {
            let place = random.below(values.len() as u64);
            values[usize::try_from(place).expect("a small number")]
        };
        self.life_ms = pick(&[1_500, 4_000, 20_000]);
        self.between_nodes = BetweenNodes {
            late_packets: pick(&[0, 5, 50]),
            silent_deaths: pick(&[0, 30, 100]),
            outages_ms: pick(&[300, 1_000, 3_000]),
            down_ms: pick(&[100, 1_000, 3_000]),
        };
    }

    const fn have_sound_disks(&mut self) {
        self.failed_requests = 0;
        self.full_requests = 0;
        self.low_rooms = 0;
        self.weakness = None;
    }

    /// How many of a hundred thousand requests like this one fail, and how many find no room.
    #[must_use]
    pub fn rates_of(&self, request: &StorageRequest) -> (u64, u64) {
        let weakness = self.weakness;
        let weak = weakness.filter(|weakness| weakness.operation == request.operation());
        let weak = weak.map_or(0, |weakness| weakness.requests);
        // A clean stop asks for it once: at the common rate hardly any of all worlds had it fail.
        let is_rare = matches!(request, StorageRequest::SyncAll { .. });
        let failed = match is_rare && self.failed_requests > 0 {
            true => self.failed_requests.max(RARE_FAILURES),
            false => self.failed_requests,
        };
        (failed.max(weak), self.full_requests.max(weak))
    }

    /// True with a probability of `rate` in `of`, while there are faults.
    pub fn strikes(&self, random: &mut Random, rate: u64, of: u64) -> bool {
        self.is_on && rate > 0 && random.chance(rate, of)
    }
}
