//! The audit: who did or read or was refused what, when; append-only, one chain per Ente.
//!
//! Each line carries an HMAC over itself and the line before, under a key of the identity ring: whoever can write to the
//! database but does not hold the ring can neither change a line nor take one out without it being found. Cutting the last
//! lines off is found as long as the head beside them was not set back too; `checkpoints` are for that.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use crate::access::{Actor, EnteScope, PlatformScope, Right, Role};
use crate::checkpoints::AuditCheckpoint;
use crate::database::PLATFORM;
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::keys::PortalKeys;
use crate::open::{Store, moment};
use crate::tables::{audit, ente_counters};

/// Lines read at a time when a chain is followed.
const BATCH: u64 = 5_000;

/// A line of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number in the Ente, from 1.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; `None` for a login that named no account.
    pub actor: Option<Actor>,
    /// What, as a code: `persona.read`, `assessment.validate`.
    pub action: String,
    /// Whether it was refused.
    pub is_refused: bool,
    /// The ids it was about: persone, assessments, accounts.
    pub subjects: Vec<Uuid>,
    /// Codes and counts, a reason given at the command line; never a person's data.
    pub detail: Option<String>,
}

/// What a check of an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Lines read.
    pub lines: u64,
    /// The first thing that is wrong.
    pub problem: Option<AuditProblem>,
}

/// What is wrong with an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditProblem {
    /// A line is not what was written.
    Changed {
        /// Its number.
        seq: i64,
    },
    /// A line is missing before this number.
    Missing {
        /// The number expected.
        seq: i64,
    },
    /// Another line stands where a checkpoint saw this one.
    Rewritten {
        /// Its number.
        seq: i64,
    },
    /// The last lines are missing, or the head was changed.
    Truncated {
        /// The number of the last line that should be there.
        expected: i64,
        /// The number of the last line that is.
        found: i64,
    },
}

/// Which lines of an audit are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Before this number.
    pub before_seq: Option<i64>,
    /// By this account.
    pub actor: Option<AccountId>,
    /// Whose action is this, or begins with it and a point: `persona`, `persona.read`.
    pub action: Option<String>,
    /// About this persona, questionnaire or account.
    pub subject: Option<Uuid>,
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Refused ones alone.
    pub only_refused: bool,
}

/// A line to be written.
#[derive(Clone)]
pub(crate) struct Line<'a> {
    pub(crate) ente: EnteId,
    pub(crate) actor: Option<&'a Actor>,
    pub(crate) action: &'static str,
    pub(crate) is_refused: bool,
    pub(crate) subjects: &'a [Uuid],
    pub(crate) detail: Option<String>,
}

impl<'a> Line<'a> {
    /// Something that was done.
    pub(crate) fn done(scope: &'a EnteScope, action: &'static str, subjects: &'a [Uuid]) -> Self {
        Self { ente: scope.ente(), actor: Some(scope.actor()), action, is_refused: false, subjects, detail: None }
    }

