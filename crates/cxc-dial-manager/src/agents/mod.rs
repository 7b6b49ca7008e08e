//! People who take calls: their places in the groups of this process, and the desks that show them. A place is kept while
//! its desk is away for a moment; the actor of a campaign group fills and leaves it.
mod describe;
mod desk_line;
mod dialing;
mod phone;
pub mod protocol;
mod routes;
mod said;
mod seat;
mod session;
mod supervision;
mod talking;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use desk_line::DeskLine;
pub(crate) use dialing::record_of_number;
pub use routes::routes;
pub use seat::{Agent, Seat, Work};

/// A place whose desk has been away for so long is given up.
const AWAY: Duration = Duration::from_secs(300);
/// So many desks of a user may be open at once: one shows the agent, and others have just been taken over or ask for the place.
const MOST_DESKS: usize = 8;
/// How often that is looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// The agents of this process who are logged in.
#[derive(Default)]
pub struct AgentHub {
    seats: Mutex<HashMap<(i64, Uuid), Arc<Seat>>>,
    /// How many desks of each user are open.
    desks: Mutex<HashMap<(i64, Uuid), usize>>,
}

/// The connection of a desk, until this is dropped.
pub struct OpenDesk {
    hub: Arc<AgentHub>,
    user: (i64, Uuid),
}

impl Drop for OpenDesk {
    fn drop(&mut self) {
        let mut desks = self.hub.desks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = desks.get_mut(&self.user) {
            *open -= 1;
        }
        desks.retain(|_, open| *open > 0);
    }
}

/// Keeps the hub in order until told to stop.
pub async fn keep(hub: Arc<AgentHub>, stop: CancellationToken) {
    let sweeping = async {
        loop {
            tokio::time::sleep(SWEEP).await;
            hub.sweep();
        }
    };
    tokio::select! {
        () = sweeping => (),
        () = stop.cancelled() => hub.stop(),
    }
}

impl AgentHub {
    /// A desk of a user opens; none where too many are open already.
    pub fn open(self: &Arc<Self>, tenant: i64, user: Uuid) -> Option<OpenDesk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let open = desks.entry((tenant, user)).or_default();
        if *open >= MOST_DESKS {
            return None;
        }
        *open += 1;
        Some(OpenDesk { hub: Arc::clone(self), user: (tenant, user) })
    }

    /// The place of an agent who logs in: a new one, or the one that was left standing.
    pub fn seat(&self, agent: &Agent, phone: &str) -> Arc<Seat> {
        let mut seats = self.seats();
        let new = || Arc::new(Seat::new(agent.clone(), phone.to_owned()));
        let seat = seats.entry((agent.tenant, agent.user)).or_insert_with(new);
        if seat.is_gone() {
            *seat = new();
        }
        Arc::clone(seat)
    }

    /// The place of an agent who is logged in.
    pub fn get(&self, tenant: i64, user: Uuid) -> Option<Arc<Seat>> {
        self.seats().get(&(tenant, user)).cloned()
    }

    /// The members of a group of agents who take nobody's calls yet.
    pub fn free(&self, tenant: i64, members: &[Uuid]) -> Vec<Arc<Seat>> {
        let seats = self.seats();
        let found = members.iter().filter_map(|user| seats.get(&(tenant, *user)));
        found.filter(|seat| seat.is_free()).cloned().collect()
    }

    /// Forgets an agent who left.
    pub fn remove(&self, seat: &Arc<Seat>) {
        let mut seats = self.seats();
        let key = (seat.agent.tenant, seat.agent.user);
        if seats.get(&key).is_some_and(|known| Arc::ptr_eq(known, seat)) {
            seats.remove(&key);
        }
    }

    /// Logs out whose desk has been away for too long, and forgets who is gone.
    pub fn sweep(&self) {
        let all: Vec<Arc<Seat>> = self.seats().values().cloned().collect();
        for seat in all {
            if seat.is_deserted(AWAY) {
                seat.log_out(protocol::Closing::LoggedOut);
            }
            if seat.is_gone() {
                self.remove(&seat);
            }
        }
    }

    /// Tells every desk that the process ends.
    pub fn stop(&self) {
        let all: Vec<Arc<Seat>> = self.seats().values().cloned().collect();
        all.iter().for_each(|seat| seat.say_goodbye(protocol::Closing::Stopping));
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<(i64, Uuid), Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_opens_so_many_desks_and_another_one_once_one_of_them_is_closed() {
        let (hub, ann, bob) = (Arc::new(AgentHub::default()), Uuid::from_u128(1), Uuid::from_u128(2));
        let mut open: Vec<OpenDesk> = (0..MOST_DESKS).map(|_| hub.open(1, ann).unwrap()).collect();
        assert!(hub.open(1, ann).is_none());
        assert!(hub.open(1, bob).is_some() && hub.open(2, ann).is_some(), "others are not kept out by that");
        open.pop();
        assert!(hub.open(1, ann).is_some());
        open.clear();
        assert!(hub.desks.lock().unwrap().is_empty());
    }
}
