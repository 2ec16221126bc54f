"""What PyMySQL and mysqlclient do on the wire. Arguments: the module's name, host, port, ssl (disable or require)."""
import importlib, os, sys, tempfile, threading

name, host, port, mode = sys.argv[1:]
db = importlib.import_module(name)
args = dict(host=host, port=int(port), user="app", password="secret", database="app", charset="utf8mb4", local_infile=1)
if mode == "require":
    args["ssl"] = {"ca": None, "check_hostname": False, "verify_mode": False} if name == "pymysql" else {"cipher": "DEFAULT"}
c = db.connect(**args)
cur = c.cursor()


def run(sql, params=None, show=True):
    try:
        n = cur.execute(sql, params)
        if show:
            print(n, cur.rowcount, cur.lastrowid, [d[:2] for d in cur.description or []], cur.fetchall())
    except Exception as e:
        print(type(e).__name__, e.args)


run("create temporary table t (id int primary key auto_increment, name varchar(60), n decimal(10,3), at datetime(6), raw blob, doc json, kind enum('a','b'), b bit(3))")
print(cur.executemany("insert into t (name, n, raw) values (%s, %s, %s)", [("n%d" % i, i / 4, b"\x00\xff'\\") for i in range(1000)]))
run("select * from t where id < 4 order by id")
run("update t set name = concat(name, %s) where id < %s", ("Zoë", 100))
run("select name, at, doc from t where id = %s", (7,))
c.commit()
for bad in ("select nosuch", "selec", "insert into t (id) values (1)", "select extractvalue(1, concat('~', 'x'))", "signal sqlstate '45000' set message_text = 'raised'"):
    run(bad)
cur.callproc("p", (4, ""))
print(cur.fetchall())
while cur.nextset():
    print(cur.fetchall() if cur.description else None)
run("select @_p_1")
run("select 1; select 2")
stream = importlib.import_module(name + ".cursors").SSCursor(c)
stream.execute("select id, name, repeat('x', 1000) from t order by id")
print(stream.fetchone()[:2], [r[0] for r in stream.fetchmany(3)], sum(r[0] for r in stream))
stream.close()
run("select repeat('y', 3000000)", show=False)
print(len(cur.fetchone()[0]))
big = "z" * 17000000
run("select %s", (big,), show=False)
print(cur.fetchone()[0] == big)
with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
    f.write("".join("%d\tloaded\n" % i for i in range(5000, 9000)))
    f.flush()
    os.chmod(f.name, 0o644)
    print(cur.execute("load data local infile '%s' into table t (id, name)" % f.name))
try:
    cur.execute("load data local infile '/nosuch.txt' into table t")
except Exception as e:
    print(type(e).__name__, e.args[0])
    c = db.connect(**args)
    cur = c.cursor()
c.begin()
c.select_db("other")
run("select database()")
c.select_db("app")
c.ping()
print(c.get_server_info())
if name == "MySQLdb":
    c.change_user("app", "secret", "other")
    run("select database()")
    c.set_character_set("latin1")
    print(c.character_set_name())
    c.dump_debug_info()
    print(c.stat().split(":")[0])
other = db.connect(**args)
victim = c.thread_id()
killer = threading.Timer(1, lambda: other.cursor().execute("kill query %d" % victim))
killer.start()
run("select sleep(30), 1")
killer.join()  # a connection belongs to one thread at a time
run("select 'goes on'")
other.cursor().execute("kill %d" % victim)
other.close()
try:
    cur.execute("select 1")
    cur.execute("select 1")
except Exception as e:
    print(type(e).__name__, e.args[0] in (2006, 2013, 1927))
print("done")
