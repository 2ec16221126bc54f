"""One session of PyMySQL or MySQLdb: see driver in drivers_test.go."""
import importlib
import sys

name, host, port, user, password, ca, database = sys.argv[1:8]
db = importlib.import_module(name)
options = {"host": host, "port": int(port), "user": user, "password": password, "charset": "utf8mb4"}
if database:
    options["database"] = database
if ca:
    options["ssl"] = {"ca": ca}
try:
    conn = db.connect(**options)
except db.Error as e:
    print("login failed:", *e.args)
    sys.exit(0)
cur = conn.cursor()
for q in "select 1", "select id, email from customers", "select 1":
    try:
        cur.execute(q)
        for row in cur.fetchall():
            print(*row)
    except db.Error as e:
        print("error:", e.args[0])
conn.close()
