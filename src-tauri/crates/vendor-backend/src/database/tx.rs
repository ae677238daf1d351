//! One transaction on either database: statements are written once, with `?1`, `?2`, … for their values.
//!
//! What both understand is used: `ON CONFLICT`, `RETURNING`, `TRUE` and `FALSE`; where they differ, a method here.

use std::cell::RefCell;

use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::postgres::{Session, postgres_value};

/// The database failed, or holds something else than was expected. Its words name tables and codes, never values.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// SQLite's words name tables, never values.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL's own words may hold values: its code says as much.
    #[error("PostgreSQL {}", super::postgres::code_of(.0))]
    Postgres(#[from] ::postgres::Error),
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(&'static str),
    /// A row that must be there is not.
    #[error("no such row")]
    NoRow,
    /// A column holds something else.
    #[error("column {0} holds something else")]
    Column(usize),
}

/// A transaction under way.
pub(crate) struct Tx<'a>(Inner<'a>);

enum Inner<'a> {
    Sqlite(&'a rusqlite::Transaction<'a>),
    Postgres(RefCell<Session<'a>>),
}

// A call reads as its statement does, its values written in place.
#[allow(clippy::needless_pass_by_value)]
impl<'a> Tx<'a> {
    pub(super) fn sqlite(transaction: &'a rusqlite::Transaction<'a>) -> Tx<'a> {
        Tx(Inner::Sqlite(transaction))
    }

    pub(super) fn postgres(session: Session<'a>) -> Tx<'a> {
        Tx(Inner::Postgres(RefCell::new(session)))
    }

    /// The session back, to be committed.
    pub(super) fn into_session(self) -> Option<Session<'a>> {
        match self.0 {
            Inner::Sqlite(_) => None,
            Inner::Postgres(session) => Some(session.into_inner()),
        }
    }

    /// Runs a statement; how many rows it wrote.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        let values = params.values();
        match &self.0 {
            Inner::Sqlite(transaction) => {
                let mut statement = transaction.prepare_cached(sql)?;
                Ok(statement.execute(rusqlite::params_from_iter(values))?)
            }
            Inner::Postgres(session) => {
                let written = session.borrow_mut().execute(sql, &values)?;
                Ok(usize::try_from(written).unwrap_or(usize::MAX))
            }
        }
    }

    /// The first row; [`StoreError::NoRow`] where there is none, see [`Optional`].
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let values = params.values();
        match &self.0 {
            Inner::Sqlite(transaction) => {
                let mut statement = transaction.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                read(&Row(Line::Sqlite(rows.next()?.ok_or(StoreError::NoRow)?)))
            }
            Inner::Postgres(session) => {
                let rows = session.borrow_mut().query(sql, &values)?;
                read(&Row(Line::Postgres(rows.first().ok_or(StoreError::NoRow)?)))
            }
        }
    }

    /// Every row.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let values = params.values();
        let mut found = Vec::new();
        match &self.0 {
            Inner::Sqlite(transaction) => {
                let mut statement = transaction.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    found.push(read(&Row(Line::Sqlite(row)))?);
                }
            }
            Inner::Postgres(session) => {
                for row in &session.borrow_mut().query(sql, &values)? {
                    found.push(read(&Row(Line::Postgres(row)))?);
                }
            }
        }
        Ok(found)
    }

    /// The next photo's number. Numbers are never given twice; one may be left out where its transaction was given up.
    pub(crate) fn next_number(&self) -> Result<i64, StoreError> {
        let next = match &self.0 {
            Inner::Sqlite(_) => "SELECT coalesce(max(seq), 0) + 1 FROM captures",
            Inner::Postgres(_) => "SELECT nextval('capture_numbers')",
        };
        self.query_row(next, (), |row| row.get(0))
    }

    /// Can this database be written now?
    pub(crate) fn is_writable(&self) -> Result<bool, StoreError> {
        match &self.0 {
            // Every transaction begins with the lock for writing.
            Inner::Sqlite(_) => {
                self.query_row("PRAGMA user_version", (), |row| row.get(0).map(|_: i64| true))
            }
            Inner::Postgres(_) => self.query_row("SELECT NOT pg_is_in_recovery()", (), |row| row.get(0)),
        }
    }

    /// Size of the database in bytes.
    pub(crate) fn size(&self) -> Result<i64, StoreError> {
        let size = match &self.0 {
            Inner::Sqlite(_) => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            Inner::Postgres(_) => "SELECT pg_database_size(current_database())",
        };
        self.query_row(size, (), |row| row.get(0))
    }
}

