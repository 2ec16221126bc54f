"""What psqlodbc and MariaDB's ODBC connector do on the wire. Arguments: postgresql
or mariadb, host, port, mode (disable or require)."""
import datetime
import decimal
import sys

import pyodbc

kind, host, port, mode = sys.argv[1:]
pg = kind == "postgresql"
pyodbc.pooling = False


def connect(more="", **options):
    if pg:
        text = "Driver={PostgreSQL Unicode};Server=%s;Port=%s;Database=app;UID=postgres;PWD=x;SSLmode=%s;%s" % (host, port, mode, more)
    else:
        text = "Driver={MariaDB Unicode};Server=%s;Port=%s;Database=app;UID=app;PWD=secret;%s%s" % (host, port, "ForceTLS=1;" if mode == "require" else "", more)
    c = pyodbc.connect(text, **options)
    c.setencoding("utf-8") if not pg else None
    return c


def tell(e):
    print("error", e.args[0], e.args[1].replace(port, "PORT").splitlines()[0])


def show(cur, n=25):
    while True:
        if cur.description:
            print([(d[0], d[1].__name__, d[3], d[6]) for d in cur.description])
            rows = cur.fetchall()
            for r in rows[:n]:
                print(tuple(r))
            print(len(rows), "rows")
        else:
            print("count", cur.rowcount)
        if not cur.nextset():
            return


def play(more):
    print("==", more)
    c = connect(more)
    cur = c.cursor()

    def ask(sql, *args):
        try:
            show(cur.execute(sql, *args))
        except pyodbc.Error as e:
            tell(e)
            c.rollback()

    ask("create %s table t (id int primary key, name varchar(80), n decimal(10,3), at timestamp, raw %s)" % (("temp", "bytea") if pg else ("temporary", "blob")))
    cur.executemany("insert into t values (?, ?, ?, ?, ?)", [(i, "Zoë %d" % i if i % 9 else None, decimal.Decimal(i) / 4, datetime.datetime(2026, 11, 22, 1, 2, 3), bytes([0, i % 256, 255])) for i in range(300)])
    c.commit()
    for i in range(7):
        ask("select * from t where id = ?", i * 3)
    ask("select id, name from t order by id")
    ask("select count(*), sum(n) from t where name like ?", "Zoë 1%")
    for bad in ("select nosuch from t", "insert into t (id) values (1)", "select * from nosuch"):
        ask(bad)
        ask(bad.replace("(1)", "(?)") if "(1)" in bad else bad + " where 1 = ?", 1)
    c.commit()
    ask("update t set name = ? where id < ?", "x", 5)
    c.rollback()
    ask("select name from t where id = 4")
    c.commit()
    ask("select ?", "z" * 300_000 + "end") if pg else None
    for what in (
        lambda: cur.tables(table="od%"), lambda: cur.tables(tableType="TABLE", catalog=None if pg else "app", schema="od" if pg else None), lambda: cur.columns(table="od_orders"),
        lambda: cur.primaryKeys("od_orders", schema="od" if pg else None), lambda: cur.foreignKeys("od_people", schema="od" if pg else None), lambda: cur.foreignKeys(foreignTable="od_orders"),
        lambda: cur.statistics("od_orders", schema="od" if pg else None), lambda: cur.rowIdColumns("od_people", schema="od" if pg else None), lambda: cur.rowVerColumns("od_people"),
        lambda: cur.procedures("od%"), lambda: cur.procedureColumns("od_f"), lambda: cur.getTypeInfo(), lambda: cur.tables("%", "", "", ""), lambda: cur.tables("", "%", "", ""),
    ):
        try:
            show(what(), 60)
        except pyodbc.Error as e:
            tell(e)
            c.rollback()
    if pg:
        ask("{call od.od_f(?)}", 41)
    ask("set statement_timeout = 300" if pg else "set max_statement_time = 0.3")
    ask("select count(*) from generate_series(1, 999999) a, generate_series(1, 999999) b" if pg else "select count(*) from seq_1_to_1000000 a, seq_1_to_1000000 b where a.seq + b.seq < 0")
    ask("select 'goes on'")
    print(c.getinfo(pyodbc.SQL_DBMS_NAME), c.getinfo(pyodbc.SQL_DBMS_VER), c.getinfo(pyodbc.SQL_IDENTIFIER_QUOTE_CHAR))
    c.close()


c = connect(autocommit=True)
for sql in (
    "set client_min_messages = error", "drop schema if exists od cascade", "create schema od",
    "create table od.od_people (id serial primary key, name varchar(60) not null, email text unique)",
    "create table od.od_orders (id bigserial primary key, person int references od.od_people, note varchar(80))",
    "create index od_orders_note on od.od_orders (note)",
    "create function od.od_f(a int) returns int language sql as 'select a + 1'",
) if pg else (
    "drop table if exists od_orders", "drop table if exists od_people", "drop function if exists od_f",
    "create table od_people (id int auto_increment primary key, name varchar(60) not null, email varchar(80) unique)",
    "create table od_orders (id bigint auto_increment primary key, person int, note varchar(80), key (note), foreign key (person) references od_people (id))",
    "create function od_f(a int) returns int deterministic return a + 1",
):
    c.execute(sql)
for more in ("", "UseServerSidePrepare=0;Protocol=7.4-1", "UseDeclareFetch=1;Fetch=37;Protocol=7.4-2") if pg else ("", "NO_CACHE=1;FORWARDONLY=1", "NoPrepare=1;PREPONCLIENT=1"):
    play(more)
for sql in ("drop schema od cascade",) if pg else ("drop table od_orders", "drop table od_people", "drop function od_f"):
    c.execute(sql)
print("done")
