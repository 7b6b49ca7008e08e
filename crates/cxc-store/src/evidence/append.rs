//! Appending: decisions become blocks, and those that no attempt leads to are indexed by their people.
use std::collections::HashMap;

use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::block::{Head, pack};
use super::chain::EvidenceChain;
use super::devices;
use super::links::Tip;
use super::sealed::DeviceSeal;
use super::{BLOCK, Decision, EvidenceId, Indexed, day_of, head};
use crate::rows::{PgRowQuery, column};
use crate::{StoreError, Tx, on};

/// Who appends, for whom and when.
pub struct Appending<'a> {
    /// The writer's chain.
    pub chain: &'a mut EvidenceChain,
    /// What seals the devices.
    pub seal: &'a DeviceSeal,
    /// Whose decisions they are.
    pub tenant: i64,
    /// The instant of the batch, microseconds: that at which its attempts begin.
    pub now: i64,
    /// How the decisions that allowed an attempt are found.
    pub indexed: Indexed,
}

/// Decisions packed into blocks that follow a chain's last one, to be written.
#[derive(Debug)]
pub struct Packed {
    tenant: i64,
    day: i64,
    chain: i64,
    at: i64,
    pub(crate) blocks: Vec<Block>,
    tip: Tip,
    ids: Vec<EvidenceId>,
    /// Decisions that no attempt leads to: key, instant, place.
    lonely: Vec<(i64, i64, EvidenceId)>,
}

impl Packed {
    /// What [`EvidenceChain::committed`] is told, once the blocks are.
    pub fn appended(self) -> Appended {
        Appended { ids: self.ids, tenant: self.tenant, day: self.day, tip: self.tip }
    }
}

/// What was appended. Give it to [`EvidenceChain::committed`] after the commit.
#[derive(Debug)]
pub struct Appended {
    /// Where each decision is kept, in their order.
    pub ids: Vec<EvidenceId>,
    pub(super) tenant: i64,
    pub(super) day: i64,
    pub(super) tip: Tip,
}

/// A block as a row.
#[derive(Debug)]
pub(crate) struct Block {
    seq: i64,
    grp: i64,
    decisions: i64,
    body: Vec<u8>,
    devices: Vec<u8>,
    previous: [u8; 32],
    skip: Option<[u8; 32]>,
    hash: [u8; 32],
}

/// The columns of a block that differ within a batch.
const OWN: [(&str, &str); 8] = [
    ("seq", "BIGINT"),
    ("grp", "BIGINT"),
    ("decisions", "BIGINT"),
    ("body", "BYTEA"),
    ("devices", "BYTEA"),
    ("previous", "BYTEA"),
    ("skip", "BYTEA"),
    ("hash", "BYTEA"),
];

impl Appending<'_> {
    /// Packs decisions behind the chain's last block. `None` if that is not known and has to be read.
    pub fn pack<I: Serialize, V: Serialize>(
        self,
        decisions: &[&Decision<I, V>],
        addresses: &HashMap<i64, &str>,
    ) -> Result<Option<Packed>, StoreError> {
        let tip = self.chain.take(self.tenant, day_of(self.now));
        tip.map(|tip| self.pack_behind(tip, decisions, addresses)).transpose()
    }

    fn pack_behind<I: Serialize, V: Serialize>(
        self,
        mut tip: Tip,
        decisions: &[&Decision<I, V>],
        addresses: &HashMap<i64, &str>,
    ) -> Result<Packed, StoreError> {
        let Appending { chain, seal, tenant, now, indexed } = self;
        let (day, chain) = (day_of(now), chain.number());
        let mut ids = vec![EvidenceId { day, chain, seq: 0, item: 0 }; decisions.len()];
        let mut blocks = Vec::new();
        for places in blocks_of(decisions) {
            let members: Vec<&Decision<I, V>> = places.iter().map(|i| decisions[*i]).collect();
            let devices = devices::seal_all(seal, tenant, &members, addresses)?;
            let row = block(&tip, (tenant, day, chain, now), &members, devices)?;
            for (item, place) in places.iter().enumerate() {
                ids[*place].seq = row.seq;
                ids[*place].item = i64::try_from(item).unwrap_or(0);
            }
            tip.grow(row.hash);
            blocks.push(row);
        }
        let is_lonely = |d: &&Decision<I, V>| indexed == Indexed::Itself || d.attempt.is_none();
        let found = decisions.iter().zip(&ids).filter(|(d, _)| is_lonely(d));
        let lonely = found.flat_map(|(d, id)| [Some(d.device), d.client].into_iter().flatten().map(|k| (k, now, *id)));
        let lonely = lonely.collect();
        Ok(Packed { tenant, day, chain, at: now, blocks, tip, ids, lonely })
    }
}