    /// The same on the platform.
    pub(crate) fn on_platform(scope: &'a PlatformScope, action: &'static str, subjects: &'a [Uuid]) -> Self {
        Self { ente: PLATFORM, actor: Some(scope.actor()), action, is_refused: false, subjects, detail: None }
    }

    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

/// What stands before the first line.
pub(crate) fn first_mac(keys: &PortalKeys, ente: EnteId) -> [u8; 32] {
    keys.audit.authenticate(&[b"first", ente.0.as_bytes()])
}

/// The seal of a line: over every field and the seal before.
fn mac(keys: &PortalKeys, before: &[u8], row: &audit::Model) -> [u8; 32] {
    let present = |text: &Option<String>| text.as_ref().map_or_else(|| "-".to_owned(), |text| format!("+{text}"));
    keys.audit.authenticate(&[
        b"line 1",
        before,
        row.ente_id.as_bytes(),
        &row.seq.to_be_bytes(),
        row.at.to_rfc3339_opts(SecondsFormat::Millis, true).as_bytes(),
        row.actor_id.as_ref().map_or(&[], |id| id.as_bytes().as_slice()),
        present(&row.actor_role).as_bytes(),
        present(&row.actor_name).as_bytes(),
        row.action.as_bytes(),
        &[u8::from(row.is_refused)],
        row.subjects.as_bytes(),
        present(&row.detail).as_bytes(),
    ])
}

/// Writes a line, in the caller's transaction.
pub(crate) async fn append(
    keys: &PortalKeys,
    connection: &impl ConnectionTrait,
    line: Line<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let counters = ente_counters::Entity::find_by_id(line.ente.0)
        .lock_exclusive()
        .one(connection)
        .await?
        .ok_or(StoreError::NotFound("Ente"))?;
    keys.check_version(line.ente, counters.key_version)?;
    // Only who came with a token has all three.
    let (actor_id, actor_role, actor_name) = match line.actor {
        Some(Actor::Account { id, role }) => (Some(id.0), Some(role.code().to_owned()), None),
        Some(Actor::Token { id, role, token }) => (Some(id.0), Some(role.code().to_owned()), Some(token.to_string())),
        Some(Actor::CommandLine { name }) => (None, None, Some(name.clone())),
        None => (None, None, None),
    };
    let subjects: Vec<String> = line.subjects.iter().map(|id| id.hyphenated().to_string()).collect();
    let mut row = audit::Model {
        ente_id: line.ente.0,
        seq: counters.audit_seq + 1,
        at: moment(now),
        actor_id,
        actor_role,
        actor_name,
        action: line.action.to_owned(),
        is_refused: line.is_refused,
        subjects: subjects.join(" "),
        detail: line.detail,
        mac: Vec::new(),
    };
    row.mac = mac(keys, &counters.audit_mac, &row).to_vec();
    let head = ente_counters::ActiveModel {
        ente_id: Set(line.ente.0),
        audit_seq: Set(row.seq),
        audit_mac: Set(row.mac.clone()),
        ..Default::default()
    };
    audit::Entity::insert(audit::ActiveModel::from(row)).exec_without_returning(connection).await?;
    crate::open::update(head, connection).await
}

impl AuditEntry {
    fn read(row: audit::Model) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged { table: "audit", row: format!("{} {}", row.ente_id, row.seq) };
        let actor = match (row.actor_id, &row.actor_role, &row.actor_name) {
            (Some(id), Some(role), None) => {
                Some(Actor::Account { id: AccountId(id), role: Role::from_code(role).ok_or_else(damaged)? })
            }
            (Some(id), Some(role), Some(token)) => Some(Actor::Token {
                id: AccountId(id),
                role: Role::from_code(role).ok_or_else(damaged)?,
                token: token.parse().map_err(|_| damaged())?,
            }),
            (None, None, Some(name)) => Some(Actor::CommandLine { name: name.clone() }),
            (None, None, None) => None,
            _ => return Err(damaged()),
        };
        let subjects = row.subjects.split_ascii_whitespace().map(Uuid::parse_str).collect::<Result<_, _>>();
        Ok(Self {
            seq: row.seq,
            at: row.at,
            actor,
            subjects: subjects.map_err(|_| damaged())?,
            action: row.action,
            is_refused: row.is_refused,
            detail: row.detail,
        })
    }
}

