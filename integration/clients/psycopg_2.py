"""What psycopg2 (libpq, simple protocol) does on the wire. Its DSN is the argument."""
import io, select, sys, threading
import psycopg2
import psycopg2.extensions
import psycopg2.extras

c = psycopg2.connect(sys.argv[1])
cur = c.cursor()
cur.execute("create temp table t (id int primary key, name text, tags int[], doc jsonb)")
psycopg2.extras.execute_values(cur, "insert into t (id, name, tags) values %s", [(i, "n%d" % i, [i, None]) for i in range(500)])
psycopg2.extras.execute_batch(cur, "update t set name = name || %s where id = %s", [("x", i) for i in range(100)])
cur.execute("select * from t order by id limit 3; select count(*) from t")
print(cur.fetchall(), cur.statusmessage)
c.commit()
for bad in ("select 1/0", "select nosuch", "syntax error", "insert into t values (1)"):
    try:
        cur.execute(bad)
    except psycopg2.Error as e:
        print(e.pgcode, e.pgerror, e.diag.constraint_name)
        c.rollback()
with c.cursor(name="named") as n:
    n.itersize = 50
    n.execute("select id from t order by id")
    print(sum(r[0] for r in n))
c.rollback()
out = io.BytesIO()
cur.copy_expert("copy t to stdout (format csv)", out)
print(len(out.getvalue()), out.getvalue()[:60])
out = io.BytesIO()
cur.copy_expert("copy t to stdout (format binary)", out)
print(len(out.getvalue()))
cur.copy_expert("copy t (id, name) from stdin", io.StringIO("".join("%d\tcopied\n" % i for i in range(1000, 2000))))
try:
    cur.copy_expert("copy t (id, name) from stdin", io.StringIO("x\ty\n"))
except psycopg2.Error as e:
    print(e.pgcode)
    c.rollback()
lob = c.lobject(0, "wb")
lob.write(b"large" * 100000)
lob.seek(5)
oid = lob.oid
lob.close()
lob = c.lobject(oid, "rb")
print(len(lob.read()), lob.tell())
lob.unlink()
c.commit()
c.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
cur.execute("listen ch; notify ch, 'one'; select pg_notify('ch', 'two')")
c.poll()
print([(n.channel, n.payload) for n in c.notifies])
cur.execute("do $$ begin raise notice 'hello'; end $$")
print(c.notices[-1:])
threading.Timer(1, c.cancel).start()
try:
    cur.execute("select pg_sleep(20)")
except psycopg2.extensions.QueryCanceledError as e:
    print("cancelled", e.pgcode)
x = c.xid(1, "gtrid", "bqual")
c2 = psycopg2.connect(sys.argv[1])
c2.tpc_begin(x)
c2.cursor().execute("create table two_phase (a int)")
c2.tpc_prepare()
c2.tpc_rollback()
a = psycopg2.connect(sys.argv[1], async_=1)
def wait(conn):
    while True:
        state = conn.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        select.select([conn.fileno()] if state == psycopg2.extensions.POLL_READ else [], [conn.fileno()] if state == psycopg2.extensions.POLL_WRITE else [], [], 10)
wait(a)
ac = a.cursor()
ac.execute("select repeat('y', 2000000), 1")
wait(a)
print(len(ac.fetchone()[0]))
print("done")