impl Tx {
    /// Appends a batch of decisions of one tenant to the writer's chain, in the transaction of the attempts that they
    /// explain: at most four statements, however many there are. `addresses` are the devices behind the hashes.
    pub async fn evidence_append<I: Serialize, V: Serialize>(
        &mut self,
        to: Appending<'_>,
        decisions: &[&Decision<I, V>],
        addresses: &HashMap<i64, &str>,
    ) -> Result<Appended, StoreError> {
        let (tenant, day) = (to.tenant, day_of(to.now));
        let tip = match to.chain.take(tenant, day) {
            Some(tip) => tip,
            None => self.evidence_tip(tenant, day, to.chain.number()).await?,
        };
        let packed = to.pack_behind(tip, decisions, addresses)?;
        if !packed.blocks.is_empty() {
            self.evidence_blocks(&packed).await?;
            self.evidence_head_put(tenant, day, packed.chain, &packed.tip.head).await?;
            self.evidence_index(tenant, &packed.lonely).await?;
        }
        Ok(packed.appended())
    }

    async fn evidence_blocks(&mut self, packed: &Packed) -> Result<(), StoreError> {
        let row = |i: usize| {
            let own: Vec<String> = (1..=OWN.len()).map(|n| format!("${}", 4 + i * OWN.len() + n)).collect();
            format!("($1, $2, $3, $4, {})", own.join(", "))
        };
        let rows: Vec<String> = (0..packed.blocks.len()).map(row).collect();
        let sql = format!("{INTO} VALUES {}", rows.join(", "));
        on!(self, conn => {
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(packed.tenant).bind(packed.day).bind(packed.chain)
                .bind(packed.at);
            for b in &packed.blocks {
                query = query.bind(b.seq).bind(b.grp).bind(b.decisions).bind(&b.body[..]).bind(&b.devices[..])
                    .bind(&b.previous[..]).bind(b.skip.as_ref().map(|skip| &skip[..])).bind(&b.hash[..]);
            }
            query.execute(conn).await?.rows_affected()
        });
        Ok(())
    }
}

const INTO: &str =
    "INSERT INTO evidence (tenant, day, chain, at, seq, grp, decisions, body, devices, previous, skip, hash)";

/// The parts of a larger statement of PostgreSQL that write packed decisions: blocks and the chain's head, bound from
/// `$first` on by [`bind_packed`].
pub(crate) fn packed_text(first: usize) -> (String, usize) {
    let (tenant, day, chain, at) = (first, first + 1, first + 2, first + 3);
    let place = |(i, (_, kind)): (usize, &(&str, &str))| format!("${}::{kind}[]", first + 4 + i);
    let places: Vec<String> = OWN.iter().enumerate().map(place).collect();
    let names: Vec<&str> = OWN.iter().map(|c| c.0).collect();
    let source = format!("unnest({}) AS v({})", places.join(", "), names.join(", "));
    let picked = names.iter().map(|name| format!("v.{name}")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "kept AS ({INTO} SELECT ${tenant}, ${day}, ${chain}, ${at}, {picked} FROM {source}),
         headed AS ({} SELECT ${tenant}, ${day}, ${chain}, v.seq, v.hash FROM {source} ORDER BY v.seq DESC LIMIT 1 {})",
        head::INTO,
        head::OVER
    );
    (text, first + 4 + OWN.len())
}

/// Binds what [`packed_text`] names.
pub(crate) fn bind_packed<'q, O>(query: PgRowQuery<'q, O>, packed: &'q Packed) -> PgRowQuery<'q, O> {
    let rows = &packed.blocks;
    let query = query.bind(packed.tenant).bind(packed.day).bind(packed.chain).bind(packed.at);
    query
        .bind(column(rows, |b| b.seq))
        .bind(column(rows, |b| b.grp))
        .bind(column(rows, |b| b.decisions))
        .bind(column(rows, |b| b.body.as_slice()))
        .bind(column(rows, |b| b.devices.as_slice()))
        .bind(column(rows, |b| b.previous.as_slice()))
        .bind(column(rows, |b| b.skip.as_ref().map(<[u8; 32]>::as_slice)))
        .bind(column(rows, |b| b.hash.as_slice()))
}

/// The places of the decisions that go into each block: of one group, in their order, at most [`BLOCK`].
fn blocks_of<I, V>(decisions: &[&Decision<I, V>]) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..decisions.len()).collect();
    places.sort_by_key(|i| decisions[*i].grp);
    places
        .chunk_by(|a, b| decisions[*a].grp == decisions[*b].grp)
        .flat_map(|group| group.chunks(BLOCK))
        .map(<[usize]>::to_vec)
        .collect()
}

fn block<I: Serialize, V: Serialize>(
    tip: &Tip,
    (tenant, day, chain, at): (i64, i64, i64, i64),
    members: &[&Decision<I, V>],
    devices: Vec<u8>,
) -> Result<Block, StoreError> {
    let body = pack(members)?;
    let decisions = i64::try_from(members.len()).unwrap_or(0);
    let grp = members.first().map_or(0, |d| d.grp);
    let head = Head { tenant, day, chain, seq: tip.head.seq + 1, at, grp, decisions };
    let (previous, skip) = (tip.head.hash, tip.skip());
    let hash = head.hash(&previous, skip.as_ref().map(<[u8; 32]>::as_slice), &body);
    Ok(Block { seq: head.seq, grp, decisions, body, devices, previous, skip, hash })
}