impl Store {
    /// The last lines of the Ente's audit, the newest first; reading them is itself audited.
    ///
    /// # Errors
    /// No right ([`crate::Right::ManageAccounts`]); the database.
    pub async fn audit(
        &self,
        scope: &EnteScope,
        filter: &AuditFilter,
        limit: u64,
        now: DateTime<Utc>,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        scope.require(Right::ManageAccounts)?;
        let of_action = filter.action.as_ref().map(|action| {
            Condition::any()
                .add(audit::Column::Action.eq(action.as_str()))
                .add(audit::Column::Action.starts_with(format!("{action}.")))
        });
        let query = audit::Entity::find().filter(audit::Column::EnteId.eq(scope.ente().0)).filter(
            Condition::all()
                .add_option(filter.before_seq.map(|seq| audit::Column::Seq.lt(seq)))
                .add_option(filter.actor.map(|actor| audit::Column::ActorId.eq(actor.0)))
                .add_option(filter.subject.map(|id| audit::Column::Subjects.contains(id.hyphenated().to_string())))
                .add_option(filter.from.map(|from| audit::Column::At.gte(from)))
                .add_option(filter.until.map(|until| audit::Column::At.lt(until)))
                .add_option(filter.only_refused.then(|| audit::Column::IsRefused.eq(true)))
                .add_option(of_action),
        );
        let rows = query.order_by_desc(audit::Column::Seq).limit(limit).all(&self.reading(scope.ente())).await?;
        // Who looks for what was done to somebody has looked at them too.
        let subjects: Vec<Uuid> = filter.subject.into_iter().collect();
        self.note(Line::done(scope, "audit.read", &subjects), now).await?;
        rows.into_iter().map(AuditEntry::read).collect()
    }

    /// Follows the chain of an Ente from its first line, and holds it against what checkpoints saw of it; `None` is the
    /// platform's.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; the database.
    pub async fn audit_verify(
        &self,
        scope: &PlatformScope,
        ente: Option<EnteId>,
        checkpoints: &[AuditCheckpoint],
    ) -> Result<AuditVerdict, StoreError> {
        scope.require(Right::ManageEnti)?;
        let ente = ente.unwrap_or(PLATFORM);
        let head = ente_counters::Entity::find_by_id(ente.0)
            .one(&self.reading(ente))
            .await?
            .ok_or(StoreError::NotFound("Ente"))?;
        let seen = checkpoints.iter().flat_map(|checkpoint| &checkpoint.heads).filter(|head| head.ente == ente);
        let seen: BTreeMap<i64, &str> = seen.map(|head| (head.seq, head.mac.as_str())).collect();
        let last_seen = seen.last_key_value().map_or(0, |(seq, _)| *seq);
        let mut before = first_mac(&self.keys, ente).to_vec();
        let (mut seq, mut lines) = (0, 0);
        let verdict = |lines, problem| Ok(AuditVerdict { lines, problem });
        loop {
            let rows = audit::Entity::find()
                .filter(audit::Column::EnteId.eq(ente.0))
                .filter(audit::Column::Seq.gt(seq))
                .filter(audit::Column::Seq.lte(head.audit_seq))
                .order_by_asc(audit::Column::Seq)
                .limit(BATCH)
                .all(&self.reading(ente))
                .await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if row.seq != seq + 1 {
                    return verdict(lines, Some(AuditProblem::Missing { seq: seq + 1 }));
                }
                if row.mac != mac(&self.keys, &before, &row) {
                    return verdict(lines, Some(AuditProblem::Changed { seq: row.seq }));
                }
                if seen.get(&row.seq).is_some_and(|mac| *mac != hex::encode(&row.mac)) {
                    return verdict(lines, Some(AuditProblem::Rewritten { seq: row.seq }));
                }
                (seq, before, lines) = (row.seq, row.mac, lines + 1);
            }
        }
        let truncated = seq != head.audit_seq || before != head.audit_mac || last_seen > seq;
        let expected = head.audit_seq.max(last_seen);
        verdict(lines, truncated.then_some(AuditProblem::Truncated { expected, found: seq }))
    }

    /// Writes one line in a transaction of its own. A read whose line cannot be written fails.
    pub(crate) async fn note(&self, line: Line<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
        let writing = self.write(line.ente).await?;
        match append(&self.keys, &*writing, line.clone(), now).await {
            // What was read was opened, and nothing was sealed: the line stands, and the keys are read again.
            Err(StoreError::KeysRenewed) => append(&self.keys, &*writing, line, now).await?,
            noted => noted?,
        }
        writing.commit().await
    }
}
