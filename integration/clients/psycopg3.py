"""What psycopg 3 does on the wire; prints what it got. Its DSN is the argument."""
import asyncio, datetime, decimal, sys, threading, time, uuid
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

dsn = sys.argv[1]
notices = []

def connect(**kw):
    c = psycopg.connect(dsn, **kw)
    c.add_notice_handler(lambda d: notices.append((d.severity, d.message_primary)))
    return c

c = connect(autocommit=True)
c.execute("create temp table t (id int primary key, name text, doc jsonb, raw bytea, n numeric, at timestamptz, u uuid, tags text[])")
values = (1, "Zoë", Jsonb({"a": [1, None]}), b"\x00\xff", decimal.Decimal("12.340"), datetime.datetime(2026, 11, 22, tzinfo=datetime.timezone.utc), uuid.UUID(int=5), ["x", None, 'q"'])
c.execute("insert into t values (%s, %s, %s, %s, %s, %s, %s, %s)", values)
for binary in (False, True):
    for prepare in (False, True, None):
        print(c.execute("select * from t where id = %s", (1,), binary=binary, prepare=prepare).fetchall())
for i in range(12):  # prepared by itself after five
    assert c.execute("select %s::int + 1", (i,)).fetchone() == (i + 1,)
c.execute("alter table t add extra int default 3")
for i in range(8):
    try:
        print(c.execute("select * from t where id = %s", (1,), prepare=True).fetchone())
    except psycopg.Error as e:
        print(e.sqlstate, e)
cur = c.cursor(row_factory=dict_row)
cur.executemany("insert into t (id, name) values (%s, %s)", [(i, "n" * i) for i in range(2, 200)])
print(cur.rowcount)
cur.executemany("insert into t (id, name) values (%s, %s) returning id", [(i, None) for i in range(200, 205)], returning=True)
while True:
    print(cur.fetchall())
    if not cur.nextset():
        break
# pipelines, with errors in their middle
with c.pipeline() as p:
    a, b = c.execute("select 1"), c.execute("select %s::text", ("two",))
    p.sync()
    print(a.fetchone(), b.fetchone())
try:
    with c.pipeline() as p:
        x = c.execute("select 1")
        c.execute("select 1/0")
        c.execute("select 'never'")
        p.sync()
        c.execute("select 'after'")
except psycopg.Error as e:
    print("pipeline", e.sqlstate)
with c.pipeline() as p:
    for i in range(500):
        c.execute("select %s::int, repeat('x', 100)", (i,))
    print(c.execute("select count(*) from t").fetchone())
# transactions, savepoints, cursors on the server
c2 = connect()
with c2.transaction():
    c2.execute("create temp table s as select g as id from generate_series(1, 1000) g")
    try:
        with c2.transaction():
            c2.execute("select nosuch")
    except psycopg.errors.UndefinedColumn as e:
        print(e.diag.message_primary, e.diag.statement_position)
    with c2.cursor(name="named", scrollable=True) as n:
        n.itersize = 77
        n.execute("select id from s order by id")
        print(sum(r[0] for r in n))
        n.scroll(10, mode="absolute")
        print(n.fetchmany(3))
    with c2.cursor(name="bin", binary=True) as n:
        n.execute("select id, id::text from s where id < %s", (4,))
        print(n.fetchall())
c2.commit()
# single rows
print(sum(r[0] for r in c.cursor().stream("select g from generate_series(1, 3000) g")))
# COPY in every direction and format
with c.cursor().copy("copy t (id, name) from stdin") as cp:
    for i in range(1000, 3000):
        cp.write_row((i, "row\t\n\\" * (i % 5)))
with c.cursor().copy("copy t (id, name) from stdin (format binary)") as cp:
    cp.set_types(["int4", "text"])
    for i in range(3000, 3100):
        cp.write_row((i, None if i % 2 else "b" * i))
for opts in ("", "(format csv)", "(format binary)"):
    with c.cursor().copy("copy (select id, name from t order by id) to stdout " + opts) as cp:
        data = b"".join(bytes(b) for b in cp)
        print(len(data), hash(data) if False else sum(data))
with c.cursor().copy("copy (select id, name from t order by id limit 3) to stdout") as cp:
    cp.set_types(["int4", "text"])
    print(list(cp.rows()))
try:
    with c.cursor().copy("copy t (id, name) from stdin") as cp:
        cp.write("5000\tx\n")
        raise RuntimeError("stop")
except Exception as e:
    print(type(e).__name__)
try:
    with c.cursor().copy("copy t (id, name) from stdin") as cp:
        cp.write("no\tnumber\n")
except psycopg.Error as e:
    print(e.sqlstate, e.diag.context)
# notifications, notices, cancelling
c.execute("listen ch")
c2.execute("notify ch, 'payload'")
c2.commit()
for n in c.notifies():
    print(n.channel, n.payload)
    break
c.execute("do $$ begin raise notice 'hello'; end $$")
threading.Timer(1, c.cancel).start()
try:
    c.execute("select pg_sleep(20)")
except psycopg.errors.QueryCanceled as e:
    print("cancelled", e)
print(c.execute("select 'alive'").fetchone(), notices)

async def many():
    async with await psycopg.AsyncConnection.connect(dsn) as a:
        async with a.cursor() as cur:
            await cur.execute("select g, repeat('y', g) from generate_series(1, 300) g")
            print(sum(len(r[1]) for r in await cur.fetchall()))
        try:
            await asyncio.wait_for(a.execute("select pg_sleep(0.1)"), 5)
        except Exception as e:
            print(type(e))
asyncio.run(many())
big = "z" * 3_000_000
assert c.execute("select %s", (big,)).fetchone()[0] == big
c.close()
c2.close()
print("done")
