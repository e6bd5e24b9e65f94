//! The second wall, on PostgreSQL alone: row security on every table, forced, under a role that owns nothing.
//!
//! Each transaction says for which Ente it is; a policy on each table lets through that Ente's rows and
//! refuses to write others. A transaction that does not say so sees nothing at all.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::error::StoreError;

/// Tells a transaction for which Ente it is, and whether it reads the directory; for the rest of the transaction.
pub(crate) const TELL: &str =
    "select set_config('noncello.ente', $1, true), set_config('noncello.directory', $2, true)";

/// The tables that the directory reaches: they lead to a login, or list the Enti.
pub(crate) const SHARED: &[&str] =
    &["enti", "ente_names", "ente_comuni", "accounts", "sessions", "tokens", "gateway_identities"];

/// Tables that belong to no Ente: kept by keyed digests, or the migrator's own.
const OF_NOBODY: &[&str] = &["throttles", "seaql_migrations"];

/// Tables that the portal only adds to.
const APPENDED: &[&str] = &["audit"];

fn statement(sql: String) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

/// The role that an address logs in as.
pub(crate) fn role_of(url: &str) -> Result<String, StoreError> {
    let role = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
        .and_then(|rest| rest.split_once('@'))
        .map(|(login, _)| login.split_once(':').map_or(login, |(role, _)| role));
    match role {
        // Names that need no quoting anywhere: the role becomes part of a statement.
        Some(role)
            if !role.is_empty()
                && role.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') =>
        {
            Ok(role.to_owned())
        }
        _ => Err(StoreError::PostgresRole("its address must name a role of small letters, digits and _".to_owned())),
    }
}

/// Brings rights and row security of every table to what this program wants. Changes only what differs, so that a portal
/// that starts does not stop those that run.
pub(crate) async fn secure(owner: &DatabaseConnection, portal: &str) -> Result<(), StoreError> {
    let tables = "select relname::text as name from pg_class join pg_namespace n on n.oid = relnamespace \
                  where relkind = 'r' and nspname = current_schema() order by 1";
    let tables = owner.query_all_raw(statement(tables.to_owned())).await?;
    for row in tables {
        let table: String = row.try_get("", "name")?;
        let rights = match table.as_str() {
            "seaql_migrations" => "select",
            appended if APPENDED.contains(&appended) => "select, insert",
            _ => "select, insert, update, delete",
        };
        let has = format!(
            "select count(*) as count from information_schema.role_table_grants \
             where table_schema = current_schema() and table_name = '{table}' and grantee = '{portal}'"
        );
        let has: i64 = owner.query_one_raw(statement(has)).await?.map_or(Ok(0), |row| row.try_get("", "count"))?;
        if usize::try_from(has).ok() != Some(rights.split(',').count()) {
            owner.execute_unprepared(&format!("revoke all on {table} from {portal}")).await?;
            owner.execute_unprepared(&format!("grant {rights} on {table} to {portal}")).await?;
        }
        if OF_NOBODY.contains(&table.as_str()) {
            continue;
        }
        let column = if table == "enti" { "id" } else { "ente_id" };
        let own = format!("({column} = nullif(current_setting('noncello.ente', true), '')::uuid)");
        let seen = if SHARED.contains(&table.as_str()) {
            format!("({own} or (current_setting('noncello.directory', true) = 'on'))")
        } else {
            own.clone()
        };
        let policies = format!("select policyname::text as name from pg_policies where tablename = '{table}'");
        let there = owner.query_all_raw(statement(policies)).await?.len();
        if there != 4 {
            for policy in [
                format!("drop policy if exists seen on {table}"),
                format!("drop policy if exists added on {table}"),
                format!("drop policy if exists changed on {table}"),
                format!("drop policy if exists removed on {table}"),
                format!("create policy seen on {table} for select using {seen}"),
                format!("create policy added on {table} for insert with check {own}"),
                format!("create policy changed on {table} for update using {own} with check {own}"),
                format!("create policy removed on {table} for delete using {own}"),
                format!("alter table {table} enable row level security"),
                format!("alter table {table} force row level security"),
            ] {
                owner.execute_unprepared(&policy).await?;
            }
        }
    }
    Ok(())
}

/// Whether the portal's role is held by row security: no superuser, no exemption, owner of nothing, and every table secured.
pub(crate) async fn check_role(database: &DatabaseConnection) -> Result<(), StoreError> {
    let role = "select rolsuper or rolbypassrls as is_free from pg_roles where rolname = current_user";
    let is_free: bool =
        database.query_one_raw(statement(role.to_owned())).await?.map_or(Ok(true), |row| row.try_get("", "is_free"))?;
    if is_free {
        return Err(StoreError::PostgresRole("it is a superuser or exempt from row security".to_owned()));
    }
    let nobody: Vec<String> = OF_NOBODY.iter().map(|name| format!("'{name}'")).collect();
    let open = format!(
        "select relname::text as name from pg_class join pg_namespace n on n.oid = relnamespace \
         where relkind = 'r' and nspname = current_schema() and \
         (pg_has_role(current_user, relowner, 'member') or \
          (relname not in ({}) and not (relrowsecurity and relforcerowsecurity))) order by 1 limit 1",
        nobody.join(", ")
    );
    if let Some(row) = database.query_one_raw(statement(open)).await? {
        let name: String = row.try_get("", "name")?;
        return Err(StoreError::PostgresRole(format!("the table {name} is its own, or has no row security")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_from_its_address() {
        fn check(url: &str, expected: Option<&str>) {
            assert_eq!(role_of(url).ok().as_deref(), expected, "{url}");
        }
        check("postgres://noncello_portal:secret@localhost/noncello", Some("noncello_portal"));
        check("postgresql://portal@%2Fvar%2Frun/noncello", Some("portal"));
        check("postgres://localhost/noncello", None);
        check("postgres://Portal;drop@localhost/noncello", None);
    }
}
