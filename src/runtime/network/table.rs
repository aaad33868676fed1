//! The connections of one shard, by their numbers.

use crate::shard::ConnectionId;
use crate::stdx::{HashMap, new_map};

/// The low bits of the number of a connection that a client made are its place, the others count.
const SLOT_BITS: u32 = 24;

/// Those that clients made, in places that are used again, and those that the shard dialed.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Option<(ConnectionId, T)>>,
    free: Vec<usize>,
    count_ever: u64,
    /// They are few.
    dialed: HashMap<ConnectionId, T>,
}

impl<T> Table<T> {
    /// No connections.
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            count_ever: 0,
            dialed: new_map(),
        }
    }

    /// The number that the next connection of a client has.
    pub fn next_id(&mut self) -> ConnectionId {
        if self.free.is_empty() {
            self.free.push(self.slots.len());
            self.slots.push(None);
        }
        let slot = *self.free.last().expect("there is one");
        let id = ConnectionId((self.count_ever + 1) << SLOT_BITS | slot as u64);
        assert!(
            slot < 1 << SLOT_BITS && id.dialed_number().is_none(),
            "connection numbers do not run out"
        );
        id
    }

    /// Put in a connection, one of a client under [`Table::next_id`].
    pub fn insert(&mut self, id: ConnectionId, connection: T) -> &mut T {
        if id.dialed_number().is_some() {
            return self.dialed.entry(id).insert_entry(connection).into_mut();
        }
        assert_eq!(self.free.pop(), Some(slot_of(id)), "its place is next");
        self.count_ever += 1;
        let (_, connection) = self.slots[slot_of(id)].insert((id, connection));
        connection
    }

    /// The connection `id`, if it is still there.
    pub fn find(&mut self, id: ConnectionId) -> Option<&mut T> {
        if id.dialed_number().is_some() {
            return self.dialed.get_mut(&id);
        }
        let (found, connection) = self.slots.get_mut(slot_of(id))?.as_mut()?;
        (*found == id).then_some(connection)
    }

    /// Take out the connection `id`, if it is still there.
    pub fn remove(&mut self, id: ConnectionId) -> Option<T> {
        if id.dialed_number().is_some() {
            return self.dialed.remove(&id);
        }
        let slot = slot_of(id);
        let found = self.slots.get_mut(slot)?;
        let (_, connection) = found.take_if(|(found, _)| *found == id)?;
        self.free.push(slot);
        Some(connection)
    }

    /// All connections.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let of_clients = self
            .slots
            .iter()
            .flatten()
            .map(|(_, connection)| connection);
        of_clients.chain(self.dialed.values())
    }
}

fn slot_of(id: ConnectionId) -> usize {
    usize::try_from(id.0 & ((1 << SLOT_BITS) - 1)).expect("24 bits fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_under_another_number() {
        let mut table = Table::new();
        let first = table.next_id();
        table.insert(first, 'a');
        let second = table.next_id();
        table.insert(second, 'b');
        assert_eq!(table.remove(first), Some('a'));
        assert_eq!(table.remove(first), None);
        let third = table.next_id();
        table.insert(third, 'c');
        assert_eq!(slot_of(third), slot_of(first));
        assert_ne!(third, first);
        assert_eq!(table.find(first), None);
        assert_eq!(table.find(third), Some(&mut 'c'));
        assert_eq!(table.iter().count(), 2);
    }

    #[test]
    fn a_number_that_was_not_used_is_the_next_again() {
        let mut table = Table::<char>::new();
        assert_eq!(table.next_id(), table.next_id());
    }

    #[test]
    fn dialed_connections_take_no_place() {
        let mut table = Table::new();
        let dialed = ConnectionId::dialed(1);
        table.insert(dialed, 'd');
        let id = table.next_id();
        assert_eq!(slot_of(id), 0);
        table.insert(id, 'a');
        assert_eq!(table.find(dialed), Some(&mut 'd'));
        assert_eq!(table.iter().count(), 2);
        assert_eq!(table.remove(dialed), Some('d'));
        assert_eq!(table.find(dialed), None);
    }
}
