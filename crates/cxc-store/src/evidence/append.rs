//! Appending: decisions become blocks, and those that no attempt leads to are indexed by their people.
use std::collections::HashMap;

use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::block::{Head, pack};
use super::chain::{ChainHead, EvidenceChain};
use super::devices;
use super::sealed::DeviceSeal;
use super::{BLOCK, Decision, EvidenceId, Indexed, day_of};
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

/// What was appended. Give it to [`EvidenceChain::committed`] after the commit.
#[derive(Debug)]
pub struct Appended {
    /// Where each decision is kept, in their order.
    pub ids: Vec<EvidenceId>,
    pub(super) tenant: i64,
    pub(super) day: i64,
    pub(super) head: ChainHead,
}

/// A block as a row.
struct Block {
    seq: i64,
    grp: i64,
    decisions: i64,
    body: Vec<u8>,
    devices: Vec<u8>,
    previous: [u8; 32],
    hash: [u8; 32],
}

/// The columns of a block that differ within a batch.
const OWN: usize = 7;

impl Tx {
    /// Appends a batch of decisions of one tenant to the writer's chain, in the transaction of the attempts that they
    /// explain: at most four statements, however many there are. `addresses` are the devices behind the hashes.
    pub async fn evidence_append<I: Serialize, V: Serialize>(
        &mut self,
        to: Appending<'_>,
        decisions: &[&Decision<I, V>],
        addresses: &HashMap<i64, &str>,
    ) -> Result<Appended, StoreError> {
        let Appending { chain, seal, tenant, now, indexed } = to;
        let day = day_of(now);
        let known = chain.take(tenant, day);
        let mut head = match known {
            Some(head) => head,
            None => self.evidence_head(tenant, day, chain.number()).await?,
        };
        let mut places = vec![EvidenceId { day, chain: chain.number(), seq: 0, item: 0 }; decisions.len()];
        let mut blocks = Vec::new();
        for places_of_block in blocks_of(decisions) {
            let members: Vec<&Decision<I, V>> = places_of_block.iter().map(|i| decisions[*i]).collect();
            let devices = devices::seal_all(seal, tenant, &members, addresses)?;
            let row = block(head, (tenant, day, chain.number(), now), &members, devices)?;
            for (item, place) in places_of_block.iter().enumerate() {
                places[*place].seq = row.seq;
                places[*place].item = i64::try_from(item).unwrap_or(0);
            }
            head = ChainHead { seq: row.seq, hash: row.hash };
            blocks.push(row);
        }
        if !blocks.is_empty() {
            self.evidence_blocks((tenant, day, chain.number(), now), &blocks).await?;
            self.evidence_head_put(tenant, day, chain.number(), &head).await?;
            let lonely = |d: &&Decision<I, V>| indexed == Indexed::Itself || d.attempt.is_none();
            let found = decisions.iter().zip(&places).filter(|(d, _)| lonely(d));
            let keys =
                found.flat_map(|(d, place)| [Some(d.device), d.client].into_iter().flatten().map(|k| (k, *place)));
            self.evidence_index(tenant, &keys.map(|(key, place)| (key, now, place)).collect::<Vec<_>>()).await?;
        }
        Ok(Appended { ids: places, tenant, day, head })
    }

    async fn evidence_blocks(
        &mut self,
        (tenant, day, chain, at): (i64, i64, i64, i64),
        blocks: &[Block],
    ) -> Result<(), StoreError> {
        let row = |i: usize| {
            let own: Vec<String> = (1..=OWN).map(|n| format!("${}", 4 + i * OWN + n)).collect();
            format!("($1, $2, $3, $4, {})", own.join(", "))
        };
        let rows: Vec<String> = (0..blocks.len()).map(row).collect();
        let sql = format!(
            "INSERT INTO evidence (tenant, day, chain, at, seq, grp, decisions, body, devices, previous, hash) VALUES {}",
            rows.join(", ")
        );
        on!(self, conn => {
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(day).bind(chain).bind(at);
            for b in blocks {
                query = query.bind(b.seq).bind(b.grp).bind(b.decisions).bind(&b.body[..]).bind(&b.devices[..])
                    .bind(&b.previous[..]).bind(&b.hash[..]);
            }
            query.execute(conn).await?.rows_affected()
        });
        Ok(())
    }
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
    last: ChainHead,
    (tenant, day, chain, at): (i64, i64, i64, i64),
    members: &[&Decision<I, V>],
    devices: Vec<u8>,
) -> Result<Block, StoreError> {
    let body = pack(members)?;
    let decisions = i64::try_from(members.len()).unwrap_or(0);
    let grp = members.first().map_or(0, |d| d.grp);
    let head = Head { tenant, day, chain, seq: last.seq + 1, at, grp, decisions };
    let hash = head.hash(&last.hash, &body);
    Ok(Block { seq: head.seq, grp, decisions, body, devices, previous: last.hash, hash })
}