/// A row that was found.
pub(crate) struct Row<'a>(Line<'a>);

impl Row<'_> {
    /// The value of a column, counted from 0.
    pub(crate) fn get<T: Column>(&self, at: usize) -> Result<T, StoreError> {
        let value = self.0.value(at)?;
        T::read(value).ok_or(StoreError::Column(at))
    }
}

/// A row of either database.
enum Line<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

impl<'a> Line<'a> {
    fn value(&self, at: usize) -> Result<Value<'a>, StoreError> {
        match self {
            Line::Sqlite(row) => sqlite_value(row, at),
            Line::Postgres(row) => postgres_value(row, at),
        }
    }
}

fn sqlite_value<'a>(row: &'a rusqlite::Row<'a>, at: usize) -> Result<Value<'a>, StoreError> {
    match row.get_ref(at)? {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .map(Value::Text)
            .map_err(|_| StoreError::Column(at)),
        ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes)),
        ValueRef::Real(_) => Err(StoreError::Column(at)),
    }
}

/// No row is no failure.
pub(crate) trait Optional<T> {
    fn optional(self) -> Result<Option<T>, StoreError>;
}

impl<T> Optional<T> for Result<T, StoreError> {
    fn optional(self) -> Result<Option<T>, StoreError> {
        match self {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::NoRow) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A value as both databases keep it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Truth(bool),
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// What PostgreSQL is told of it; a NULL is of whatever type its place has.
    pub(super) fn kind(self) -> Type {
        match self {
            Value::Null => Type::UNKNOWN,
            Value::Truth(_) => Type::BOOL,
            Value::Integer(_) => Type::INT8,
            Value::Text(_) => Type::TEXT,
            Value::Bytes(_) => Type::BYTEA,
        }
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Truth(truth) => ValueRef::Integer(truth.into()),
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match *self {
            Value::Null => Ok(IsNull::Yes),
            Value::Truth(truth) => truth.to_sql(of, out),
            Value::Integer(number) => number.to_sql(of, out),
            Value::Text(text) => text.to_sql(of, out),
            Value::Bytes(bytes) => bytes.to_sql(of, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What can stand for a `?1`.
pub(crate) trait Bind {
    fn value(&self) -> Value<'_>;
}

impl<T: Bind + ?Sized> Bind for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Bind::value)
    }
}

impl Bind for bool {
    fn value(&self) -> Value<'_> {
        Value::Truth(*self)
    }
}

impl Bind for i64 {
    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl Bind for u32 {
    fn value(&self) -> Value<'_> {
        Value::Integer((*self).into())
    }
}

impl Bind for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Bind for String {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Bind for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl Bind for Vec<u8> {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

/// The values of a statement: a tuple, an array, or `()` for none.
pub(crate) trait Params {
    fn values(&self) -> Vec<Value<'_>>;
}

impl Params for () {
    fn values(&self) -> Vec<Value<'_>> {
        Vec::new()
    }
}

impl<T: Bind, const N: usize> Params for [T; N] {
    fn values(&self) -> Vec<Value<'_>> {
        self.iter().map(Bind::value).collect()
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Bind),+> Params for ($($name,)+) {
            fn values(&self) -> Vec<Value<'_>> {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                vec![$($name.value()),+]
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

/// What a column is read as.
pub(crate) trait Column: Sized {
    fn read(value: Value<'_>) -> Option<Self>;
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value<'_>) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
}

impl Column for bool {
    fn read(value: Value<'_>) -> Option<bool> {
        match value {
            Value::Truth(truth) => Some(truth),
            // SQLite has no other.
            Value::Integer(number @ (0 | 1)) => Some(number == 1),
            _ => None,
        }
    }
}

impl Column for i64 {
    fn read(value: Value<'_>) -> Option<i64> {
        match value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }
}

impl Column for u32 {
    fn read(value: Value<'_>) -> Option<u32> {
        i64::read(value)?.try_into().ok()
    }
}

impl Column for u64 {
    fn read(value: Value<'_>) -> Option<u64> {
        i64::read(value)?.try_into().ok()
    }
}

impl Column for String {
    fn read(value: Value<'_>) -> Option<String> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn read(value: Value<'_>) -> Option<Vec<u8>> {
        match value {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}
