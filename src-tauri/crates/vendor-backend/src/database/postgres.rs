//! The shared store: a PostgreSQL behind any number of processes.
//!
//! Every request is one SERIALIZABLE transaction: what it read still holds when it commits, or PostgreSQL refuses it and
//! it runs again. It also runs again where the connection was lost before the commit was asked for. Whether a commit
//! whose answer was lost came through, nobody knows: the station asks again, and the constraints tell.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::postgres::error::SqlState;
use ::postgres::types::{ToSql, Type};
use ::postgres::{Client, Config, Error, IsolationLevel, NoTls, Row, Statement, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vendor::problem::{Problem, ProblemCode};

use super::tx::{StoreError, Tx, Value};
use crate::fault::Fault;

/// Each entry brings the schema one version further; entries are never changed once released. They follow SQLite's, with
/// PostgreSQL's types; texts are compared byte by byte, as SQLite does.
const MIGRATIONS: [&str; 5] = [
    include_str!("postgres.sql"),
    include_str!("postgres-desk.sql"),
    include_str!("postgres-payments.sql"),
    include_str!("postgres-batches.sql"),
    include_str!("postgres-photos.sql"),
];

/// Any number that nobody else takes: one process migrates at a time.
const MIGRATING: i64 = 0x5048_4f54_4f53;

/// Connections of one process. A transaction takes a few milliseconds; PostgreSQL's own default allows a hundred.
const CONNECTIONS: usize = 12;

/// How often a transaction that others were in the way of runs again, and how long a lost server is waited for.
const MOST_TRIES: u32 = 40;
const TRIES_OF_A_KEY: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(15);
/// Waits double between these, each with its own chance, so that those who met do not meet again.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// What each connection is told first. Index scans even of small tables: what is read is then remembered by its place in
/// the index, and those who read elsewhere are not in the way.
const GREETING: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s';
     SET enable_seqscan = off; SET client_min_messages = warning";

/// The connections of this process.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inside>);

struct Inside {
    config: Config,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

/// A connection, and the statements it has prepared.
struct Connection {
    client: Client,
    prepared: Prepared,
}

type Prepared = HashMap<(String, Vec<Type>), Statement>;

/// A transaction on a connection.
pub(super) struct Session<'a> {
    transaction: Transaction<'a>,
    prepared: &'a mut Prepared,
}

/// What became of one try.
enum Try<T> {
    Done(T),
    /// Refused for good.
    Refused(Fault),
    /// Nothing was written, and the same may go well another time: so many times at most.
    Again(Fault, u32),
}

impl Pool {
    pub(super) fn open(url: &str) -> Result<Pool, StoreError> {
        let mut config: Config = url
            .parse()
            .map_err(|_| StoreError::Settings("the address of the database cannot be read"))?;
        config
            .application_name("photo-station backend")
            .connect_timeout(Duration::from_secs(5));
        let pool = Pool(Arc::new(Inside {
            config,
            idle: Mutex::new(Vec::new()),
            turns: Arc::new(Semaphore::new(CONNECTIONS)),
        }));
        let begun = Instant::now();
        loop {
            match pool.migrated() {
                Ok(()) => return Ok(pool),
                // It may be starting, too.
                Err(StoreError::Postgres(error)) if is_lost(&error) && begun.elapsed() < PATIENCE => {}
                Err(error) => return Err(error),
            }
            std::thread::sleep(LONGEST_WAIT);
        }
    }

    fn migrated(&self) -> Result<(), StoreError> {
        let mut connection = self.connected()?;
        migrate(&mut connection.client)?;
        self.back(connection);
        Ok(())
    }

    /// Waits for one of this process's connections to be free.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let turn = self.0.turns.clone().acquire_owned();
        turn.await.map_err(|_| Fault::Broken("the database was closed"))
    }

    pub(super) fn now<T>(&self, work: impl Fn(&Tx<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let begun = Instant::now();
        let (mut tries, mut wait) = (1, FIRST_WAIT);
        loop {
            match self.once(&work) {
                Try::Done(result) => return Ok(result),
                Try::Refused(fault) => return Err(fault),
                Try::Again(fault, most) if tries >= most || begun.elapsed() > PATIENCE => {
                    tracing::warn!(%fault, tries, "given up");
                    return Err(ProblemCode::Unavailable.into());
                }
                Try::Again(..) => std::thread::sleep(wait.mul_f64(chance())),
            }
            tries += 1;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn once<T>(&self, work: &impl Fn(&Tx<'_>) -> Result<T, Fault>) -> Try<T> {
        let mut connection = match self.connected() {
            Ok(connection) => connection,
            Err(error) => return before_commit(error),
        };
        let result = connection.transact(work);
        self.back(connection);
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(&self) -> Result<Connection, StoreError> {
        let idle = self.idle().pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let mut client = self.0.config.connect(NoTls)?;
        client.batch_execute(GREETING)?;
        Ok(Connection {
            client,
            prepared: HashMap::new(),
        })
    }

    /// Keeps a connection for the next one, unless it is lost: the others are then most likely lost, too.
    fn back(&self, connection: Connection) {
        let mut idle = self.idle();
        if connection.client.is_closed() {
            idle.clear();
        } else {
            idle.push(connection);
        }
    }
}

impl Drop for Inside {
    /// Saying goodbye waits for the server, which no async thread may.
    fn drop(&mut self) {
        let idle = std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !idle.is_empty() {
            std::thread::spawn(move || drop(idle));
        }
    }
}

impl Connection {
    fn transact<T>(&mut self, work: &impl Fn(&Tx<'_>) -> Result<T, Fault>) -> Try<T> {
        let begin = self.client.build_transaction();
        let transaction = match begin.isolation_level(IsolationLevel::Serializable).start() {
            Ok(transaction) => transaction,
            Err(error) => return before_commit(error.into()),
        };
        let tx = Tx::postgres(Session {
            transaction,
            prepared: &mut self.prepared,
        });
        let result = match work(&tx) {
            Ok(result) => result,
            // Dropped, the transaction is rolled back.
            Err(Fault::Database(error)) => return before_commit(error),
            Err(fault) => return Try::Refused(fault),
        };
        let Some(session) = tx.into_session() else {
            return Try::Refused(Fault::Broken("another database's transaction"));
        };
        match session.transaction.commit() {
            Ok(()) => Try::Done(result),
            Err(error) if was_in_the_way(&error) => Try::Again(StoreError::from(error).into(), MOST_TRIES),
            Err(error) => {
                tracing::warn!(error = code_of(&error), "a commit's answer was lost");
                Try::Refused(ProblemCode::Unavailable.into())
            }
        }
    }
}

/// What an error means while nothing is written for good.
fn before_commit<T>(error: StoreError) -> Try<T> {
    let StoreError::Postgres(cause) = &error else {
        return Try::Refused(error.into());
    };
    if was_in_the_way(cause) {
        Try::Again(error.into(), MOST_TRIES)
    } else if is_lost(cause) {
        // As long as somebody has the patience.
        Try::Again(error.into(), u32::MAX)
    } else if cause.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        // Two inserted the same key at the same moment: who runs again finds the other's row, or will never.
        Try::Again(error.into(), TRIES_OF_A_KEY)
    } else if cause.code() == Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE) {
        let problem = Problem::new(ProblemCode::InvalidRequest);
        Try::Refused(problem.detail("a text holds a character that is none").into())
    } else {
        Try::Refused(error.into())
    }
}

/// Were others in the way?
fn was_in_the_way(error: &Error) -> bool {
    let codes = [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
    ];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// Is the connection gone, or about to go, or not there yet? A wrong name or password is none of these.
fn is_lost(error: &Error) -> bool {
    let codes = [
        &SqlState::ADMIN_SHUTDOWN,
        &SqlState::CRASH_SHUTDOWN,
        &SqlState::CANNOT_CONNECT_NOW,
        &SqlState::TOO_MANY_CONNECTIONS,
    ];
    match error.code() {
        Some(code) => codes.contains(&code),
        None => {
            error.is_closed()
                || error
                    .source()
                    .is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        }
    }
}

/// The server's code for an error and the constraint it was about: its sentence may hold values.
pub(super) fn code_of(error: &Error) -> String {
    match error.as_db_error() {
        Some(told) => match told.constraint() {
            Some(constraint) => format!("{} ({constraint})", told.code().code()),
            None => told.code().code().to_owned(),
        },
        // The client's own words: "connection closed", "error connecting to server".
        None => error.to_string(),
    }
}

/// One half to one.
fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |random| 0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

/// Brings the schema up to date; whoever comes at the same moment waits.
fn migrate(client: &mut Client) -> Result<(), StoreError> {
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATING])?;
    transaction.batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let version: i64 = transaction
        .query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[])?
        .try_get(0)?;
    let version = usize::try_from(version).unwrap_or(0);
    if version > MIGRATIONS.len() {
        return Err(StoreError::Settings("it is a newer program's"));
    }
    for (done, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        transaction.batch_execute(migration)?;
        let done = i64::try_from(done + 1).unwrap_or(i64::MAX);
        transaction.execute("INSERT INTO schema_version (version) VALUES ($1)", &[&done])?;
    }
    Ok(transaction.commit()?)
}

impl Session<'_> {
    pub(super) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let statement = self.statement(sql, values)?;
        Ok(self.transaction.execute(&statement, &bound(values))?)
    }

    pub(super) fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql, values)?;
        Ok(self.transaction.query(&statement, &bound(values))?)
    }

    /// Prepared once on a connection, for each set of types.
    fn statement(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Statement, StoreError> {
        let types: Vec<Type> = values.iter().map(|value| value.kind()).collect();
        let key = (sql.to_owned(), types);
        if let Some(statement) = self.prepared.get(&key) {
            return Ok(statement.clone());
        }
        let statement = self.transaction.prepare_typed(&dollars(sql), &key.1)?;
        self.prepared.insert(key, statement.clone());
        Ok(statement)
    }
}

fn bound<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// `?1` as PostgreSQL writes it. No statement of ours has a question mark elsewhere.
fn dollars(sql: &str) -> String {
    sql.replace('?', "$")
}

pub(super) fn postgres_value(row: &Row, at: usize) -> Result<Value<'_>, StoreError> {
    let of = row.columns().get(at).ok_or(StoreError::Column(at))?.type_();
    let value = match *of {
        Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map(Value::Truth),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(at)?
            .map(|number| Value::Integer(number.into())),
        Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map(Value::Integer),
        Type::BYTEA => row.try_get::<_, Option<&[u8]>>(at)?.map(Value::Bytes),
        _ => row.try_get::<_, Option<&str>>(at)?.map(Value::Text),
    };
    Ok(value.unwrap_or(Value::Null))
}
