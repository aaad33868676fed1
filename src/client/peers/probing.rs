//! Dials that ask nothing: they show whether anybody listens at an address.

use std::time::Duration;

use crate::model::NodeAddress;

use super::{Dial, DialFailure, LinkId, Peers};

impl Peers {
    /// See whether anybody listens at `address`. [`Self::next_probed`] tells under this number what
    /// came of the dial, which is closed as soon as it is made. There is no pause between probes.
    pub fn probe(&mut self, address: NodeAddress, timeout: Duration) -> LinkId {
        self.next_link += 1;
        let link = LinkId(self.next_link);
        self.probes.insert(link);
        self.wishes.dials.push_back(Dial {
            link,
            address,
            timeout,
        });
        link
    }

    /// What came of the next [`Self::probe`]. Each has one outcome.
    pub fn next_probed(&mut self) -> Option<(LinkId, Result<(), DialFailure>)> {
        self.wishes.probed.pop_front()
    }

    pub(super) fn end_probe(&mut self, link: LinkId, result: Result<(), DialFailure>) {
        if result.is_ok() {
            self.wishes.closes.push_back(link);
        }
        self.wishes.probed.push_back((link, result));
    }
}
