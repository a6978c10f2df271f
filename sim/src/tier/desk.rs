//! What the people who run the simulated cluster know and ask of each other:
//! who should be in it, who is, and the tokens that they hand around.

use std::collections::{BTreeMap, BTreeSet};

use quorate_model::ids::ClusterId;
use quorate_model::node_name::NodeName;
use quorate_transport::JoinToken;

use crate::tier::plan::Goal;

#[derive(Debug, Default)]
pub struct Desk {
    /// The cluster that the first machine formed and the others are to join.
    pub target: Option<ClusterId>,
    pub goals: BTreeMap<u64, Goal>,
    /// Where the members of the target cluster are, as far as they run.
    pub members: BTreeMap<u64, String>,
    /// Names to be removed by force.
    pub removals: Vec<NodeName>,
    /// What is to be done next for a change of the certificate authority.
    pub rotation: Option<Rotation>,
    /// The settings that were acknowledged; each is its own value.
    pub written: Vec<String>,
    /// Machines whose join was given up while nobody knew how it stood: their
    /// names may belong to members that never came.
    given_up: BTreeSet<u64>,
    orders: Vec<TokenOrder>,
    tokens: BTreeMap<u64, JoinToken>,
    /// The token that a machine uses next, which another one has as well.
    shared: BTreeMap<u64, u64>,
    last_slot: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    Begin,
    Finish,
}

/// A token that a member is asked to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenOrder {
    pub slot: u64,
    pub issuer: u64,
}

impl Desk {
    pub fn goal(&self, machine: u64) -> Goal {
        self.goals
            .get(&machine)
            .copied()
            .unwrap_or(Goal::Outside { reforms: false })
    }

    /// Both are to join, and there is one token.
    pub fn share_token(&mut self, machines: [u64; 2]) {
        self.last_slot += 1;
        for machine in machines {
            self.shared.insert(machine, self.last_slot);
        }
    }

    /// Has `issuer` create a token for `machine`, unless it has been asked for.
    pub fn order_token(&mut self, machine: u64, issuer: u64) -> u64 {
        let slot = self.shared.remove(&machine).unwrap_or_else(|| {
            self.last_slot += 1;
            self.last_slot
        });
        let is_made = self.tokens.contains_key(&slot);
        if !is_made && !self.orders.iter().any(|order| order.slot == slot) {
            self.orders.push(TokenOrder { slot, issuer });
        }
        slot
    }

    /// One member at a time sees to it.
    pub fn rotation_by(&self, machine: u64) -> Option<Rotation> {
        let is_first = self.members.keys().next() == Some(&machine);
        self.rotation.filter(|_| is_first)
    }

    pub fn give_up(&mut self, machine: u64, name: NodeName) {
        self.given_up.insert(machine);
        self.removals.push(name);
    }

    /// The name is taken: by the machine's own former attempt, if it had one.
    pub fn clear_name(&mut self, machine: u64, name: NodeName) {
        if self.given_up.contains(&machine) && !self.removals.contains(&name) {
            self.removals.push(name);
        }
    }

    pub fn take_order(&mut self, issuer: u64) -> Option<TokenOrder> {
        let index = self
            .orders
            .iter()
            .position(|order| order.issuer == issuer)?;
        Some(self.orders.remove(index))
    }

    pub fn hand_out(&mut self, slot: u64, token: JoinToken) {
        self.tokens.insert(slot, token);
    }

    pub fn token(&self, slot: u64) -> Option<JoinToken> {
        self.tokens.get(&slot).cloned()
    }
}
