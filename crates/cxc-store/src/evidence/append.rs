//! Appending: decisions become blocks, their people are indexed, their devices are kept sealed.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::block::{BlockRow, Head, pack};
use super::chain::{ChainHead, EvidenceChain};
use super::sealed::DeviceSeal;
use super::{BLOCK, Decision, EvidenceId, day_of, hex};
use crate::{Rows, StoreError, Tx, on};

/// What was appended. Give it to [`EvidenceChain::committed`] after the commit.
#[derive(Debug)]
pub struct Appended {
    /// Where each decision is kept, in their order.
    pub ids: Vec<EvidenceId>,
    pub(super) tenant: i64,
    pub(super) day: i64,
    pub(super) head: ChainHead,
}

#[derive(Serialize)]
struct SubjectRow {
    key: i64,
    seq: i64,
    item: i64,
}

#[derive(Serialize)]
struct DeviceRow {
    device: i64,
    original: String,
}

impl Tx {
    /// Appends a batch of decisions of one tenant to the writer's chain, in the transaction of the attempts that they
    /// explain: at most four statements, however many there are. `now` is the instant of the batch; `devices` are
    /// the addresses behind the hashes, sealed before they are stored.
    pub async fn evidence_append(
        &mut self,
        chain: &mut EvidenceChain,
        seal: &DeviceSeal,
        tenant: i64,
        now: i64,
        decisions: &[Decision],
        devices: &[(i64, &str)],
    ) -> Result<Appended, StoreError> {
        let day = day_of(now);
        let known = chain.take(tenant, day);
        let mut head = match known {
            Some(head) => head,
            None => self.evidence_head(tenant, day, chain.number()).await?,
        };
        let mut places = vec![EvidenceId { day, chain: chain.number(), seq: 0, item: 0 }; decisions.len()];
        let mut blocks = Vec::new();
        for places_of_block in blocks_of(decisions) {
            let members: Vec<&Decision> = places_of_block.iter().map(|i| &decisions[*i]).collect();
            let grp = members.first().map_or(0, |d| d.grp);
            let (row, next) = block(head, (tenant, day, chain.number(), now, grp), &members)?;
            for (item, place) in places_of_block.iter().enumerate() {
                places[*place].seq = row.seq;
                places[*place].item = i64::try_from(item).unwrap_or(0);
            }
            blocks.push(row);
            head = next;
        }
        if !blocks.is_empty() {
            self.evidence_blocks(tenant, day, chain.number(), now, &blocks).await?;
            self.evidence_subjects(tenant, day, chain.number(), now, decisions, &places).await?;
            self.evidence_devices(seal, tenant, devices).await?;
        }
        Ok(Appended { ids: places, tenant, day, head })
    }

    async fn evidence_blocks(
        &mut self,
        tenant: i64,
        day: i64,
        chain: i64,
        at: i64,
        blocks: &[BlockRow],
    ) -> Result<(), StoreError> {
        let columns = [
            ("seq", "BIGINT"),
            ("grp", "BIGINT"),
            ("decisions", "BIGINT"),
            ("body", "TEXT"),
            ("previous", "TEXT"),
            ("hash", "TEXT"),
        ];
        let source = Rows::source(self, "$1", &columns);
        let bytes = |column: &str| self.choose(format!("decode(v.{column}, 'hex')"), format!("unhex(v.{column})"));
        let sql = format!(
            "INSERT INTO evidence (tenant, day, chain, seq, at, grp, decisions, body, previous, hash)
             SELECT $2, $3, $4, v.seq, $5, v.grp, v.decisions, {}, {}, {} FROM {source}",
            bytes("body"),
            bytes("previous"),
            bytes("hash")
        );
        let rows = Rows::of(blocks)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).bind(day).bind(chain).bind(at)
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    async fn evidence_subjects(
        &mut self,
        tenant: i64,
        day: i64,
        chain: i64,
        at: i64,
        decisions: &[Decision],
        places: &[EvidenceId],
    ) -> Result<(), StoreError> {
        let rows = decisions.iter().zip(places).flat_map(|(decision, place)| {
            let keys = [Some(decision.device), decision.client.filter(|c| *c != decision.device)];
            keys.into_iter().flatten().map(|key| SubjectRow { key, seq: place.seq, item: place.item })
        });
        let rows: Vec<SubjectRow> = rows.collect();
        let source = Rows::source(self, "$1", &[("key", "BIGINT"), ("seq", "BIGINT"), ("item", "BIGINT")]);
        let sql = format!(
            "INSERT INTO evidence_subject (tenant, key_hash, at, day, chain, seq, item)
             SELECT $2, v.key, $3, $4, $5, v.seq, v.item FROM {source}"
        );
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).bind(at).bind(day).bind(chain)
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    async fn evidence_devices(
        &mut self,
        seal: &DeviceSeal,
        tenant: i64,
        devices: &[(i64, &str)],
    ) -> Result<(), StoreError> {
        let mut devices = devices.to_vec();
        // one order for all writers, so that two batches can't wait for each other in a circle
        devices.sort_unstable();
        devices.dedup_by_key(|d| d.0);
        let rows = devices
            .iter()
            .map(|(device, text)| Ok(DeviceRow { device: *device, original: hex(&seal.seal(tenant, *device, text)?) }))
            .collect::<Result<Vec<_>, StoreError>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        let source = Rows::source(self, "$1", &[("device", "BIGINT"), ("original", "TEXT")]);
        let bytes = self.choose("decode(v.original, 'hex')", "unhex(v.original)");
        let sql = format!(
            "INSERT INTO evidence_device (tenant, device_hash, original) SELECT $2, v.device, {bytes} FROM {source}
             WHERE true ON CONFLICT (tenant, device_hash) DO NOTHING"
        );
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }
}

/// The places of the decisions that go into each block: of one group, in their order, at most [`BLOCK`].
fn blocks_of(decisions: &[Decision]) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..decisions.len()).collect();
    places.sort_by_key(|i| decisions[*i].grp);
    places
        .chunk_by(|a, b| decisions[*a].grp == decisions[*b].grp)
        .flat_map(|group| group.chunks(BLOCK))
        .map(<[usize]>::to_vec)
        .collect()
}

fn block(
    last: ChainHead,
    (tenant, day, chain, at, grp): (i64, i64, i64, i64, i64),
    members: &[&Decision],
) -> Result<(BlockRow, ChainHead), StoreError> {
    let body = pack(members)?;
    let decisions = i64::try_from(members.len()).unwrap_or(0);
    let head = Head { tenant, day, chain, seq: last.seq + 1, at, grp, decisions };
    let hash = head.hash(&last.hash, &body);
    let row = BlockRow { seq: head.seq, grp, decisions, body: hex(&body), previous: hex(&last.hash), hash: hex(&hash) };
    Ok((row, ChainHead { seq: head.seq, hash }))
}
